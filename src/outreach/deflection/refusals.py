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
from outreach.model.deflection import Batch, Slot

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
    return (*_design(design), *_order(slots, design), *nothing_to_compare(exposure))


def batch_refusals(
    batches: Iterable[Batch], callers: Iterable[Slot], exposure: Exposure | None, design: Design
) -> tuple[str, ...]:
    """The same, of households counted by batch: all batches in order, and each caller's rank the seed's.

    exposure None asks nothing of the comparison: what holds for a run holds for each of its parts.
    """
    compared = () if exposure is None else nothing_to_compare(exposure)
    return (*_design(design), *_batch_order(batches, callers, design), *compared)


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


def _batch_order(
    batches: Iterable[Batch], callers: Iterable[Slot], design: Design
) -> Iterator[str]:
    if design.seed is None or design.order != KEYED:
        return
    count = inverted_batches(batches)
    if count:
        yield f"{count} households left in batches out of the order that the seed gives"
    strangers = sum(
        slot.rank is not None and slot.rank != order.rank(design.seed, slot.household)
        for slot in callers
    )
    if strangers:
        yield f"{strangers} households have a rank that is not the seed's"


def inverted_batches(batches: Iterable[Batch]) -> int:
    """Households of batches that hold a lower rank than one released before; at most, for some were in turn."""
    released: dict[tuple[Stratum, str], list[Batch]] = defaultdict(list)
    for batch in batches:
        if batch.slot_at is not None:
            released[stratum_of(batch), batch.queue].append(batch)
    return sum(_inverted_batches(each) for each in released.values())


def _inverted_batches(released: list[Batch]) -> int:
    count, furthest = 0, -1
    for _at, together in groupby(sorted(released, key=_slot_at), key=_slot_at):
        at_once = list(together)
        count += sum(batch.households for batch in at_once if batch.lowest < furthest)
        furthest = max(furthest, *(batch.highest for batch in at_once))
    return count


def _slot_at(batch: Batch) -> float:
    return batch.slot_at.timestamp() if batch.slot_at else 0.0


def nothing_to_compare(exposure: Exposure) -> Iterator[str]:
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


def batch_warnings(
    batches: Iterable[Batch], needed: Mapping[str, float], grace: Mapping[str, float]
) -> tuple[str, ...]:
    """The same of batches; needed: minutes by channel, as the receipts ask for."""
    sent = [batch for batch in batches if batch.slot_at is not None]
    known, all_sent = sum(each.known for each in sent), sum(each.households for each in sent)
    return (*_too_few_known(known, all_sent), *_too_short(needed, grace))


def _receipts(slots: Sequence[Slot]) -> Iterator[str]:
    sent = [slot for slot in slots if slot.slot_at is not None]
    yield from _too_few_known(sum(slot.delivered is not None for slot in sent), len(sent))


def _too_few_known(known: int, sent: int) -> Iterator[str]:
    if sent and known < KNOWN_RECEIPTS * sent:
        yield f"receipts are known for only {known / sent:.0%} of the households sent to"


def _grace(slots: Sequence[Slot], grace: Mapping[str, float]) -> Iterator[str]:
    yield from _too_short(measured_grace(slots), grace)


def _too_short(needed_by: Mapping[str, float], grace: Mapping[str, float]) -> Iterator[str]:
    for channel, needed in sorted(needed_by.items()):
        if needed > grace.get(channel, 0.0):
            yield f"{channel} receipts need a grace of {needed:.1f} min, longer than the one used"
