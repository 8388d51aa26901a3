"""What we write is CAP 1.2: it reads back whole, breaks no rule, and is the same bytes every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.outages.make_revision import (
    NOW,
    after,
    certain,
    make_advisory,
    make_outage,
    make_work,
)

from outreach.model.cap import CapAlert, CapArea, Reference
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import OccasionKind, Service
from outreach.outages import cap_out, revise, revise_planned
from outreach.outages.cap_out import CapSource, CapText
from outreach.outages.intake_cap import read

SOURCE = CapSource(
    sender="cortes@luz.example", name="Río Claro", web="https://luz.example/?a=1&b=2", contact="600"
)
ES = CapText(
    language="es", event="Corte de luz", headline="Corte en Ñuñoa", description="Vuelta: 05:30 <h>"
)
EN = CapText(language="en", event="Power outage", headline="Outage", description="Back: 05:30 & on")
SQUARE = ((-33.4, -70.65), (-33.4, -70.55), (-33.45, -70.55), (-33.4, -70.65))
AREA = CapArea(
    description="Ñuñoa; Providencia", polygons=(SQUARE,), circles=(((-33.4321, -70.6), 2.5),)
)
EARLIER = (Reference(sender=SOURCE.sender, identifier="out_x-1", sent="2026-07-16T02:43:00-04:00"),)
ZONE = "America/Santiago"


def _occasion(revision: Revision, **changes: Any) -> Occasion:
    values: dict[str, Any] = {
        "id": OccasionId(1), "kind": OccasionKind.OUTAGE, "service": Service.ELECTRICITY,
        "name": "ALM-F12", "source_ref": None, "zone": ZONE, "opened_at": NOW,
        "revision": revision,
    }  # fmt: skip
    return Occasion(**(values | changes))


def _composed(occasion: Occasion, **changes: Any) -> CapAlert:
    values: dict[str, Any] = {
        "public_id": "out_x",
        "source": SOURCE,
        "texts": [ES, EN],
        "area": AREA,
    }
    return cap_out.composed(occasion, **(values | changes))


def _back(alert: CapAlert, zone: str = ZONE) -> CapAlert:
    found = next(read(cap_out.written(alert, zone=zone), name="ours"))
    assert isinstance(found, CapAlert), found
    return found


def _restored() -> Revision:
    return certain(revise.restored(make_outage(), known_how="crew", now=after(hours=1)))


def _kinds() -> dict[str, Occasion]:
    advisory, work = make_advisory(), make_work()
    ended = revise.ended(advisory, now=after(hours=2))
    return {
        "outage": _occasion(make_outage()),
        "with estimate": _occasion(make_outage(etr_at=after(hours=2))),
        "restored": _occasion(_restored()),
        "discarded": _occasion(certain(revise.discarded(make_outage(), now=after(minutes=9)))),
        "work": _occasion(work, kind=OccasionKind.PLANNED),
        "cancelled": _occasion(
            certain(revise_planned.cancelled(work, now=after(hours=1))), kind=OccasionKind.PLANNED
        ),
        "advisory": _occasion(advisory, kind=OccasionKind.ADVISORY),
        "ended": _occasion(ended, kind=OccasionKind.ADVISORY),
    }


@pytest.mark.parametrize("kind", list(_kinds()))
@pytest.mark.parametrize("earlier", [(), EARLIER], ids=["first", "later"])
@pytest.mark.parametrize("texts", [[ES, EN], []], ids=["told", "untold"])
def test_what_we_write_reads_back_whole(
    kind: str, earlier: tuple[Reference, ...], texts: list[CapText]
):
    alert = _composed(_kinds()[kind], earlier=earlier, texts=texts)

    assert _back(alert) == alert


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("outage", "Update"),
        ("with estimate", "Update"),
        ("restored", "Update"),
        ("work", "Update"),
        ("advisory", "Update"),
        ("discarded", "Cancel"),
        ("cancelled", "Cancel"),
        ("ended", "Cancel"),
    ],
)
def test_what_follows_updates_or_cancels_and_names_what_left_before(kind: str, message: str):
    occasion = _kinds()[kind]

    first, later = _composed(occasion), _composed(occasion, earlier=EARLIER)

    assert (first.msg_type, first.references) == ("Alert", ())
    assert (later.msg_type, later.references) == (message, EARLIER)


def test_an_alert_is_known_by_its_version_and_sent_in_the_wall_time_of_the_area():
    alert = _composed(_occasion(make_outage()))

    assert alert.identity == Reference(
        sender="cortes@luz.example", identifier="out_x-1", sent="2026-07-16T02:43:00-04:00"
    )
    assert (alert.status, alert.scope) == ("Actual", "Public")


def test_utc_is_written_as_the_standard_wants_it():
    occasion = _occasion(make_outage(), zone="UTC")

    written = cap_out.written(_composed(occasion), zone="UTC")

    assert b"<sent>2026-07-16T06:43:00-00:00</sent>" in written
    assert b"+00:00" not in written


def test_news_that_it_is_over_clears_and_holds_a_day():
    info = _composed(_occasion(_restored()), earlier=EARLIER).infos[0]

    assert (info.urgency, info.responses) == ("Past", ("AllClear",))
    assert info.expires == after(hours=25)


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({"etr_at": after(hours=2)}, after(hours=2, minutes=2)),
        ({"next_update_at": after(minutes=45)}, after(minutes=45)),
        ({}, after(hours=1)),
    ],
)
def test_an_alert_is_believed_until_the_last_instant_it_promises(
    changes: dict[str, datetime], until: datetime
):
    assert cap_out.expires(_occasion(make_outage(**changes))) == until


def test_without_a_promise_ahead_an_alert_is_believed_for_a_day():
    silent = replace(make_outage(), next_update_at=NOW - timedelta(hours=1))

    assert cap_out.expires(_occasion(silent)) == NOW + timedelta(days=1)


def test_an_exercise_says_so():
    alert = _composed(_occasion(make_outage(), drill=True))

    assert (alert.status, alert.note) == ("Exercise", "ALM-F12")
    assert _back(alert) == alert


def test_the_same_revision_gives_the_same_bytes():
    occasion = _occasion(make_outage())

    assert cap_out.written(_composed(occasion), zone=ZONE) == cap_out.written(
        _composed(occasion), zone=ZONE
    )


@settings(max_examples=80, deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(max_size=200))
def test_whatever_stands_in_a_text_the_alert_breaks_no_rule(headline: str, description: str):
    text = replace(ES, headline=headline, description=description)

    back = _back(_composed(_occasion(make_outage()), texts=[text]))

    assert back.infos[0].headline == " ".join(
        "".join(c if c.isprintable() else " " for c in headline).split()
    )
