"""What becomes of an alert: taken, refused, or put before a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.outages.make_cap import SENDER, SQUARE, cap, info, make_alert, reference
from tests.outages.make_revision import NOW

from outreach.model.cap import CapAlert
from outreach.model.errors import InputRefused
from outreach.outages import cap_rules
from outreach.outages.cap_policy import CAREFUL, CapPolicy, read_cap_policy
from outreach.outages.cap_rules import Case, Move, Past
from outreach.store.alerts import Kept

CORPORA = Path(__file__).parents[2].parent / "shared/corpora"


def _corpus(path: str) -> bytes:
    file = CORPORA / path
    if not file.exists():
        pytest.skip(f"{CORPORA} is not here")
    return file.read_bytes()


# ── What to do with one ──────────────────────────────────────────────────────────────────────

AUTO = CapPolicy(auto=True)


def _judged(
    alert: CapAlert,
    *,
    policy: CapPolicy = AUTO,
    past: Past | None = None,
    now: datetime = NOW,
) -> cap_rules.Verdict:
    return cap_rules.judge(
        Case(alert=alert, past=past or Past(), policy=policy, locale="es-CL", now=now)
    )


def _kept(identifier: str = "A1", *, sent: datetime = NOW, **changes: object) -> Kept:
    values: dict[str, object] = {
        "sender": SENDER, "identifier": identifier, "sent": sent.isoformat(), "direction": "in",
        "msg_type": "Alert", "status": "Actual", "refs": (), "outcome": "taken", "reason": "",
        "body": "", "at": NOW, "occasion_id": 7, "version": 1,
    }  # fmt: skip
    return Kept(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["Exercise", "System", "Test", "Draft"])
@pytest.mark.parametrize("policy", [AUTO, CAREFUL])
def test_what_is_not_actual_never_becomes_public(status: str, policy: CapPolicy):
    verdict = _judged(make_alert(cap(status=status)), policy=policy)

    assert verdict.move is Move.REFUSE
    assert status in verdict.reason


@pytest.mark.parametrize(
    ("raw", "policy", "named"),
    [
        (cap(scope="Private", addresses="a"), AUTO, "scope Private"),
        (cap(msgType="Ack", references=reference("A0")), AUTO, "msgType Ack"),
        (cap(msgType="Error", references=reference("A0")), AUTO, "msgType Error"),
        (cap(), CapPolicy(auto=True, senders=("otro",)), "not among those"),
        (cap(), CapPolicy(auto=True, severities=("Extreme",)), "severity Severe"),
        (cap().replace(b"<info>", b"<!--").replace(b"</info>", b"-->"), AUTO, "no info"),
    ],
)
def test_what_is_not_for_our_public_is_refused(raw: bytes, policy: CapPolicy, named: str):
    verdict = _judged(make_alert(raw), policy=policy)

    assert verdict.move is Move.REFUSE
    assert named in verdict.reason


def test_an_expired_alert_is_refused():
    verdict = _judged(make_alert(cap()), now=NOW + timedelta(hours=12))

    assert (verdict.move, verdict.reason) == (Move.REFUSE, "expired")


def test_without_auto_a_person_looks_first():
    assert _judged(make_alert(cap()), policy=CAREFUL).move is Move.ASK


def test_with_auto_what_is_beyond_doubt_opens_changes_and_ends():
    first = Past(named=[_kept()], chain=[_kept()])
    later = NOW + timedelta(minutes=5)
    update = cap(identifier="A2", sent=later, msgType="Update", references=reference())
    cancel = cap(identifier="A3", sent=later, msgType="Cancel", references=reference())

    opened = _judged(make_alert(cap()))
    changed = _judged(make_alert(update), past=first)
    ended = _judged(make_alert(cancel), past=first)

    assert opened.move is Move.OPEN
    assert (changed.move, changed.occasion) == (Move.CHANGE, 7)
    assert (ended.move, ended.occasion) == (Move.END, 7)


_LATER = NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("kind", "past", "named"),
    [
        ("Update", Past(), "never came"),
        ("Cancel", Past(), "never came"),
        ("Cancel", Past(named=[_kept(sender="otro")]), "another sender"),
        ("Cancel", Past(named=[_kept(status="Test")]), "not Actual"),
        ("Update", Past(named=[_kept(), _kept("A0", occasion_id=8)]), "2 occasions"),
        (
            "Update",
            Past(named=[_kept()], chain=[_kept(), _kept("C1", msg_type="Cancel")]),
            "after C1 cancelled it",
        ),
    ],
    ids=["update-of-unknown", "cancel-of-unknown", "other-sender", "of-a-test", "two", "after-cancel"],
)  # fmt: skip
def test_references_that_lead_astray_go_before_a_person(kind: str, past: Past, named: str):
    raw = cap(identifier="A2", sent=_LATER, msgType=kind, references=reference())

    verdict = _judged(make_alert(raw), past=past)

    assert verdict.move is Move.ASK
    assert named in verdict.reason


def test_an_alert_that_comes_after_its_own_cancel_is_refused():
    cancel = _kept("C1", sent=_LATER, msg_type="Cancel", outcome="asked", occasion_id=None)

    verdict = _judged(make_alert(cap()), past=Past(naming=[cancel]))

    assert verdict.move is Move.REFUSE
    assert "C1 is newer" in verdict.reason


def test_an_update_older_than_what_holds_is_refused():
    newer = _kept("A3", sent=NOW + timedelta(minutes=9), msg_type="Update")
    raw = cap(identifier="A2", sent=_LATER, msgType="Update", references=reference())

    verdict = _judged(make_alert(raw), past=Past(named=[_kept()], chain=[_kept(), newer]))

    assert verdict.move is Move.REFUSE
    assert "A3 is newer" in verdict.reason


def test_a_cancel_of_what_still_waits_just_drops_it():
    waiting = _kept(outcome="asked", occasion_id=None)
    raw = cap(identifier="C1", sent=_LATER, msgType="Cancel", references=reference())

    assert _judged(make_alert(raw), past=Past(named=[waiting])).move is Move.DROP


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (cap(info(headline="Uno"), info(headline="Dos")), "2 different notices"),
        (cap(info(expires=None)), "until when"),
        (cap(info("<!-- none -->")), "no area"),
    ],
)
def test_doubt_about_what_is_said_goes_before_a_person(raw: bytes, named: str):
    verdict = _judged(make_alert(raw))

    assert verdict.move is Move.ASK
    assert named in verdict.reason


@pytest.mark.parametrize(
    ("locale", "said"),
    [("es-CL", "Viento"), ("es", "Viento"), ("en", "Wind"), ("pt", "Wind"), ("en-GB", "Wind")],
)
def test_the_company_s_language_is_chosen_else_the_first(locale: str, said: str):
    alert = make_alert(cap(info(language="en-US", headline="Wind"), info(headline="Viento")))

    assert [each.headline for each in cap_rules.chosen(alert, locale)] == [said]
    assert cap_rules.texts(alert) == {"en-US": "Wind", "es": "Viento"}


def test_a_text_is_the_headline_else_the_description_on_one_line_and_not_endless():
    long = make_alert(cap(info(headline="", description="palabra\n " * 100))).infos[0]
    none = make_alert(cap(info(headline=""))).infos[0]

    assert cap_rules.text(long).startswith("palabra palabra")
    assert len(cap_rules.text(long)) <= 300
    assert cap_rules.text(none) == "Viento"


# ── How far a feed is trusted ────────────────────────────────────────────────────────────────


def test_a_mapping_says_how_far_a_feed_is_trusted(tmp_path: Path):
    path = tmp_path / "meteo.toml"
    path.write_text(
        f'[cap]\nauto = true\nsenders = ["{SENDER}"]\nseverities = ["Severe"]\noutages = ["Power"]\n'
        '[geocodes]\n"CUT=13123" = "Providencia"\n"CUT=13" = ["Providencia", "Ñuñoa"]\n'
    )

    policy = read_cap_policy(path)

    assert policy.auto
    assert policy.senders == (SENDER,)
    assert policy.severities == ("Severe",)
    assert policy.geocodes == {"CUT=13123": ("Providencia",), "CUT=13": ("Providencia", "Ñuñoa")}
    assert policy.means_outage(make_alert(cap(info(event="POWER"))).infos[0])
    assert not policy.means_outage(make_alert(cap()).infos[0])


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("[cap]\nauto = 1", "cap.auto: must be true or false"),
        ("[cap]\nautomatic = true", "cap.automatic: unknown"),
        ("[cap]\nsenders = 'x'", "cap.senders: must be a list"),
        ("[cap]\nseverities = ['Bad']", "cap.severities: 'Bad'"),
        ("[geocodes]\nx = 3", 'geocodes."x"'),
        ("[cap]\nrequire_signature = true", "name their PEM files in cap.certificates"),
        ("[cap]\ncertificates = ['gone.pem']", "gone.pem: cannot be read"),
        ("[cap]\ncertificates = ['meteo.toml']", "meteo.toml: holds no certificate"),
        ("[colours]\nx = 3", "colours: unknown"),
        ("cap = 3", r"cap: must be a part, \[cap\]"),
        ("[cap", "meteo.toml"),
    ],
)
def test_a_mistake_in_the_mapping_is_named(tmp_path: Path, written: str, named: str):
    path = tmp_path / "meteo.toml"
    path.write_text(written)

    with pytest.raises(InputRefused, match=named):
        read_cap_policy(path)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputRefused, match="cannot be read"):
        read_cap_policy(tmp_path / "none.toml")


def test_made_alerts_say_when_and_where():
    alert = make_alert(cap())

    assert alert.sent_at == datetime(2026, 7, 16, 6, 43, tzinfo=UTC)
    assert len(alert.infos[0].areas[0].polygons[0]) == len(SQUARE.split())
