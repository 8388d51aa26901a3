from datetime import timedelta
import pytest
from tests.entry import telling
from tests.entry.telling import *
def test_it(tmp_path, sqlite_template, monkeypatch):
    n = telling.night(tmp_path/"luz", sqlite_template, monkeypatch)
    def p(*w, **k):
        r = n.run(*w, **k); print("\n$ outreach", *w, "->", r.exit_code); print(r.stdout); print("ERR", r.stderr); 
        if r.exit_code==1 and r.exception and not isinstance(r.exception, SystemExit): raise r.exception
        return r
    p("campaign","list"); 
    p("campaign","arm",UNPLANNED,"--approver","beto","--author","ana","--until","+12h")
    p("campaign","disarm",UNPLANNED)
    p("outage","open","ALM-F12")
    p("audience","count","last"); p("audience","count","--locality","nunoa")
    p("audience","list","last"); p("audience","list","last","--unreachable","--channel","email","--with-addresses","--format","csv")
    p("campaign","preview",UNPLANNED)
    p("campaign","launch",UNPLANNED,"last","--dry-run")
    p("campaign","launch",UNPLANNED,"last","--yes")
    p("campaign","launch",UNPLANNED,"last","--yes")
    p("campaign","watch","last")
    telling.send(n, at=NOW, priority="A", state=MessageState.ACCEPTED)
    p("campaign","watch","last", at=LATER)
    telling.send(n, at=LATER)
    p("campaign","status", at=LATER)
    p("outage","update","last","--etr","+3h","--yes", at=LATER)
    p("campaign","status","last", at=LATER)
    p("campaign","pause","--all","--reason","wrong", at=LATER)
    p("message","list", at=LATER)
    p("message","explain","K-0002", at=LATER)
    p("campaign","resume","last", at=LATER)
    p("campaign","cancel","last","--yes", at=LATER)
    p("ivr","answer","--from","+56970000002", at=LATER)
    p("ivr","answer","--locality","Providencia","--lang","en","--format","json", at=LATER)
    p("deflection","show", at=LATER)
    p("routing","show", at=LATER)
    from outreach.entry.cli.command import Given
    from outreach.campaigns import routing
    from outreach.settings import load
    for i in range(3): routing.minute(n.database, load(n.folder), make.KEYRING, shown=lambda o: "out_x", now=LATER+timedelta(minutes=i))
    p("routing","show", at=LATER+timedelta(minutes=2))
    p("routing","show","--format","json", at=LATER+timedelta(minutes=2))
    p("campaign","correct","last","--fact","solo Ñuñoa","--yes", at=LATER+timedelta(minutes=2))
    p("campaign","--help")
