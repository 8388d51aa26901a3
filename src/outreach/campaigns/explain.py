"""What one person was sent or not, and whether the words can still be proved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from outreach.addresses import Keyring
from outreach.campaigns.telling import Teller
from outreach.delivery.verdicts import body_hash
from outreach.model.errors import OutreachError
from outreach.model.message import Content
from outreach.model.occasion import Occasion
from outreach.model.words import MessageState
from outreach.settings import Settings
from outreach.store import explain as ledger, figures, replies, runs
from outreach.store.explain import Heard, HeldPoint, Person, Sent, Unwritten
from outreach.store.replies import Reply
from outreach.store.session import Database, Session

_READABLE = {MessageState.QUEUED, MessageState.SENDING}


class Proof(StrEnum):
    """Whether the text rendered again is the one that left."""

    MATCH = "match"
    CHANGED = "changed"
    NO_HASH = "no_hash"
    """It left, or may have, and no hash of it was kept."""
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message, with its text as it renders today."""

    sent: Sent
    heard: tuple[Heard, ...]
    content: Content | None
    proof: Proof
    changed: tuple[str, ...] = ()
    """What differs since, where the hash does: a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one customer."""

    person: Person
    points: tuple[HeldPoint, ...]
    told: tuple[Told, ...]
    left_out: tuple[Unwritten, ...]
    touching: tuple[Occasion, ...]
    """Open occasions that touch one of their supplies."""
    untold: tuple[Occasion, ...]
    """Those of them that no campaign was launched for."""
    replies: tuple[Reply, ...] = ()
    """What they wrote back, oldest first."""


def explain(
    database: Database, settings: Settings, customer: int, *, keyring: Keyring | None = None
) -> Explanation:
    """Reads the ledger and renders every text again; writes nothing. `keyring` opens streets."""
    with database.read() as session:
        sent = ledger.messages_of(session, customer)
        heard = ledger.heard_of(session, [one.recipient.id for one in sent])
        touching = ledger.touching(session, customer)
        explained = Explanation(
            person=ledger.person(session, customer),
            points=tuple(ledger.held_points(session, customer)),
            told=(),
            left_out=tuple(ledger.left_out_of(session, customer)),
            touching=tuple(touching),
            untold=tuple(one for one in touching if not runs.of(session, one.id)),
            replies=tuple(_replies(session, customer, [one.recipient.id for one in sent])),
        )
        loaded_at = figures.record_loaded_at(session)
    reader = _Again(database, settings, loaded_at, keyring)
    return replace(explained, told=tuple(reader.told(one, heard) for one in sent))


def _replies(session: Session, customer: int, messages: Sequence[int]) -> list[Reply]:
    points = [point.id for point in ledger.held_points(session, customer)]
    return replies.thread(session, messages, replies.hashes_of(session, points))


def customers(session: Session, refs: Iterable[str], hashes: Iterable[bytes]) -> list[int]:
    """Customers named by their ref, an account's, or the hashes that an address may stand under."""
    found = [number for ref in refs for number in ledger.by_ref(session, ref)]
    found += ledger.by_address(session, list(hashes))
    return list(dict.fromkeys(found))


class _Again:
    """Renders messages as they were claimed: same pinned text, same revision."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        loaded_at: datetime | None,
        keyring: Keyring | None,
    ) -> None:
        self._teller = Teller(database, settings, keyring)
        self._other = Teller(database, _flipped(settings), keyring)
        self._loaded_at = loaded_at

    def told(self, sent: Sent, heard: Iterable[Heard]) -> Told:
        mine = tuple(one for one in heard if one.message == sent.recipient.id)
        if sent.body_hash is None and sent.state not in _READABLE:
            was_called = sent.accepted_at is not None or sent.state is MessageState.IN_DOUBT
            proof = Proof.NO_HASH if was_called else Proof.NOT_SENT
            return Told(sent=sent, heard=mine, content=None, proof=proof)
        try:
            content = self._teller.render(sent.recipient, "")
        except OutreachError as error:
            return Told(
                sent=sent, heard=mine, content=None, proof=Proof.CHANGED, changed=(str(error),)
            )
        if sent.body_hash is None:
            return Told(sent=sent, heard=mine, content=content, proof=Proof.NOT_SENT)
        if sent.body_hash == body_hash(content):
            return Told(sent=sent, heard=mine, content=content, proof=Proof.MATCH)
        changed = tuple(self._changes(sent))
        return Told(sent=sent, heard=mine, content=content, proof=Proof.CHANGED, changed=changed)

    def _changes(self, sent: Sent) -> Iterable[str]:
        """What is not pinned and may have changed: proved where it can be, else named."""
        if body_hash(self._other.render(sent.recipient, "")) == sent.body_hash:
            yield "the lanes could receive answers then and cannot now, or the reverse (lanes.two_way)"
            return
        left_at = sent.accepted_at or sent.claimed_at
        if self._loaded_at is not None and left_at is not None and self._loaded_at > left_at:
            yield "the record was loaded again since: how many customers it touches may differ"
        yield "the company's own words may differ: sender, name, link or numbers in outreach.toml"


def _flipped(settings: Settings) -> Settings:
    """The same lanes with the other answer to `two_way`."""
    lanes = tuple(lane.model_copy(update={"two_way": not lane.two_way}) for lane in settings.lanes)
    return settings.model_copy(update={"lanes": lanes})
