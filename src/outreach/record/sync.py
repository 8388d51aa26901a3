"""Brings the record to what the company's systems say: reads, checks the whole, merges, and shows it at once."""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from outreach.addresses import Keyring
from outreach.model.errors import OutreachError
from outreach.model.words import LoadState
from outreach.record import fingerprint, report as reports
from outreach.record.intake import Intake, Mode, Reads
from outreach.record.mapping import Mapping
from outreach.record.merging import FIRST, Merge, Progress
from outreach.record.network import NetworkRead
from outreach.record.reading import Refuse
from outreach.record.report import ImportReport
from outreach.record.terms import Terms
from outreach.store import loads, staging
from outreach.store.session import Database, Session

__all__ = ["Mode", "sync_record"]

_LEASE = timedelta(minutes=2)
_LONG_LEASE = timedelta(minutes=15)
"""For phases that take many transactions of their own."""


def sync_record(  # noqa: PLR0913  all of it is the caller's to say
    database: Database,
    keyring: Keyring,
    mapping: Mapping,
    *,
    now: datetime,
    yes: bool = False,
    mode: Mode = "full",
    progress: Progress = lambda _stage, _count: None,
    refuse: Refuse = lambda _row: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> ImportReport:
    """Loads everything (`full`), or what has changed since (`delta`); unchanged rows touch nothing.

    What is known keeps its id; what has vanished, or says that it is closed, is closed; suppressions
    are not touched. refuse: hears every row that stays outside, as it is met. yes: also closes more
    than the mapping allows at once. Raises InputRefused for unusable sources and GuardRefused when
    too much would be closed; then, as after any other error while reading, the record is as before.
    A merge that was interrupted is finished first. StoreUnusable while another load is at work.
    """
    sync = _Sync(
        database=database,
        keyring=keyring,
        mapping=mapping,
        now=now,
        mode=mode,
        progress=progress,
        refuse=refuse,
        monotonic=monotonic,
    )
    with _few_collections(), sync.leased():
        sync.finish_the_last()
        load, intake = sync.read(yes=yes)
        return sync.merge(load, intake)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Millions of short-lived rows hold no cycles: looking for some takes a tenth of the time.

    Not more rarely than this: of 200,000 at once the pause is 0.3 s, in the middle of a transaction.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@dataclass(slots=True, kw_only=True)
class _Sync:
    database: Database
    keyring: Keyring
    mapping: Mapping
    now: datetime
    mode: Mode
    progress: Progress
    refuse: Refuse
    monotonic: Callable[[], float]
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    started: float = 0.0

    @property
    def today(self) -> date:
        """The company's day."""
        rule = self.mapping.record
        return rule.as_of or self.now.astimezone(ZoneInfo(rule.zone)).date()

    @contextmanager
    def leased(self) -> Iterator[None]:
        """Holds the lease; it lapses by itself if this process is killed."""
        self.started = self.monotonic()
        with self.database.write() as session:
            self.hold(session)
        try:
            yield
        finally:
            with suppress(OutreachError), self.database.write() as session:
                loads.release(session, self.owner)

    def hold(self, session: Session) -> None:
        loads.hold(session, self.owner, now=self._instant(), lease=_LEASE)

    def hold_long(self, session: Session) -> None:
        loads.hold(session, self.owner, now=self._instant(), lease=_LONG_LEASE)

    def _instant(self) -> datetime:
        """`now`, and what has passed since."""
        return self.now + timedelta(seconds=self.monotonic() - self.started)

    def finish_the_last(self) -> None:
        """Goes on with a merge that was interrupted."""
        with self.database.read() as session:
            last = loads.unfinished(session)
        if last is None:
            return
        self._merge(last.id, last.counts["terms"], network=None).run(last.phase)
        with self.database.write() as session:
            self.hold(session)
            loads.note(session, last.id, state=LoadState.DONE, phase="")

    def read(self, *, yes: bool) -> tuple[int, Intake]:
        """Stages everything new or changed, and checks it whole; the record stays as it is."""
        self._clear()
        with self.database.write() as session:
            self.hold(session)
            load = loads.begin(
                session,
                source=self.mapping.source,
                mode=self.mode,
                fingerprint=fingerprint.of_mapping(self.mapping),
                now=self.now,
            )
        reads = Reads(
            database=self.database,
            keyring=self.keyring,
            mapping=self.mapping,
            mode=self.mode,
            today=self.today,
            hold=self.hold,
            refuse=self.refuse,
            progress=self.progress,
        )
        try:
            return load, reads.all(yes=yes)
        except BaseException:
            # Whatever ended it, nothing of it stays; if even this fails, the next load clears up.
            with suppress(OutreachError):
                with self.database.write() as session:
                    loads.note(session, load, state=LoadState.REFUSED)
                self._clear()
            raise

    def _clear(self) -> None:
        """Forgets what was staged, in slices."""
        is_left = True
        while is_left:
            with self.database.write() as session:
                self.hold(session)
                is_left = staging.clear(session)

    def merge(self, load: int, intake: Intake) -> ImportReport:
        """Merges what was staged, and tells what came of it."""
        with self.database.read() as session:
            last = loads.last(session)
        is_same = last is not None and last[0] == fingerprint.of_mapping(self.mapping)
        kept = {"sources": intake.sources, "spellings": intake.spellings, "all": not is_same}
        with self.database.write() as session:
            self.hold(session)
            loads.note(session, load, state=LoadState.MERGING, phase=FIRST, counts={"terms": kept})
        merge = self._merge(load, kept, intake.network)
        network = reports.network_counts(intake.network or NetworkRead(kinds={}))
        intake.network = None
        merge.run()
        has_changed = intake.changes_rows or merge.has_changed or not is_same
        found = None if has_changed or last is None else last[1].get("figures")
        return self._told(load, intake, network, merge, found)

    def _told(
        self,
        load: int,
        intake: Intake,
        network: reports.NetworkCounts,
        merge: Merge,
        found: reports.Figures | None,
    ) -> ImportReport:
        rule = self.mapping.record
        # Apart, for it counts distinct ones of everybody: in memory that is 400 MB of five million.
        with self.database.apart() as own, own.read() as session:
            found = found or reports.figures(session, self.mapping)
            shared = reports.shared(session, self.keyring, more_than=rule.shared_by_more_than)
        report = ImportReport(
            source=self.mapping.source,
            mode=self.mode,
            customers=intake.customers,
            premises=intake.premises,
            tallies=intake.tallies,
            people=reports.people_counts(found, shared),
            network=network,
            premises_connected=found["premises_connected"],
            premises_without_customer=found["premises_without_customer"],
            reach=found["reach"],
            closed_customers=merge.closed_customers,
            closed_accounts=intake.gone["account"],
            closed_premises=intake.gone["premise"],
            refused=intake.refused,
            warned=found["warned"],
        )
        with self.database.write() as session:
            self.hold(session)
            for source, watermark in intake.watermarks.items():
                loads.read_to_its_end(session, source, watermark=watermark, now=self.now)
            counts = report.counts() | {"figures": found}
            loads.note(session, load, state=LoadState.DONE, phase="", counts=counts)
        return report

    def _merge(self, load: int, kept: dict[str, Any], network: NetworkRead | None) -> Merge:
        rule = self.mapping.record
        terms = Terms(
            keyring=self.keyring,
            consent=self.mapping.consent,
            many=rule.shared_by_more_than,
            ignores_many=rule.shared == "ignore",
            touches_all=kept["all"],
            now=self.now,
            sources=kept["sources"],
            spellings=kept["spellings"],
        )
        return Merge(
            database=self.database,
            load=load,
            terms=terms,
            today=self.today,
            network=network,
            hold=self.hold,
            hold_long=self.hold_long,
            progress=self.progress,
            monotonic=self.monotonic,
        )
