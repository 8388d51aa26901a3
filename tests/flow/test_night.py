"""The night that the product is judged by: what each command prints, what leaves, what callers hear."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from tests.flow.house import NIGHT, ZONE, Hand, House
from tests.flow.walk import Walk, lived

from outreach.store import tables as t
from outreach.store.session import Database

SPANISH_OPENED = (
    "LuzValle: corte de luz en {zone}. Aun sin causa ni hora de vuelta; estamos revisando. "
    "Proxima noticia: 03:43. luzdelvalle.example/e"
)
SPANISH_PRIORITY = (
    "LuzValle: corte de luz en {zone}, sin hora de vuelta aun. ¿Tiene respaldo? Responda SI o NO. "
    "Linea prioritaria 600 200 1112. Emergencia: 133"
)
SPANISH_ETR = (
    "LuzValle: corte de luz en {zone}. Vuelta estimada: 05:30. Puede cambiar. "
    "Cable caido: no toque. Dato de 03:10. luzdelvalle.example/e"
)
FIRST_AT_0455 = SPANISH_ETR.replace("05:30", "06:45").replace("03:10", "04:55")
SPANISH_LATER = (
    "LuzValle: {zone}: la luz tarda mas. Nueva estimacion: 06:45 (antes 05:30). Lo lamentamos. "
    "Dato de 04:55. luzdelvalle.example/e"
)
SPANISH_NEXT_NEWS = (
    "LuzValle: {zone} sigue sin luz. Aun no confirmamos la hora de vuelta. "
    "Proxima noticia: 07:45. luzdelvalle.example/e"
)
SPANISH_RESTORED = (
    "LuzValle: segun nuestra red ya hay luz en {zone}. ¿Sigue sin luz? Revise su automatico y "
    "responda SIN LUZ. luzdelvalle.example/e"
)


@pytest.fixture(scope="module")
def walk(tmp_path_factory, sqlite_template):
    folder = tmp_path_factory.mktemp("night")
    shutil.copy(sqlite_template, folder / "house.db")
    database = Database(f"sqlite:///{folder / 'house.db'}")
    house = House(folder / "luz", database, hand=Hand(NIGHT - timedelta(hours=8, minutes=43)))
    yield lived(house, folder / "exports")
    house.close()
    database.close()


def sms(left: Counter[tuple[str, str]]) -> Counter[str]:
    return Counter({text: n for (channel, text), n in left.items() if channel == "sms"})


def by_channel(left: Counter[tuple[str, str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for (channel, _text), count in left.items():
        total[channel] += count
    return dict(total)


# ── what is typed, and what it prints ───────────────────────────────────────────────────────────


def test_in_daylight_two_people_arm_the_campaign(walk: Walk):
    assert walk.printed["18:00"][0].startswith(
        "unplanned-outage: armed by ana, approved by beatriz"
    )


def test_0243_open_says_who_is_touched_and_when_they_hear(walk: Walk):
    assert walk.printed["02:43"][1:] == [
        "60 premises · 60 customers · 4 priority · Providencia, Ñuñoa · no trip before",
        "reachable: SMS 47 · e-mail 10 · on no channel 3",
        "launched: unplanned-outage",
        "opened_priority: 4 priority now",
        "opened: 53 at 02:48",
        "the IVR says it already · next news Thu 16 Jul 03:43",
        "to take it back: outreach undo · they leave at 02:48",
    ]


def test_0250_watch_says_in_one_line_how_it_goes(walk: Walk):
    # All four of class A were delivered to, and none has answered: a receipt is no answer.
    assert walk.printed["02:50"] == [
        "priority not confirmed: 4 · promises overdue: 0 · errors: 0 · last person heard 02:48"
    ]


def test_0250_status_accounts_for_everybody(walk: Walk):
    shown = walk.printed["02:50 status"]

    assert shown[0].startswith("ALM-F12 · out_")
    assert shown[-1] == "not reached: no address 2 · no consent 1"


def test_0310_the_estimate_is_echoed_and_told_to_all_who_heard(walk: Walk):
    shown = walk.printed["03:10"]

    assert "estimate Thu 16 Jul 05:30 · tells again" in shown
    assert any(line.startswith("etr_set: 4 priority now · ") for line in shown)
    assert shown[-2:] == [
        "the IVR says it already · next news Thu 16 Jul 05:30",
        "to take it back: outreach undo · they leave in 30 s",
    ]


def test_0455_a_later_estimate_is_told_again_and_the_first_promise_is_missed(walk: Walk):
    shown = walk.printed["04:55"]

    assert "estimate Thu 16 Jul 06:45 · later by 1 h 15 min · tells again" in shown
    assert "promise Thu 16 Jul 05:30: missed by 1 h 15 min" in shown
    assert "etr_later: 4 priority now · 51 in 30 s" in shown
    # Whom the carrier could not deliver the first estimate hear this one as their first.
    assert "etr_set: 2 in 30 s" in shown


def test_0705_the_trial_of_a_partial_restoration_writes_nothing(walk: Walk):
    shown = walk.printed["07:05 trial"]

    assert shown[0] == "TRIAL: nothing is written, nobody is told"
    assert "26 premises restored (25 told before hear it) · 34 remain, 2 priority" in shown
    assert walk.written["07:05 trial"] == walk.written["07:04"]


def test_0705_the_restoration_itself_says_what_its_trial_said(walk: Walk):
    trial, real = walk.printed["07:05 trial"], walk.printed["07:05"]

    assert trial[1].split(" · ")[2:] == ["partly back", "version 5"]
    assert trial[1:] == real[:-1]
    assert real[-1] == "to take it back: outreach undo · they leave in 30 s"


def test_0810_the_rest_is_back_and_who_has_not_heard_so_far_hears_it(walk: Walk):
    shown = walk.printed["08:10"]

    assert "34 premises restored (36 told before hear it) · 0 remain, 0 priority" in shown
    # Two of them are those whom the news of the partial return did not reach.
    assert "restored: 2 priority now · 34 in 30 s" in shown
    assert "the IVR says it already · back since Thu 16 Jul 08:10" in shown


# ── what leaves ─────────────────────────────────────────────────────────────────────────────────


def test_class_a_is_written_to_at_once_and_the_others_when_the_outage_is_five_minutes_old(
    walk: Walk,
):
    at_once = sms(walk.left("02:43", "02:47"))
    then = walk.left("02:47", "03:10")

    assert at_once == {
        SPANISH_PRIORITY.format(zone="Providencia"): 2,
        SPANISH_PRIORITY.format(zone="Ñuñoa"): 2,
    }
    assert by_channel(then) == {"sms": 43, "email": 10}
    assert sms(then)[SPANISH_OPENED.format(zone="Providencia")] == 23
    assert sms(then)[SPANISH_OPENED.format(zone="Ñuñoa")] == 17


def test_each_person_hears_in_their_own_language(walk: Walk):
    texts = "\n".join(sms(walk.left("02:47", "03:10")))

    assert "LuzValle: falta de luz em Providencia. Ainda sem causa" in texts
    assert "LuzValle: power outage in Providencia. Cause and return time not known yet" in texts


def test_every_change_reaches_all_57_once(walk: Walk):
    changes = {
        ("03:10", "04:55"): SPANISH_ETR,
        ("04:55", "06:45"): SPANISH_LATER,
        ("06:45", "07:05"): SPANISH_NEXT_NEWS,
    }

    for (since, until), text in changes.items():
        left = walk.left(since, until)
        assert by_channel(left) == {"sms": 47, "email": 10}, since
        for zone, people in (("Providencia", 25), ("Ñuñoa", 19)):
            said = sms(left)[text.format(zone=zone)] + sms(left)[FIRST_AT_0455.format(zone=zone)]
            assert said == people, since


def test_whom_the_first_estimate_never_reached_hears_the_second_as_a_first(walk: Walk):
    texts = sms(walk.left("04:55", "06:45"))

    firsts = sum(texts[FIRST_AT_0455.format(zone=zone)] for zone in ("Providencia", "Ñuñoa"))

    assert 0 < firsts < 5


def test_after_a_partial_restoration_each_person_hears_their_own_side_of_it(walk: Walk):
    left = walk.left("07:05", "07:45")
    texts = sms(left)

    assert by_channel(left) == {"sms": 47, "email": 10}
    assert texts[SPANISH_RESTORED.format(zone="Ñuñoa")] == 19
    assert SPANISH_RESTORED.format(zone="Providencia") not in texts


def test_who_is_back_hears_no_more_of_what_still_holds_for_the_others(walk: Walk):
    later = walk.left("07:45", "08:10")

    assert by_channel(later) == {"sms": 27, "email": 5}
    assert not any("Ñuñoa" in text for _channel, text in later)


def test_at_the_end_only_those_hear_of_the_south_whom_that_notice_never_reached(walk: Walk):
    m, wave = t.message, t.step_run
    unheard = walk.house.rows(
        select(m.c.id)
        .join(wave, wave.c.id == m.c.step_run_id)
        .where(wave.c.step == "partial_restored", m.c.state == "undelivered")
    )
    last = walk.left("08:10", "08:21")

    assert sum(n for (_channel, text), n in last.items() if "Ñuñoa" in text) == len(unheard) == 4
    assert sms(last)[SPANISH_RESTORED.format(zone="Providencia")] == 25


def test_every_text_fits_one_segment_of_gsm_7(walk: Walk):
    assert {one.segments for one in walk.house.outbox() if one.channel == "sms"} == {1}


def test_nobody_hears_a_step_twice_at_one_version(walk: Walk):
    m, wave, point = t.message, t.step_run, t.contact_point
    written = walk.house.rows(
        select(wave.c.step, wave.c.version, point.c.address_hash)
        .join(m, m.c.step_run_id == wave.c.id)
        .join(point, point.c.id == m.c.contact_point_id)
    )

    assert len(set(written)) == len(written) == len(walk.house.outbox())


# ── what callers hear ───────────────────────────────────────────────────────────────────────────


def test_the_ivr_goes_with_the_truth_from_the_minute_of_each_command(walk: Walk):
    statuses = {
        wall: walk.spoken[wall]["providencia"]["status"]
        for wall in ("02:43", "03:09", "03:10", "04:55", "06:44", "06:45", "08:09", "08:10")
    }

    assert statuses == {
        "02:43": "investigating", "03:09": "investigating", "03:10": "etr", "04:55": "etr",
        "06:44": "etr", "06:45": "investigating", "08:09": "investigating", "08:10": "restored",
    }  # fmt: skip
    assert walk.heard("providencia", "02:43", "08:20") == [
        "investigating", "etr", "investigating", "restored",
    ]  # fmt: skip


def test_until_the_clock_beats_an_estimate_that_is_reached_is_kept_silent(walk: Walk):
    late = walk.unfired["06:45"]["providencia"]

    assert (late["status"], late["text"], late["etr_iso"]) == ("stale", "", "")


def test_the_ivr_says_the_very_estimate_that_was_told(walk: Walk):
    before, after = walk.spoken["04:54"]["ñuñoa"], walk.spoken["04:55"]["ñuñoa"]

    assert before["etr_iso"].startswith("2026-07-16T09:30")
    assert "cinco y media" in before["text"]
    assert after["etr_iso"].startswith("2026-07-16T10:45")


def test_no_minute_of_the_night_has_a_past_estimate_in_it(walk: Walk):
    spoken = [
        (wall, answer)
        for looks in (walk.spoken, walk.unfired)
        for wall, answers in looks.items()
        for answer in answers.values()
        if answer["etr_iso"]
    ]

    assert {f"05:{minute}" for minute in range(25, 60)} <= {wall for wall, _answer in spoken}
    for wall, answer in spoken:
        etr = datetime.fromisoformat(answer["etr_iso"]).astimezone(ZONE)
        expires = datetime.fromisoformat(answer["expires_at"]).astimezone(ZONE)
        assert f"{etr:%H:%M}" > wall
        assert expires <= etr, wall


def test_between_two_neighbours_the_restored_one_hears_it_from_that_minute(walk: Walk):
    assert walk.heard("ñuñoa", "07:05", "08:21") == ["restored"]
    assert walk.heard("providencia", "07:05", "08:10") == ["investigating"]


def test_who_is_not_out_hears_nothing(walk: Walk):
    assert walk.heard("elsewhere", "02:43", "08:21") == ["none"]


def test_class_a_is_put_first_and_its_condition_is_not_spoken_of(walk: Walk):
    answers = [answers["priority"] for answers in walk.spoken.values()]

    assert {answer["priority"] for answer in answers} == {"high"}
    assert not any("electrodep" in answer["text"].lower() for answer in answers)


# ── what must hold at every minute ──────────────────────────────────────────────────────────────


def test_the_states_add_up_to_the_audience_at_every_look(walk: Walk):
    assert len(walk.spoken) > 150
    assert walk.broken_sums == []
