"""CAP alerts as they came and as they left, each kept once and for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, select, tuple_, update

from outreach.model.cap import CapAlert, Reference
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.tables_events import alert as _alert

Direction = Literal["in", "out"]
TAKEN, REFUSED, ASKED = "taken", "refused", "asked"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One alert and what became of it."""

    sender: str
    identifier: str
    sent: str
    """As written."""
    direction: str
    msg_type: str
    status: str
    refs: tuple[str, ...]
    """`sender,identifier,sent` of each alert that it names."""
    outcome: str
    """taken, refused, or asked: a person has to look."""
    reason: str
    body: str
    at: datetime
    occasion_id: int | None = None
    version: int | None = None

    @classmethod
    def of(
        cls,
        alert: CapAlert,
        *,
        direction: Direction,
        outcome: str,
        body: str,
        now: datetime,
        told: tuple[int, int] | None = None,
    ) -> Kept:
        """An alert as it is kept; `told`: occasion and version that it speaks of."""
        occasion, version = told or (None, None)
        return cls(
            sender=alert.sender,
            identifier=alert.identifier,
            sent=alert.sent,
            direction=direction,
            msg_type=alert.msg_type,
            status=alert.status,
            refs=tuple(str(each) for each in alert.references),
            outcome=outcome,
            reason="",
            body=body,
            at=now,
            occasion_id=occasion,
            version=version,
        )

    @property
    def identity(self) -> Reference:
        return Reference(sender=self.sender, identifier=self.identifier, sent=self.sent)

    @property
    def sent_at(self) -> datetime | None:
        """None where it could not be read."""
        return _instant(self.sent)


def keep(session: Session, kept: Kept) -> bool:
    """Writes an alert; False: one of its identity and direction is kept already."""
    values = asdict(kept) | {"refs": list(kept.refs)}
    made = (
        insert_into(session, _alert)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(_alert.c.sender)
    )
    return session.execute(made).first() is not None


def get(session: Session, identity: Reference, direction: Direction = "in") -> Kept | None:
    """The alert of an identity, the offset of whose `sent` may be written otherwise."""
    return next(iter(named(session, [identity], direction)), None)


def named(
    session: Session, references: Iterable[Reference], direction: Direction = "in"
) -> list[Kept]:
    """Those of the references that are kept."""
    wanted = list(dict.fromkeys(references))
    found: list[Kept] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        keys = tuple_(_alert.c.sender, _alert.c.identifier).in_(
            [(each.sender, each.identifier) for each in some]
        )
        rows = _select(session, keys, _alert.c.direction == direction)
        found += [row for row in rows if any(_same(row.identity, each) for each in some)]
    return found


def naming(session: Session, identity: Reference, direction: Direction = "in") -> list[Kept]:
    """Alerts of the same sender that name this one, whether or not it was here before them."""
    rows = _select(session, _alert.c.sender == identity.sender, _alert.c.direction == direction)
    return [row for row in rows if any(_same(each, identity) for each in _references(row.refs))]


def of_occasion(session: Session, occasion: int, direction: Direction) -> list[Kept]:
    """Every alert of an occasion, oldest version first."""
    return _select(session, _alert.c.occasion_id == occasion, _alert.c.direction == direction)


def of_occasions(session: Session, occasions: Sequence[int], direction: Direction) -> list[Kept]:
    """The same of several, oldest version first."""
    wanted = _alert.c.occasion_id.in_(list(occasions))
    return _select(session, wanted, _alert.c.direction == direction)


def asked(session: Session) -> list[Kept]:
    """Alerts that wait for a person, oldest first."""
    rows = _select(session, _alert.c.outcome == ASKED, _alert.c.direction == "in")
    return sorted(rows, key=lambda row: row.at)


def recent(session: Session, *, limit: int) -> list[Kept]:
    """The newest that came, newest first."""
    rows = session.execute(
        select(_alert)
        .where(_alert.c.direction == "in")
        .order_by(_alert.c.at.desc(), _alert.c.identifier)
        .limit(limit)
    ).mappings()
    return [_kept(row) for row in rows]


def of_identifier(session: Session, identifier: str, direction: Direction) -> list[Kept]:
    """Alerts of this identifier, of any sender."""
    return _select(session, _alert.c.identifier == identifier, _alert.c.direction == direction)


def settle(session: Session, identity: Reference, **changes: Any) -> None:
    """What became of an alert that came: outcome, reason, occasion_id, version."""
    own = (
        _alert.c.sender == identity.sender,
        _alert.c.identifier == identity.identifier,
        _alert.c.sent == identity.sent,
        _alert.c.direction == "in",
    )
    session.execute(update(_alert).where(*own).values(**changes))


def _select(session: Session, *wanted: Any) -> list[Kept]:
    rows = session.execute(
        select(_alert).where(*wanted).order_by(_alert.c.version, _alert.c.at, _alert.c.identifier)
    ).mappings()
    return [_kept(row) for row in rows]


def _kept(row: RowMapping) -> Kept:
    return Kept(**{name: row[name] for name in Kept.__slots__} | {"refs": tuple(row["refs"])})


def _references(refs: Iterable[str]) -> list[Reference]:
    parts = [each.split(",") for each in refs]
    return [Reference(sender=a, identifier=b, sent=c) for a, b, c in parts]


def _same(one: Reference, other: Reference) -> bool:
    """`-00:00` and `+00:00` are one offset; senders write both."""
    if (one.sender, one.identifier) != (other.sender, other.identifier):
        return False
    return one.sent == other.sent or (
        _instant(one.sent) is not None and _instant(one.sent) == _instant(other.sent)
    )


def _instant(sent: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(sent)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
