"""How well promises were kept: hit rate and lateness, per feeder and cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TypeVar

from outreach.store.promises import Entry, Promise

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRate:
    """Promises of one kind; `late` and `latest` of those missed by a known amount."""

    made: int
    kept: int
    missed: int
    late: timedelta | None
    """Median."""
    latest: timedelta | None

    @property
    def waiting(self) -> int:
        return self.made - self.kept - self.missed

    @property
    def share(self) -> float | None:
        """Kept, of those settled; None while none is."""
        settled = self.kept + self.missed
        return self.kept / settled if settled else None


def hit_rate(promises: Iterable[Promise]) -> HitRate:
    """The figures of these promises."""
    made = list(promises)
    settled = [each for each in made if each.settled_at is not None]
    late = [each.missed_by_s for each in settled if not each.kept and each.missed_by_s is not None]
    kept = sum(bool(each.kept) for each in settled)
    return HitRate(
        made=len(made),
        kept=kept,
        missed=len(settled) - kept,
        late=timedelta(seconds=median(late)) if late else None,
        latest=timedelta(seconds=max(late)) if late else None,
    )


def grouped(entries: Iterable[Entry], key: Callable[[Entry], Key]) -> dict[Key, HitRate]:
    """The figures of each group, the one with most promises first."""
    groups: dict[Key, list[Promise]] = defaultdict(list)
    for each in entries:
        groups[key(each)].append(each.promise)
    ordered = sorted(groups, key=lambda each: (-len(groups[each]), str(each)))
    return {each: hit_rate(groups[each]) for each in ordered}
