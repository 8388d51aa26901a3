"""Finds the occasion that a person means: `last`, a short id, a feeder, a work's folio."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from outreach.addresses import Keyring
from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _
from outreach.entry.shown import read_id, shown_id
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import OccasionKind
from outreach.store import occasions
from outreach.store.session import Session

LAST = "last"
_MOST_SHOWN = 5
_NOUNS = {
    OccasionKind.OUTAGE: N_("outage"),
    OccasionKind.PLANNED: N_("planned work"),
    OccasionKind.ADVISORY: N_("advisory"),
}


def operator() -> str:
    """Who types: the account of the operating system; `unknown` where it has none, as in a bare container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def found(context: Context, which: str, *kinds: OccasionKind) -> Occasion:
    """The occasion of one of these kinds that `which` names; `last` is of the first kind.

    InputRefused with near matches where there is none, GuardRefused where there are several.
    """
    with context.database.read() as session:
        return find(session, context.keyring, which.strip(), kinds)


def find(session: Session, keyring: Keyring, which: str, kinds: Sequence[OccasionKind]) -> Occasion:
    """As `found`, in a session of the caller's."""
    if which.casefold() == LAST:
        return _last(session, kinds[0])
    by_id = read_id(keyring, which)
    if by_id is not None:
        return _of_id(session, which, *by_id, kinds)
    chosen = _called(session, which, kinds)
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise InputRefused(_none(session, which, kinds))
    raise GuardRefused(
        _("{which!r} names several; give the id of one: {ids}").format(
            which=which, ids=", ".join(shown_id(keyring, each) for each in chosen[:_MOST_SHOWN])
        )
    )


def zone_of(occasion: Occasion) -> ZoneInfo:
    """The zone in which its times are typed and shown."""
    return ZoneInfo(occasion.zone)


def _last(session: Session, kind: OccasionKind) -> Occasion:
    occasion = occasions.last(session, kind)
    if occasion is None:
        raise InputRefused(_("there is no {noun} yet").format(noun=_(_NOUNS[kind])))
    return occasion


def _of_id(
    session: Session,
    which: str,
    kind: OccasionKind,
    number: OccasionId,
    kinds: Sequence[OccasionKind],
) -> Occasion:
    if kind not in kinds:
        raise InputRefused(
            _("{which!r} is of another kind ({noun}); use its own command").format(
                which=which, noun=_(_NOUNS[kind])
            )
        )
    try:
        return occasions.get(session, number)
    except KeyError:
        raise InputRefused(_none(session, which, kinds)) from None


def _called(session: Session, which: str, kinds: Sequence[OccasionKind]) -> list[Occasion]:
    """By name or folio, the open ones before the newest closed; else open ones that hold this node."""
    named = [each for each in occasions.named(session, which) if each.kind in kinds]
    still_open = [each for each in named if each.revision.state.is_open]
    if named:
        return still_open or named[:1]
    wanted = which.casefold()
    return [
        each
        for each in occasions.open_ones(session)
        if each.kind in kinds and wanted in _places(each)
    ]


def _places(occasion: Occasion) -> set[str]:
    scope = occasion.revision.scope
    return {place.casefold() for place in (*scope.nodes, *scope.localities, *scope.postal_codes)}


def _none(session: Session, which: str, kinds: Sequence[OccasionKind]) -> str:
    known = [each for each in occasions.open_ones(session) if each.kind in kinds]
    places = {
        place: each.name for each in known for place in (each.name.casefold(), *_places(each))
    }
    near = get_close_matches(which.casefold(), places, n=_MOST_SHOWN, cutoff=0.5)
    noun = _(_NOUNS[kinds[0]])
    if near:
        names = ", ".join(dict.fromkeys(places[one] for one in near))
        return _("{which!r}: no such {noun}; near: {names}").format(
            which=which, noun=noun, names=names
        )
    return _("{which!r}: no such {noun}; give `last`, a name, or an id of the list").format(
        which=which, noun=noun
    )
