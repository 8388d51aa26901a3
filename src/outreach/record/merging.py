"""Merges what was staged: phase by phase, each slice one transaction, so that it can go on after any crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from outreach.model.spelling import plain
from outreach.model.words import LoadState
from outreach.record import merge_accounts, merge_premises, upkeep
from outreach.record.merge_accounts import Step
from outreach.record.network import NetworkRead
from outreach.record.terms import Terms
from outreach.store import (
    generations,
    households,
    loads,
    merging,
    merging_premises as supplies,
    planning,
    reach,
    touched,
)
from outreach.store.session import Database, Session

Progress = Callable[[str, int], None]
Hold = Callable[[Session], None]

_AGED_AT_ONCE = 2_000
_AIM_S = 0.2
"""Other writers wait no longer than twice this, whatever the machine."""


@dataclass(kw_only=True)
class Pace:
    """How many rows the next slice takes: so many that its transaction stays near a fifth of a second."""

    most: int
    size: int = 0

    def __post_init__(self) -> None:
        self.size = self.most // 4 or 1

    def took(self, seconds: float) -> None:
        """Grows slowly, for a slice may be dearer than the one before; shrinks at once."""
        wanted = int(self.size * min(_AIM_S / max(seconds, 0.001), 1.5))
        self.size = max(self.most // 20, 1, min(wanted, self.most))


@dataclass(kw_only=True)
class Merge:
    """One load on its way into the record."""

    database: Database
    load: int
    terms: Terms
    today: date
    network: NetworkRead | None
    """None: the mapping names none, or it was merged before an interruption."""
    hold: Hold
    """Prolongs the lease inside each transaction, and refuses to go on without it."""
    hold_long: Hold
    """The same before a phase that prolongs nothing by itself."""
    progress: Progress
    monotonic: Callable[[], float]
    """Seconds: how long slices take."""
    closed_customers: int = 0
    has_changed: bool = False
    """Whether any slice found something to do."""
    _done: dict[str, int] = field(default_factory=dict)

    def run(self, since: str = "") -> None:
        """Runs all phases from `since` on; each notes its name before it begins."""
        names = list(_PHASES)
        self.has_changed = bool(since)  # of what was done before the interruption nothing is known
        for name in names[names.index(since) if since else 0 :]:
            with self.database.write() as session:
                self.hold(session)
                loads.note(session, self.load, state=LoadState.MERGING, phase=name)
            _PHASES[name](self)

    def _each(self, name: str, most: int, slice_: Callable[[Session, str, int], Step]) -> None:
        """Repeats a slice of at most so many rows until there is nothing left of it."""
        since: str | None = ""
        pace = Pace(most=most)
        while since is not None:
            began = self.monotonic()
            with self.database.write() as session:
                planning.remember_more(session)
                self.hold(session)
                step = slice_(session, since, pace.size)
                if step.next is None:
                    planning.remember_usual(session)
            pace.took(self.monotonic() - began)
            since = step.next
            self.closed_customers += step.closed
            self._done[name] = self._done.get(name, 0) + step.rows
            if step.rows:
                self.has_changed = True
                self.progress(name, self._done[name])

    def merge_network(self) -> None:
        network, self.network = self.network, None
        if network is not None:
            self._hold_long()
            moved = upkeep.merge(self.database, network, now=self.terms.now)
            self.has_changed = self.has_changed or moved > 0
            self.progress("network", len(network.nodes))

    def merge_accounts(self) -> None:
        most = merge_accounts.SLICE
        self._each("accounts", most, partial(merge_accounts.merge_staged, terms=self.terms))
        self._each("accounts closed", most, partial(merge_accounts.close_gone, terms=self.terms))

    def merge_premises(self) -> None:
        most = merge_premises.SLICE
        self._each("premises", most, partial(merge_premises.merge_staged, terms=self.terms))
        self._each("premises closed", most, partial(merge_premises.close_gone, terms=self.terms))

    def age(self) -> None:
        """Entries of the register end, and begin, by the calendar alone."""
        self._each("aging", _AGED_AT_ONCE, self._age)

    def _age(self, session: Session, _since: str, limit: int) -> Step:
        pairs = supplies.aged(session, today=self.today, limit=limit)
        merging.touch_customers(session, {customer for _account, customer in pairs})
        return Step(rows=len(pairs), next="" if pairs else None)

    def spell(self) -> None:
        """Premises that stayed as they were follow the spelling that has become the usual one."""
        with self.database.read() as session:
            known = supplies.localities(session) if self.terms.spellings else []
        for old in known:
            new = self.terms.spellings.get(plain(old), old)
            if new != old:
                self._each("spelling", merge_premises.SLICE, partial(self._spell, old, new))

    def _spell(self, old: str, new: str, session: Session, _since: str, limit: int) -> Step:
        rows = supplies.respell(session, old, new, limit=limit)
        return Step(rows=rows, next="" if rows else None)

    def join_households(self) -> None:
        self._hold_long()
        households.renew(
            self.database,
            shared_by_more_than=self.terms.many,
            now=self.terms.now,
            progress=self.progress,
        )

    def renew_reach(self) -> None:
        self._hold_long()
        reach.renew(self.database, now=self.terms.now, progress=self.progress)

    def switch(self) -> None:
        """The whole load is seen from here on; where nothing has changed, nobody is told so."""
        with self.database.read() as session:
            has_changed = self.has_changed or touched.is_unseen(session)
        if has_changed:
            generations.switch(self.database, now=self.terms.now)

    def purge(self) -> None:
        self._hold_long()
        generations.purge(self.database)

    def _hold_long(self) -> None:
        with self.database.write() as session:
            self.hold_long(session)


_PHASES: dict[str, Callable[[Merge], None]] = {
    "network": Merge.merge_network,
    "accounts": Merge.merge_accounts,
    "premises": Merge.merge_premises,
    "aging": Merge.age,
    "spelling": Merge.spell,
    "households": Merge.join_households,
    "reach": Merge.renew_reach,
    "switch": Merge.switch,
    "purge": Merge.purge,
}
FIRST = next(iter(_PHASES))
"""In this order; `record_load.phase` says where a merge that was interrupted goes on."""
