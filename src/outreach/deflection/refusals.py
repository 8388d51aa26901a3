"""Why an estimate must not be made, and what to say beside one that may."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from outreach.deflection.episodes import Exposure, Stratum, measured_grace, stratum_of
from outreach.model import order
from outreach.model.deflection import Slot

KEYED = "keyed"
KNOWN_RECEIPTS = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How the order of sending came about; what is not shown to be random is not measured."""

    seed: bytes | None
    seed_hash: str | None = None
    """Published hex SHA-256 of the seed; None where nobody published one."""
    seed_stored_at: datetime | None
    first_sent_at: datetime | None
    """None: nothing has left yet."""
    order: str = KEYED
    """`keyed`, or what ranked the households instead: feeder, list, value, past calls."""
    changed_waves: tuple[str, ...] = ()
    """Waves inside which the content changed."""
    matched_later: bool = False
    """Calls were matched with anything newer than the frozen snapshot."""


def refusals(slots: Sequence[Slot], exposure: Exposure, design: Design) -> tuple[str, ...]:
    """One sentence per broken rule; empty when the order may be trusted as an experiment."""
    return (*_design(design), *_order(slots, design), *_comparison(exposure))


def _design(design: Design) -> Iterator[str]:
    sent = design.first_sent_at
    if design.seed is None:
        yield "the seed of the send order is missing"
    elif design.seed_hash is not None and order.commitment(design.seed) != design.seed_hash:
        yield "the seed is not the one whose hash was published"
    if design.seed_stored_at is None or (sent is not None and design.seed_stored_at > sent):
        yield "the seed was not stored before the first send"
    if design.order != KEYED:
        yield f"the order of sending was by {design.order}, not random"
    for wave in design.changed_waves:
        yield f"the content changed inside wave {wave}"
    if design.matched_later:
        yield "the record was loaded after the audience was frozen: its contacts are newer"


def _order(slots: Sequence[Slot], design: Design) -> Iterator[str]:
    if design.seed is None or design.order != KEYED:
        return
    count = inversions(slots, design.seed)
    if count:
        yield f"{count} households left out of the order that the seed gives"


def _comparison(exposure: Exposure) -> Iterator[str]:
    if not exposure.compares:
        yield "at no minute were some of a class told and others not: sent faster than the grace"


def inversions(slots: Iterable[Slot], seed: bytes) -> int:
    """Households released after one of a later rank; those released at one instant are equal.

    Compared inside one stratum (wave, class, channel, queue), among those released: restoration
    drops messages out of their turn.
    """
    released: dict[tuple[Stratum, str], list[tuple[float, bytes]]] = defaultdict(list)
    for slot in slots:
        if slot.slot_at is not None:
            turn = slot.slot_at.timestamp(), order.digest(seed, slot.household)
            released[stratum_of(slot), slot.queue].append(turn)
    return sum(_inverted(batch) for batch in released.values())


def _inverted(released: list[tuple[float, bytes]]) -> int:
    count, furthest = 0, b""
    for _at, batch in groupby(sorted(released), key=itemgetter(0)):
        digests = [digest for _time, digest in batch]
        count += sum(digest < furthest for digest in digests)
        furthest = max(furthest, *digests)
    return count


def warnings(slots: Sequence[Slot], grace: Mapping[str, float]) -> tuple[str, ...]:
    """What weakens an estimate without forbidding it."""
    return (*_receipts(slots), *_grace(slots, grace))


def _receipts(slots: Sequence[Slot]) -> Iterator[str]:
    sent = [slot for slot in slots if slot.slot_at is not None]
    known = sum(slot.delivered is not None for slot in sent)
    if sent and known < KNOWN_RECEIPTS * len(sent):
        yield f"receipts are known for only {known / len(sent):.0%} of the households sent to"


def _grace(slots: Sequence[Slot], grace: Mapping[str, float]) -> Iterator[str]:
    for channel, needed in sorted(measured_grace(slots).items()):
        if needed > grace.get(channel, 0.0):
            yield f"{channel} receipts need a grace of {needed:.1f} min, longer than the one used"
