"""Contact lists: who is kept of a file, and who of them hears what of an outage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns import opened as outages
from tests.campaigns.tell import moved

from outreach.campaigns import stakeholders
from outreach.campaigns.engine import Engine
from outreach.campaigns.files import parse_campaign
from outreach.campaigns.preview import preview
from outreach.campaigns.stakeholders import Imported, Reader
from outreach.campaigns.telling import Teller
from outreach.model.errors import InputRefused
from outreach.model.stakeholder import ContactList, NewStakeholder
from outreach.model.words import Channel, MessageState
from outreach.outages import revise
from outreach.store import stakeholders as store, tables as t
from outreach.store.explain import Wanted, messages

NOW = make.NOW
MINUTE = timedelta(minutes=1)
HEAD = "list,name,locality,channel,address,language"
LISTED = (
    "municipality,Municipalidad de Ñuñoa,nunoa,sms,+56 9 6111 1111,es",
    "municipality,Municipalidad de Providencia,Providencia,email,EMERGENCIA@providencia.example,es",
    "regulator,SEC,,email,guardia@sec.example,es",
    "press,Radio,,sms,+56 9 2222 2222,es",
)
NUNOA, PROVIDENCIA, SEC = "+56961111111", "emergencia@providencia.example", "guardia@sec.example"


def reader() -> Reader:
    return Reader(
        keyring=make.KEYRING, country="CL", locale="es", zone=make.ZONE,
        localities={"nunoa": "Ñuñoa", "providencia": "Providencia"},
    )  # fmt: skip


def cells(**changes: str) -> dict[str, str]:
    values = {"list": "press", "name": "Radio", "locality": "", "channel": "sms"}
    return values | {"address": "+56922222222", "language": ""} | changes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"list": "neighbours"}, "unknown_list"),
        ({"name": ""}, "missing_name"),
        ({"channel": "voice"}, "unknown_channel"),
        ({"address": "12"}, "bad_address"),
        ({"channel": "email", "address": "radio@"}, "bad_address"),
        ({"locality": "Nuñioa"}, "unknown_locality"),
        ({"language": "Spanish"}, "unknown_language"),
    ],
)
def test_a_bad_row_says_why_and_never_its_address(changes, reason):
    refused = reader().read(cells(**changes))

    assert isinstance(refused, tuple)
    assert refused[0] == reason
    assert not any(part in refused[1] for part in ("222222", "radio@"))


def test_a_good_row_is_read_in_the_records_spelling():
    entry = reader().read(cells(locality="ÑUNOA", language="es-CL"))

    assert isinstance(entry, NewStakeholder)
    assert (entry.list, entry.locality, entry.locale) == (ContactList.PRESS, "Ñuñoa", "es-CL")
    assert (entry.channel, entry.country, entry.prefix) == (Channel.SMS, "CL", "+5692")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('audience = "told"', "leave the audience out"),
        ('channels = ["voice"]', "lists hear by sms and email"),
        ('lists = ["pres"]', "did you mean 'press'"),
    ],
)
def test_a_step_for_lists_chooses_among_no_customers(line, said):
    others = "" if line.startswith("lists") else 'lists = ["press"]\n'
    text = (
        'name = "c"\nserves = "outage"\n[[step]]\nname = "s"\non = "restored"\n'
        f'template = "t"\n{others}{line}\n'
    )

    with pytest.raises(InputRefused, match=said):
        parse_campaign(text, path=Path("c.toml"))


# ── with a town ─────────────────────────────────────────────────────────────────────────────────


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What is read and composed is the same on both."""


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    return outages.make_engine(database, tmp_path)


def take_in(engine: Engine, *lines: str) -> Imported:
    path = engine.settings.workspace / "lists.csv"
    path.write_text("\n".join([HEAD, *lines, ""]), encoding="utf-8")
    return stakeholders.take_in(
        engine.database, engine.keyring, engine.settings, path, author="ana", now=NOW
    )


def heard(engine: Engine) -> dict[str, set[str]]:
    """step -> addresses of stakeholders; customers' messages are left away."""
    m, w, point = t.message.c, t.step_run.c, t.contact_point.c
    with engine.database.read() as session:
        rows = session.execute(
            select(w.step, point.address_sealed)
            .join(t.step_run, w.id == m.step_run_id)
            .join(t.contact_point, point.id == m.contact_point_id)
            .where(m.customer_id == 0)
        ).all()
    found: dict[str, set[str]] = {}
    for step, sealed in rows:
        found.setdefault(step, set()).add(engine.keyring.open(sealed))
    return found


@on_sqlite
def test_good_rows_are_kept_bad_ones_named_by_record_and_again_changes_nothing(engine):
    lines = (*LISTED[:2], "press,,,sms,+56922222222,es", LISTED[2])

    first, again = take_in(engine, *lines), take_in(engine, *lines)

    assert [(one.read, one.kept, one.unchanged) for one in (first, again)] == [(4, 3, 0), (4, 0, 3)]
    assert [(row.record, row.reason) for row in first.refused] == [(4, "missing_name")]
    with engine.database.read() as session:
        known = store.every(session, lists=[ContactList.MUNICIPALITY])
    assert {one.locality for one in known} == {"Ñuñoa", "Providencia"}


def test_authorities_hear_of_what_touches_them_and_of_its_end(engine):
    take_in(engine, *LISTED)

    applied = outages.open_outage(engine, node=town.SOUTH)
    engine.launch(applied.occasion.id, outages.UNPLANNED, actor="ana", now=NOW)
    moved(engine, MessageState.DELIVERED)
    outages.restore(engine, applied, after=60 * MINUTE)

    assert heard(engine) == {
        "authority_opened": {NUNOA, SEC},
        "authority_restored": {NUNOA, SEC},
    }


def test_the_steps_for_customers_speak_to_no_stakeholder_but_a_correction_goes_to_all(engine):
    take_in(engine, *LISTED)
    applied = outages.launched(engine)
    moved(engine, MessageState.DELIVERED)

    later = outages.update(engine, applied, after=10 * MINUTE, etr_at=NOW + 180 * MINUTE)
    moved(engine, MessageState.DELIVERED, at=NOW + 11 * MINUTE)
    now = NOW + 20 * MINUTE
    corrected = revise.corrected(later.occasion.revision, "Not before noon", now=now)
    assert corrected is not None
    engine.revise(applied.occasion.id, corrected, now=now)

    found = heard(engine)
    assert set(found) == {"authority_opened", "authority_update", "correction"}
    assert found["authority_update"] == {NUNOA, PROVIDENCIA, SEC}
    assert found["correction"] == {NUNOA, PROVIDENCIA, SEC}


@on_sqlite
def test_who_was_removed_and_an_empty_list_hear_nothing(engine):
    take_in(engine, LISTED[2])
    with engine.database.write() as session:
        [one] = store.every(session)
        gone = [store.remove(session, one.id, now=NOW) for _again in range(2)]

    outages.launched(engine)

    assert gone == [True, False]
    assert "authority_opened" not in outages.steps(engine)


@on_sqlite
def test_what_an_authority_reads_names_place_cause_and_next_news(engine):
    take_in(engine, *LISTED)
    outages.launched(engine, cause="")

    with engine.database.read() as session:
        waiting = messages(session, Wanted(state=MessageState.QUEUED, limit=100))
    teller = Teller(engine.database, engine.settings)
    texts = [
        teller.render(one.recipient, "").text
        for one in waiting
        if one.recipient.template == "outage_authority"
    ]

    sms = next(text for text in texts if "Inicio" not in text)
    assert "Ñuñoa" in sms
    assert "Causa aun no conocida" in sms
    assert "Proxima noticia" in sms
    assert sum("Causa: aún no conocida" in text for text in texts) == 2


@on_sqlite
def test_the_preview_counts_stakeholders_by_their_step(engine):
    take_in(engine, *LISTED)
    applied = outages.open_outage(engine)

    shown = preview(engine, applied.occasion.id, outages.UNPLANNED, now=NOW)

    counted = {step.step: step.messages for step in shown.steps}
    assert counted["authority_opened"] == 3
