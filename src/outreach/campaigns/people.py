"""Who may do what: the one place that decides it, for terminal, API and clock alike.

A machine may ask for a launch, and never says yes to one: not to its own, nor to anybody's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from outreach.model.errors import GuardRefused
from outreach.settings import Roles

MACHINES = ("key:", "api:", "armed:", "feed:")
"""How those who are no person are named in the audit; what people are called has no colon."""


class Act(StrEnum):
    """What not everybody may do. Each is worth a role of the settings, of the same name as its field."""

    APPROVE = "approve"
    """Say yes as the second person."""
    EMERGENCY = "emergency"
    """Launch alone, with a reason."""
    LOOK = "look"
    """See the pages of figures from another machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why not, and who may."""

    why: str

    def __str__(self) -> str:
        return self.why


def may(person: str, act: Act, roles: Roles, *, granted: Collection[str] = ()) -> Refusal | None:
    """None: the person may. `granted`: roles by the company's sign-in, beside those of the settings.

    An empty list of the settings lets every person act, and no machine.
    """
    if act is Act.LOOK:
        return None if granted else Refusal(why=f"{person!r} is in no group that may look (http.sso.groups)")  # fmt: skip
    if is_machine(person):
        return Refusal(why=f"{person!r} is a machine; a person has to {_DOES[act]}")
    allowed, role, setting = _allowed(act, roles)
    is_named = any(same_person(person, each) for each in allowed)
    if not allowed or is_named or role in granted:
        return None
    names = ", ".join(allowed)
    return Refusal(why=f"{person!r} may not {_DOES[act]}; these may: {names} ({setting})")


def refuse_unless(person: str, act: Act, roles: Roles, *, advice: str = "") -> None:
    """GuardRefused with the reason, and what to do instead."""
    refusal = may(person, act, roles)
    if refusal is not None:
        raise GuardRefused(f"{refusal}{f'; {advice}' if advice else ''}")


def is_machine(name: str) -> bool:
    """Whether a name of the audit is none of a person's."""
    return _key(name).startswith(MACHINES)


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: case, spaces and forms of letters make no other."""
    return _key(one) == _key(other)


def _key(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _allowed(act: Act, roles: Roles) -> tuple[tuple[str, ...], str, str]:
    if act is Act.APPROVE:
        return roles.approvers, "approver", "roles.approvers"
    return roles.emergency, "emergency", "roles.emergency"


_DOES = {Act.APPROVE: "approve", Act.EMERGENCY: "launch alone"}
