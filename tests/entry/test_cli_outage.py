"""`outreach outage open` and `update`, typed at a terminal whose clock the test sets."""

from __future__ import annotations

import pytest
from tests import make, town
from tests.entry.echoed import after, lines, newest

# ── open ─────────────────────────────────────────────────────────────────────────────────────


def test_opening_says_who_is_touched_and_who_hears_when(night):
    night.arm()

    shown = night.run("outage", "open", "ALM-F12")

    assert shown.exit_code == 0, shown.output
    name, public, state, version = lines(shown)[0].split(" · ")
    assert (name, public[:4], state, version) == ("ALM-F12", "out_", "open", "version 1")
    assert lines(shown)[1:] == [
        "7 premises · 7 customers · 1 priority · Providencia, Ñuñoa · no trip before",
        "reachable: SMS 7 · e-mail 0 · on no channel 0",
        "launched: unplanned-outage",
        "opened_priority: 1 priority now",
        "opened: 6 at 02:48 · 1 post",
        "the IVR says it already · next news Thu 16 Jul 03:43",
        "to take it back: outreach undo · they leave at 02:48",
    ]


def test_unarmed_nobody_is_told_and_the_command_that_tells_them_is_named(night):
    shown = night.run("outage", "open", "--node", "ALM-F12")

    public = lines(shown)[0].split(" · ")[1]
    told = f"nobody is told yet; to tell them: outreach campaign launch unplanned-outage {public}"
    assert told in lines(shown)
    assert lines(shown)[-1] == "to take it back: outreach undo"


def test_an_armed_campaign_above_its_ceiling_stays_and_says_why(night):
    night.arm(ceiling=5)

    shown = night.run("outage", "open", "ALM-F12")

    why = "unplanned-outage: 7 customers are more than its ceiling of 5"
    assert f"not launched by itself: {why}" in lines(shown)
    assert any(line.startswith("nobody is told yet") for line in lines(shown))


def test_of_many_localities_the_largest_are_named(night):
    with night.database.write() as session:
        for number in range(20, 26):
            town.resident(session, number=number, order=3, locality=f"L{number}", channel=None)

    shown = night.run("outage", "open", "ALM-F12")

    assert "Providencia, Ñuñoa, L20, L21, L22, 3 more" in lines(shown)[1]
    assert lines(shown)[2].endswith("on no channel 6")


def test_the_last_trip_of_the_feeder_is_named(night):
    with night.database.write() as session:
        make.make_occasion(session, name="ALM-F12", opened_at=make.NOW)

    shown = night.run("outage", "open", "ALM-F12", "--another")

    assert "last trip Sun 12 Jul 02:40" in lines(shown)[1]


def test_a_trial_shows_the_same_and_writes_nothing(night):
    night.arm()
    before = night.snapshot()

    trial = night.run("outage", "open", "ALM-F12", "--dry-run")

    assert night.snapshot() == before
    real = night.run("outage", "open", "ALM-F12")
    assert lines(trial) == ["TRIAL: nothing is written, nobody is told", *lines(real)[:-1]]


def test_machines_get_every_figure(night):
    night.arm()

    told = night.answer("outage", "open", "ALM-F12", "--etr", "05:22")

    assert (told["premises"], told["priority_customers"], told["version"]) == (7, 1, 1)
    assert told["etr_at"] == "2026-07-16T05:30:00-04:00"
    assert told["dry_run"] is False
    assert told["waves"][0]["leaving"] == [
        {"channel": "sms", "priority": True, "at": None, "count": 1}
    ]


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        (("--node", "ALM-F21"), "'ALM-F21': no such node; near: ALM-F12"),
        (("--locality", "Providensia"), "'Providensia': no such locality; near: Providencia"),
        (("--locality", "zzzz"), "'zzzz': no such locality; there are, for example: Ñuñoa, "),
        (("--node", "zzzz"), "'zzzz': no such node; there are, for example: ALM-F12"),
        ((), "scope: nothing is named"),
    ],
    ids=["node", "locality", "nothing near", "no node near", "nowhere"],
)
def test_an_unknown_place_is_refused_with_what_is_near(night, typed, near):
    shown = night.run("outage", "open", *typed)

    assert shown.exit_code == 1
    assert near in shown.stderr


def test_a_locality_is_known_without_its_accents(night):
    told = night.answer("outage", "open", "--locality", "nunoa")

    assert (told["name"], told["customers"], told["localities"]) == ("Ñuñoa", 3, ["Ñuñoa"])


def test_premises_come_from_a_file(night, tmp_path):
    (tmp_path / "premises.txt").write_text("\ufeffS-0001  # the school\n\nS-0005\nS-0005\n")

    told = night.answer("outage", "open", "--premises", str(tmp_path / "premises.txt"))

    assert (told["name"], told["premises"], told["priority_customers"]) == ("2 premises", 2, 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"S-0001\nS-9\nS-8\n", "line 2, 3: no such premise; mend the file (2 in all)"),
        (b"# none\n", "empty; write a premise on each line"),
        ("Ñ".encode("cp1252"), "not UTF-8"),
    ],
    ids=["unknown", "empty", "encoding"],
)
def test_a_wrong_file_of_premises_is_named_with_its_line(night, tmp_path, content, said):
    (tmp_path / "premises.txt").write_bytes(content)

    shown = night.run("outage", "open", "--premises", str(tmp_path / "premises.txt"))

    assert shown.exit_code == 1
    assert said in shown.stderr


def test_a_missing_file_of_premises_is_one_line(night):
    shown = night.run("outage", "open", "--premises", "nowhere.txt")

    assert shown.exit_code == 1
    assert shown.stderr == "error: nowhere.txt: no such file or folder\n"


def test_a_second_outage_at_the_same_node_is_refused_unless_meant(night):
    first = night.answer("outage", "open", "ALM-F12")

    again = night.run("outage", "open", "alm-f12")
    meant = night.run("outage", "open", "ALM-F12", "--another")

    assert again.exit_code == 3
    assert f"outreach outage update {first['id']}" in again.stderr
    assert meant.exit_code == 0


def test_an_outage_has_the_zone_service_name_and_start_it_is_given(night):
    told = night.answer(
        "outage", "open", "ALM-F12", "--zone", "America/Punta_Arenas", "--service", "water",
        "--name", "matriz", "--start", "02:35", "--cause", "rotura", "--next", "+45m",
    )  # fmt: skip

    assert (told["zone"], told["service"], told["name"]) == (
        "America/Punta_Arenas",
        "water",
        "matriz",
    )
    assert newest(night).revision.start_at == after(minutes=-68)  # 02:35 there is an hour earlier
    assert newest(night).revision.next_update_at == after(minutes=45)


def test_a_start_long_ago_and_far_news_are_asked_about(night):
    words = ("outage", "open", "ALM-F12", "--start", "2026-07-01 10:00")

    refused = night.run(*words)
    meant = night.run(*words, "--next", "+30h", "--yes")

    assert (refused.exit_code, meant.exit_code) == (1, 0)
    assert "It began 14 d 16 h ago. Is it right?" in refused.stderr


@pytest.mark.parametrize("damage", ["unlink", "break"])
def test_an_outage_can_be_opened_whatever_the_state_of_the_campaign_files(night, damage):
    file = night.folder / "campaigns" / "unplanned-outage.toml"
    file.unlink() if damage == "unlink" else file.write_text("name = ")

    assert (
        night.answer("outage", "open", "ALM-F12")["next_update_at"] == "2026-07-16T03:43:00-04:00"
    )


# ── update ───────────────────────────────────────────────────────────────────────────────────


def test_an_estimate_is_echoed_and_told(night):
    night.arm()
    night.run("outage", "open", "ALM-F12")
    night.tell()

    shown = night.run("outage", "update", "last", "--etr", "05:30", at=after(minutes=27))

    assert shown.stderr == "Thu 16 Jul 05:30, in 2 h 20 min\n"
    assert lines(shown)[1:] == [
        "estimate Thu 16 Jul 05:30 · tells again",
        "etr_set: 1 priority now · 6 in 30 s · 1 post",
        "the IVR says it already · next news Thu 16 Jul 05:30",
        "to take it back: outreach undo · they leave in 30 s",
    ]


def test_a_later_estimate_names_the_promise_it_breaks_and_what_it_overtakes(night):
    night.arm()
    night.run("outage", "open", "ALM-F12")
    night.tell()
    night.run("outage", "update", "last", "--etr", "05:30", at=after(minutes=27))

    shown = night.run("outage", "update", "last", "--etr", "06:45", at=after(minutes=132))

    assert "estimate Thu 16 Jul 06:45 · later by 1 h 15 min · tells again" in lines(shown)
    assert "promise Thu 16 Jul 05:30: missed by 1 h 15 min" in lines(shown)
    assert "superseded unsent: 8" in lines(shown)


def test_an_earlier_estimate_within_the_hour_is_not_told_again(night):
    night.arm()
    night.run("outage", "open", "ALM-F12", "--etr", "05:30")
    night.tell()

    shown = night.run("outage", "update", "--etr", "05:00", at=after(minutes=10))

    said = "estimate Thu 16 Jul 05:00 · earlier by 30 min · not told again to those who heard"
    assert said in lines(shown)


def test_an_estimate_is_withdrawn_and_news_promised(night):
    night.arm()
    night.run("outage", "open", "ALM-F12", "--etr", "05:30")
    night.tell()

    words = ("outage", "update", "last", "--etr", "unknown", "--next", "04:15")
    shown = night.run(*words, at=after(minutes=10))

    assert "no estimate · tells again" in lines(shown)
    assert "promise Thu 16 Jul 05:30: missed: withdrawn" in lines(shown)
    assert "the IVR says it already · next news Thu 16 Jul 04:15" in lines(shown)


def test_an_estimate_in_the_past_is_refused(night):
    night.run("outage", "open", "ALM-F12")

    shown = night.run("outage", "update", "last", "--etr", "2026-07-16 02:00")

    assert shown.exit_code == 3
    assert newest(night).revision.version == 1


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1)])
def test_an_estimate_that_looks_like_a_slip_is_asked_about(night, typed, code):
    night.run("outage", "open", "ALM-F12")

    words = ("outage", "update", "last", "--etr", "+30h")
    shown = night.run(*words, at=after(minutes=1), interactive=True, typed=typed)

    assert shown.exit_code == code
    assert newest(night).revision.version == (2 if code == 0 else 1)


def test_a_repeat_changes_nothing_and_says_so(night):
    night.run("outage", "open", "ALM-F12", "--etr", "05:30")

    shown = night.run("outage", "update", "last", "--etr", "05:30", at=after(minutes=1))

    assert shown.stdout == "ALM-F12: nothing changed, and nobody is told\n"
    assert newest(night).revision.version == 1


def test_the_start_is_corrected_alone_or_with_the_rest(night):
    night.run("outage", "open", "ALM-F12")

    night.run("outage", "update", "last", "--start", "02:30", at=after(minutes=1))
    assert newest(night).revision.start_at == after(minutes=-13)

    words = ("--start", "02:20", "--cause", "rama")
    night.run("outage", "update", "last", *words, at=after(minutes=2))
    assert newest(night).revision.start_at == after(minutes=-23)
    assert newest(night).revision.cause == "rama"


def test_a_trial_of_an_update_writes_nothing(night):
    night.arm()
    night.run("outage", "open", "ALM-F12")
    before = night.snapshot()

    words = ("outage", "update", "last", "--etr", "05:30", "--dry-run")
    shown = night.run(*words, at=after(minutes=1))

    assert "superseded unsent: 8" in lines(shown)
    assert night.snapshot() == before


def test_the_cadence_of_the_running_campaign_promises_the_news(night):
    file = night.folder / "campaigns" / "unplanned-outage.toml"
    file.write_text(file.read_text().replace('cadence = "60m"', 'cadence = "40m"'))
    night.arm()
    night.run("outage", "open", "ALM-F12", "--etr", "05:30")

    night.run("outage", "update", "--etr", "unknown", at=after(minutes=5))

    assert newest(night).revision.next_update_at == after(minutes=45)


# ── which ────────────────────────────────────────────────────────────────────────────────────


def test_an_outage_answers_to_last_its_feeder_its_id_and_a_node_of_its_scope(night):
    opened = night.answer("outage", "open", "--node", "ALM-F12-S1", "--node", "ALM-F12-S2")

    for which in ("last", "LAST", "alm-f12-s1", opened["id"], opened["id"].upper(), "ALM-F12-S2"):
        assert night.answer("outage", "show", which)["id"] == opened["id"]


def test_a_name_of_two_open_outages_asks_for_the_id(night):
    ids = [night.answer("outage", "open", "ALM-F12", "--another")["id"] for _ in range(2)]

    shown = night.run("outage", "update", "ALM-F12", "--cause", "rama")

    assert shown.exit_code == 3
    assert all(each in shown.stderr for each in ids)


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("ALM-F21", "'ALM-F21': no such outage; near: ALM-F12"),
        ("zzz", "give `last`, a name, or an id of the list"),
        ("out_aaaaaaaa", "no such outage"),
        ("pla_aaaaaaaa", "is of another kind (planned work)"),
    ],
)
def test_an_unknown_outage_is_refused_with_what_is_near(night, which, said):
    night.run("outage", "open", "ALM-F12")

    shown = night.run("outage", "update", which, "--cause", "rama")

    assert shown.exit_code == 1
    assert said in shown.stderr


def test_last_of_nothing_is_refused(night):
    shown = night.run("outage", "update", "last", "--cause", "rama")

    assert (shown.exit_code, shown.stderr) == (1, "error: there is no outage yet\n")
