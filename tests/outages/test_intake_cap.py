"""CAP alerts as they come: the corpora read or refused as they should be, attacks harmless, each rule by name."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.outages.make_cap import SENDER, area, cap, info, make_alert, reference
from tests.outages.make_revision import NOW

from outreach.model.cap import CapAlert, CapUnread, Reference
from outreach.outages.intake_cap import read

CORPORA = Path(__file__).parents[2].parent / "shared/corpora"
LIMIT_S = 0.05


def _corpus(path: str) -> bytes:
    file = CORPORA / path
    if not file.exists():
        pytest.skip(f"{CORPORA} is not here")
    return file.read_bytes()


def _read(raw: bytes) -> CapAlert | CapUnread:
    return next(read(raw, name="a.cap"))


def _unread(raw: bytes) -> CapUnread:
    found = _read(raw)
    assert isinstance(found, CapUnread), found
    return found


# ── The corpora ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("file", "count", "identifier", "languages"),
    [
        ("amber.atom", 1, "http://doj.dc.gov/amber12345", ["en-US"]),
        ("australia.cap", 1, None, ["en-AU", "en-AU"]),
        ("bushfire_valid.edxlde", 7, "tag:www.rfs.nsw.gov.au2011-10-18:40500", ["en-AU"]),
        ("canada.cap", 1, "2.49.0.1.124.6bddbc91.2012", ["en-CA", "fr-CA"]),
        ("canada_signed.atom", 1, "2.49.0.1.124.f2c83f5f.2013", ["en-CA", "fr-CA"]),
        ("canada_signed.cap", 1, "2.49.0.1.124.f2c83f5f.2013", ["en-CA", "fr-CA"]),
        ("earthquake-iso8859-1.cap", 1, None, ["en-US"]),
        ("earthquake.cap", 1, None, ["en-US"]),
        ("earthquake_signed.cap", 1, None, ["en-US"]),
        ("no_optional_fields.cap", 1, None, []),
        ("wcatwc-warning.cap", 1, "PAAQ-2-lqw6d6", ["en-US"]),
        ("weather.atom", 1, None, ["en-US"]),
        ("weather.cap", 1, None, ["en-US"]),
    ],
)
def test_a_valid_file_of_the_corpus_is_read(
    file: str, count: int, identifier: str | None, languages: list[str]
):
    found = list(read(_corpus(f"cap/testdata/{file}"), name=file))

    assert [type(each) for each in found] == [CapAlert] * count
    first = found[0]
    assert isinstance(first, CapAlert)
    assert [each.language for each in first.infos] == languages
    assert identifier in {None, first.identifier}


@pytest.mark.parametrize(
    "file",
    ["empty_weather_index.atom", "weather_index.atom", "earthquake_index.atom", "ny_index.rss",
     "no_entries.atom"],
)  # fmt: skip
def test_an_index_of_the_corpus_holds_no_alert(file: str):
    assert list(read(_corpus(f"cap/testdata/{file}"), name=file)) == []


@pytest.mark.parametrize(
    ("file", "element"),
    [
        ("invalid.cap", "alert.scope"),
        ("canada_errors.cap", "alert.references"),
        ("noaa_errors.cap", "alert.info[1].urgency"),
        ("weather_invalid.atom", "alert.identifier"),
        ("invalid.rss", "rss.channel.title"),
        ("invalid_element.atom", "feed.foo"),
        ("no_id.atom", "feed.id"),
        ("no_link.atom", "feed.entry[1].link"),
        ("no_title.atom", "feed.entry[1].title"),
    ],
)
def test_an_invalid_file_of_the_corpus_is_refused_by_element(file: str, element: str):
    found = list(read(_corpus(f"cap/testdata/{file}"), name=file))

    assert [each.element for each in found if isinstance(each, CapUnread)] == [element]
    assert len(found) == 1


def test_one_bad_alert_of_an_envelope_leaves_the_others_readable():
    raw = _corpus("cap/testdata/bushfire_invalid.edxlde")

    found = list(read(raw, name="bushfire"))

    assert [each.element for each in found if isinstance(each, CapUnread)][:2] == [
        "alert.identifier",
        "alert.info[1].urgency",
    ]
    assert sum(isinstance(each, CapAlert) for each in found) >= 4
    assert len(found) == 7


_ATTACKS = (
    *(f"cap/testdata/{name}" for name in ("xee.cap", "xee.atom")),
    *(f"xmlbombs/{name}.xml" for name in (
        "cyclic", "dtd", "dtd_element", "external", "external_file", "quadratic", "xmlbomb",
        "xmlbomb2")),
    *(f"payloads/xxe/{name}.xml" for name in (
        "Classic_XXE", "Classic_XXE_B64_Encoded", "Classic_XXE_etc_passwd",
        "Deny_Of_Service_Billion_Laugh_Attack", "XXE_OOB_Attack_Yunusov_2013_",
        "XXE_PHP_Wrapper")),
)  # fmt: skip


@pytest.mark.parametrize("path", _ATTACKS)
def test_an_attack_is_refused_at_once_and_fetches_nothing(path: str):
    raw = _corpus(path)
    list(read(b"<a/>", name="warm"))

    spent = []
    found: list[CapAlert | CapUnread] = []
    for _try in range(3):
        began = time.perf_counter()
        found = list(read(raw, name="attack"))
        spent.append(time.perf_counter() - began)

    assert [type(each) for each in found] == [CapUnread]
    assert "root:" not in repr(found)
    assert min(spent) < LIMIT_S


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\0",
        b"<alert>" * 100_000,
        b"<a/>",
        b"<alert/>",
        b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.0'/>",
        b"x" * 5_000_001,
        b"<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'>" + b"<x>" * 5000 + b"</x>" * 5000 + b"</alert>",
    ],
    ids=["empty", "zeros", "deep", "other", "no-namespace", "too-old", "too-large", "deep-inside"],
)  # fmt: skip
def test_rubbish_is_refused_and_never_raises(raw: bytes):
    assert _unread(raw).reason


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 900))
def test_a_damaged_alert_is_read_or_refused_and_never_raises(noise: bytes, at: int):
    raw = cap()

    found = list(read(raw[:at] + noise + raw[at + len(noise) :], name="damaged"))

    assert len(found) <= 1


# ── Each rule ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raw", "element"),
    [
        (cap(identifier=""), "alert.identifier"),
        (cap(identifier="A 1"), "alert.identifier"),
        (cap(identifier="A,1"), "alert.identifier"),
        (cap(identifier="A&amp;1"), "alert.identifier"),
        (cap(identifier="A&lt;1"), "alert.identifier"),
        (cap(sender="meteo, norte"), "alert.sender"),
        (cap().replace(b"-00:00</sent>", b"Z</sent>"), "alert.sent"),
        (cap().replace(b"-00:00</sent>", b"</sent>"), "alert.sent"),
        (cap().replace(b"<sent>2026-07-16", b"<sent>2026-02-30"), "alert.sent"),
        (cap(status="Real"), "alert.status"),
        (cap(msgType="Recall"), "alert.msgType"),
        (cap(scope="Everybody"), "alert.scope"),
        (cap(scope="Restricted"), "alert.restriction"),
        (cap(scope="Private"), "alert.addresses"),
        (cap(msgType="Update"), "alert.references"),
        (cap(msgType="Cancel"), "alert.references"),
        (cap(references="A1"), "alert.references"),
        (cap(references="a,b,c,d"), "alert.references"),
        (cap(info(severity="Bad")), "alert.info[1].severity"),
        (cap(info(), info(urgency="Now")), "alert.info[2].urgency"),
        (cap(info(certainty="")), "alert.info[1].certainty"),
        (cap(info(category="Wind")), "alert.info[1].category[1]"),
        (cap(info(event="")), "alert.info[1].event"),
        (cap(info(expires=NOW)), "alert.info[1].expires"),
        (cap(info(colour="red")), "alert.info[1].colour"),
        (cap(info(area(description=""))), "alert.info[1].area[1].areaDesc"),
        (cap(info(area(polygon="1,2 3,4 1,2"))), "alert.info[1].area[1].polygon[1]"),
        (cap(info(area(polygon="1,2 3,4 5,6 7,8"))), "alert.info[1].area[1].polygon[1]"),
        (cap(info(area(polygon="91,2 3,4 5,6 91,2"))), "alert.info[1].area[1].polygon[1]"),
        (cap(info(area(polygon="nan,2 3,4 5,6 nan,2"))), "alert.info[1].area[1].polygon[1]"),
        (cap(info(area("<circle>1,2</circle>"))), "alert.info[1].area[1].circle[1]"),
        (cap(info(area("<circle>1,2 -3</circle>"))), "alert.info[1].area[1].circle[1]"),
        (cap(info(area("<geocode><value>1</value></geocode>"))),
         "alert.info[1].area[1].geocode[1].valueName"),
        (cap(info(area("<ceiling>100</ceiling>"))), "alert.info[1].area[1].altitude"),
        (cap(info(headline="<b>x</b>")), "alert.info[1].headline"),
        (cap().replace(b"<status>Actual</status>", b"").replace(b"</alert>", b"<status>Actual</status></alert>"),
         "alert.status"),
        (cap().replace(b"</scope>", b"</scope><scope>Public</scope>"), "alert.scope"),
        (cap().replace(b"cap:1.2", b"cap:9.9"), "alert"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_by_its_element(raw: bytes, element: str):
    assert _unread(raw).element == element


def test_an_alert_says_what_stands_in_it():
    shapes = "<circle>-33.45,-70.6 2.5</circle><geocode><valueName>CUT</valueName><value>13123</value></geocode>"
    raw = cap(
        info(area(shapes), headline="Viento"), info(language="en", headline="Wind"),
        msgType="Update", references=f"{reference('A0')} {reference('A9', sender='otro')}",
    )  # fmt: skip

    alert = make_alert(raw)

    assert alert.identity == Reference(
        sender=SENDER, identifier="A1", sent="2026-07-16T06:43:00-00:00"
    )
    assert alert.sent_at == NOW
    assert [each.identifier for each in alert.references] == ["A0", "A9"]
    assert [(each.language, each.headline) for each in alert.infos] == [
        ("es", "Viento"),
        ("en", "Wind"),
    ]
    first = alert.infos[0]
    assert first.expires == NOW + timedelta(hours=12)
    assert first.areas[0].polygons[0][0] == (-33.4, -70.65)
    assert first.areas[0].circles == (((-33.45, -70.6), 2.5),)
    assert first.areas[0].geocodes == (("CUT", "13123"),)
    assert not alert.is_signed


def test_cap_1_1_is_read_by_its_own_rules():
    raw = cap().replace(b"cap:1.2", b"cap:1.1").replace(b":00-00:00</sent>", b":00.5Z</sent>")

    assert make_alert(raw).sent_at == NOW + timedelta(milliseconds=500)


@pytest.mark.parametrize(
    "raw",
    [
        cap(msgType="Cancel"),
        cap(msgType="cancel", references=reference()),
        cap(msgType="Cancel", references=reference()).replace(b"</alert>", b""),
        cap(info(severity="Bad"), msgType="Cancel", references=reference()),
    ],
)
def test_a_cancel_that_breaks_a_rule_is_still_known_as_one(raw: bytes):
    assert _unread(raw).is_cancel
