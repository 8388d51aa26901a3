"""Who may do what, decided in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from outreach.campaigns import people
from outreach.campaigns.people import Act, may, refuse_unless
from outreach.model.errors import GuardRefused
from outreach.settings import Roles

ROLES = Roles(approvers=("Carla",), emergency=("ana",))


@pytest.mark.parametrize(
    ("person", "act", "roles", "may_act"),
    [
        pytest.param("carla", Act.APPROVE, ROLES, True, id="an approver, in another case"),
        pytest.param("beto", Act.APPROVE, ROLES, False, id="no approver"),
        pytest.param("beto", Act.APPROVE, Roles(), True, id="anybody where nobody is named"),
        pytest.param("ana", Act.EMERGENCY, ROLES, True, id="who may launch alone"),
        pytest.param("carla", Act.EMERGENCY, ROLES, False, id="an approver is not that"),
        pytest.param("key:carla", Act.APPROVE, Roles(), False, id="a key approves nothing"),
        pytest.param("KEY :carla", Act.APPROVE, Roles(), False, id="however it is written"),
        pytest.param("api:local", Act.EMERGENCY, Roles(), False, id="nor does this machine"),
        pytest.param(
            "key:crm", Act.APPROVE, Roles(approvers=("key:crm",)), False, id="even if it is named"
        ),
        pytest.param("beto", Act.LOOK, ROLES, False, id="a stranger sees no figures"),
    ],
)
def test_who_may_do_what(person, act, roles, may_act):
    refusal = may(person, act, roles)

    assert (refusal is None) is may_act


def test_a_role_of_the_sign_in_is_as_good_as_a_name_in_the_settings():
    assert may("beto", Act.APPROVE, ROLES, granted={"approver"}) is None
    assert may("beto", Act.EMERGENCY, ROLES, granted={"approver"}) is not None
    assert may("beto", Act.LOOK, ROLES, granted={"viewer"}) is None


def test_a_refusal_says_who_may_and_what_to_do():
    with pytest.raises(GuardRefused) as refused:
        refuse_unless("beto", Act.EMERGENCY, ROLES, advice="ask somebody")

    assert str(refused.value) == (
        "'beto' may not launch alone; these may: ana (roles.emergency); ask somebody"
    )


def test_nobody_else_reads_the_lists_of_roles():
    sources = Path(people.__file__).parents[1].rglob("*.py")
    readers = {
        path.name
        for path in sources
        if re.search(r"roles\.(approvers|emergency)\b(?!\))", path.read_text(encoding="utf-8"))
    }

    assert readers <= {"people.py", "settings.py"}
