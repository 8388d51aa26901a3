"""Single stories of a fleet at the product's own pace: a worker killed and started again, stops in mid-run.

    python -m tests.fleet.scenarios restart|stops [--database sqlite|postgresql] [--recipients N]

Prints one line of JSON; the exit code is 1 if a rule was broken.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select, update
from tests.fleet import checker, drive, history, recipients
from tests.fleet.history import History
from tests.fleet.nursery import Nursery
from tests.fleet.run import databases, server
from tests.fleet.terms import AUTH_TOKEN, Fleet, Lane, drawn
from tests.make import KEYRING
from twilio.request_validator import RequestValidator

from outreach import clock
from outreach.model.words import MessageState, RunState
from outreach.store import ledger, suppressions, tables as t
from outreach.store.session import Database

__all__ = ["restart", "server", "stops", "story"]
_FAST = 1_000_000.0
_STOPPED = 0.7
"""Of the time that all would take: a restoration and a cancel make it shorter."""
_WAYS = ("commit", "carrier", "reply")


def restart(fleet: Fleet, nursery: Nursery, database: Database, *, how_many: int) -> dict[str, Any]:
    """The only worker is killed at a third, and started again at once."""
    recipients.fill(database, sms=how_many)
    with drive.running(fleet, nursery, database, workers=1) as driven:
        driven.until(lambda: driven.sent() >= how_many // 3, seconds=120)
        killed_at = clock.monotonic()
        driven.kill("w0")
        driven.until(lambda: driven.kills == 1, seconds=5)
        with database.read() as session:
            held = ledger.counts(session)[MessageState.SENDING]
        driven.until(lambda: driven.sent() >= how_many - held, seconds=120 * fleet.scale + 60)
        rest_at = clock.monotonic()
        driven.settle(still=100 * fleet.scale)
        settled_at = clock.monotonic()
        driven.listen_on(seconds=2)
    calls = [one["at"] for one in history.read(fleet.history) if one["event"] == "invoke" and one["at"] > killed_at + 0.5]  # fmt: skip
    return {
        "in_hand": held,
        "first_call_after_s": round(min(calls) - killed_at, 2),
        "rest_done_after_s": round(rest_at - killed_at, 2),
        "work_s": round(rest_at - min(calls), 2),
        "settled_after_s": round(settled_at - killed_at, 2),
    }


def stops(
    fleet: Fleet, nursery: Nursery, database: Database, *, how_many: int, seconds: float = 0.0,
    opt_outs: int = 500,
) -> dict[str, Any]:  # fmt: skip
    """Opt-outs by commit, by the carrier's word and by texts of STOP; a restoration, a cancel; four workers send.

    It ends after so many seconds, or, with none named, when nothing is left to send: what is to stop then
    comes at random while the sending lasts.
    """
    is_carried_on = not seconds
    seconds = seconds or how_many / sum(lane.rate for lane in fleet.lanes) * _STOPPED
    people, waves = how_many // 5, 5
    made = recipients.fill_waves(database, people=people, waves=waves)
    draw = drawn(fleet.seed, "stops")
    when = sorted((draw.uniform(2, seconds), draw.randrange(1, people + 1)) for _each in range(opt_outs))  # fmt: skip
    begun = clock.monotonic()
    plan: list[tuple[float, Any]] = [(at, ("opt_out", point, _WAYS[number % len(_WAYS)])) for number, (at, point) in enumerate(when)]  # fmt: skip
    plan += [(seconds * 0.3, ("restore", made[0])), (seconds * 0.6, ("cancel", made[1]))]
    with drive.running(fleet, nursery, database, workers=4) as driven:
        person = _Person(fleet, database)
        for at, what in sorted(plan, key=lambda each: each[0]):
            while clock.monotonic() - begun < at:
                driven.turn(quiet=True)
            person.does(*what)
        left = driven.open()
        if is_carried_on:
            driven.settle(still=100)
        lasted = clock.monotonic() - begun
        driven.listen_on(seconds=4)
        calls = sum(1 for one in history.read(fleet.history) if one["event"] == "invoke")
    return {
        "calls": calls, "opt_outs": opt_outs, "sent_a_second": round(calls / lasted, 1), "lasted_s": round(lasted, 1),
        "left_at_last_stop": left,
        "by_reply": person.by_reply, "webhook_unanswered": person.unanswered, "webhook_longest_s": round(max(person.waits), 2),
        "webhook_median_s": round(median(person.waits), 3),
    }  # fmt: skip


class _Person:
    """Who stops things, and notes when each stop was committed or acknowledged."""

    def __init__(self, fleet: Fleet, database: Database) -> None:
        self._fleet, self._database = fleet, database
        self._history = History(fleet.history, "person")
        self._numbers = itertools.count(1)
        self.waits: list[float] = []
        """Seconds that our webhook took to answer."""
        self.unanswered = self.by_reply = 0

    def does(self, what: str, *about: Any) -> None:
        getattr(self, what)(*about)

    def opt_out(self, point: int, how: str) -> None:
        m = t.message
        with self._database.read() as session:
            message = session.execute(select(func.min(m.c.id)).where(m.c.contact_point_id == point)).scalar_one()  # fmt: skip
        if how == "commit":
            with self._database.write() as session:
                suppressions.opt_out(session, [message], now=clock.now())
        elif not (self._carrier_says(message) if how == "carrier" else self._texts_stop(point)):
            return
        self._history.note("ok", what="stop", how=how, points=[point])

    def _carrier_says(self, message: int) -> bool:
        """Twilio's callback with 21610; True once our webhook has answered 2xx."""
        form = {"MessageSid": f"SMstop{next(self._numbers):028}", "MessageStatus": "received", "ErrorCode": "21610"}  # fmt: skip
        return self._posts(f"/webhooks/twilio/status/{KEYRING.token(message, 1)}", form)

    def _texts_stop(self, point: int) -> bool:
        """A person's own STOP, as Twilio brings it; True once our webhook has answered 2xx."""
        p = t.contact_point.c
        with self._database.read() as session:
            sealed = session.execute(select(p.address_sealed).where(p.id == point)).scalar_one()
        form = {"MessageSid": f"SMsaid{next(self._numbers):028}", "From": KEYRING.open(sealed), "To": "+56900000000", "Body": "BAJA"}  # fmt: skip
        self.by_reply += (is_taken := self._posts("/webhooks/twilio/inbound", form))
        return is_taken

    def _posts(self, path: str, form: dict[str, str]) -> bool:
        import http.client  # noqa: PLC0415  here only

        signed = RequestValidator(AUTH_TOKEN).compute_signature(self._fleet.web_url + path, form)
        line = http.client.HTTPConnection("127.0.0.1", self._fleet.ports["web"], timeout=10)
        began = clock.monotonic()
        line.request("POST", path, urlencode(form), {
            "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signed,
        })  # fmt: skip
        try:
            answered = line.getresponse().status
        except TimeoutError:
            answered = 0
        line.close()
        self.waits.append(clock.monotonic() - began)
        self.unanswered += not answered
        return 200 <= answered < 300

    def restore(self, wave: int) -> None:
        """A newer revision of the wave's occasion overtakes it."""
        occasion = select(t.run.c.occasion_id).join(t.step_run, t.step_run.c.run_id == t.run.c.id)
        with self._database.write() as session:
            number = session.execute(occasion.where(t.step_run.c.id == wave)).scalar_one()
            ledger.supersede(session, occasion=number, version=2, now=clock.now())
        self._history.note("ok", what="stop", how="restore", waves=[wave])

    def cancel(self, wave: int) -> None:
        with self._database.write() as session:
            run = session.execute(select(t.step_run.c.run_id).where(t.step_run.c.id == wave)).scalar_one()  # fmt: skip
            session.execute(update(t.run).where(t.run.c.id == run).values(state=RunState.CANCELLED))
            ledger.cancel(session, run=run, now=clock.now())
        self._history.note("ok", what="stop", how="cancel", waves=[wave])


def story(name: str, kind: str, *, how_many: int, folder: Path) -> dict[str, Any]:
    """One story at full scale on a fresh database."""
    lanes = {"restart": (Lane(name="sms0", channel="sms", rate=_FAST),),
             "stops": tuple(Lane(name=f"sms{n}", channel="sms", rate=50.0) for n in range(4))}[name]  # fmt: skip
    recipients.workspace(folder)
    with databases(kind) as url, Nursery() as nursery:
        database = Database(url)
        fleet = drive.make_fleet(folder, url, 1, lanes=lanes, scale=1.0)
        tells = {"restart": restart, "stops": stops}[name]
        told = tells(fleet, nursery, database, how_many=how_many)
        verdict = checker.check(fleet, database)
        database.close()
    return {"story": name, "database": kind, "broken": verdict.broken, **told, "examples": verdict.examples,
            "states": verdict.states, "doubled": verdict.doubled, "lost": verdict.lost,
            "late_calls": verdict.late_calls}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("story", choices=["restart", "stops"])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--recipients", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for ledger, history and logs")
    asked = parser.parse_args()
    how_many = asked.recipients or {"restart": 20_000, "stops": 50_000}[asked.story]
    with tempfile.TemporaryDirectory(prefix="fleet") as folder:
        where = asked.keep or Path(folder)
        told = story(asked.story, asked.database, how_many=how_many, folder=where)
    told["examples"] = {rule: each for rule, each in told["examples"].items() if rule in told["broken"]}  # fmt: skip
    sys.stdout.write(json.dumps(told) + "\n")
    sys.exit(1 if told["broken"] else 0)


if __name__ == "__main__":
    main()
