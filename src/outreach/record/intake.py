"""Reads every source of a mapping into the stage and checks the whole: nothing of the record is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from outreach.addresses import Keyring
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.record import RowRefused
from outreach.record import fingerprint
from outreach.record.accounts import AccountReader, Tallies, wanted
from outreach.record.mapping import Mapping
from outreach.record.network import NetworkRead, read_network
from outreach.record.premises import PremiseReader, chosen_spellings
from outreach.record.reading import Hold, Reader, Reading, Refuse, later
from outreach.record.report import FileCounts, file_counts
from outreach.record.source_form import SourceForm
from outreach.record.sources import Source, open_source
from outreach.store import loads, merging_premises, staging
from outreach.store.session import Database

Mode = Literal["full", "delta"]
Progress = Callable[[str, int], None]

_TOO_FEW_TO_JUDGE = 20
_PLURALS = {"account": "accounts", "premise": "premises"}
_STAGES = {"account": "customers", "premise": "premises"}


@dataclass(slots=True, kw_only=True)
class Intake:
    """What was read and staged by one load."""

    network: NetworkRead | None
    """Let go as soon as it is merged: that of five million customers takes 200 MB."""
    customers: FileCounts
    premises: FileCounts
    tallies: Tallies
    refused: tuple[RowRefused, ...]
    gone: dict[str, int]
    """Accounts and premises that will be closed."""
    spellings: dict[str, str]
    sources: dict[str, int]
    """`account` and `premise` -> id of the source."""
    watermarks: dict[int, str]
    """Source -> up to where it has been read."""

    @property
    def changes_rows(self) -> bool:
        """Whether anything read differs from what stands."""
        both = (self.customers, self.premises)
        return any(one.new or one.changed for one in both) or any(self.gone.values())


@dataclass(slots=True, kw_only=True)
class Reads:
    """The reading of one load."""

    database: Database
    keyring: Keyring
    mapping: Mapping
    mode: Mode
    today: date
    hold: Hold
    refuse: Refuse
    progress: Progress
    sources: dict[str, int] = field(default_factory=dict)
    watermarks: dict[int, str] = field(default_factory=dict)

    def all(self, *, yes: bool) -> Intake:
        """Reads everything. InputRefused if a source is unusable, GuardRefused if too much would go."""
        network = self._network()
        accounts, people = self._accounts()
        premises, places = self._premises()
        gone = {"account": self._gone("account", people), "premise": self._gone("premise", places)}
        if not yes:
            self._refuse_mass_vanishing("account", people, gone["account"])
            self._refuse_mass_vanishing("premise", places, gone["premise"])
        with self.database.read() as session:
            # A delta has too few rows to say how people write a place: there the known spelling stays.
            known = merging_premises.localities(session) if self.mode == "delta" else []
        return Intake(
            network=network,
            customers=self._counts("account", people),
            premises=self._counts("premise", places),
            tallies=accounts.tallies(),
            refused=(*people.tally.kept, *places.tally.kept),
            gone=gone,
            spellings=chosen_spellings(premises.spellings, known),
            sources=self.sources,
            watermarks=self.watermarks,
        )

    def _network(self) -> NetworkRead | None:
        if self.mapping.network is None:
            return None
        network = read_network(self.mapping.folder, self.mapping.network)
        for finding in network.findings():
            self.refuse(finding)
        self.progress("network", len(network.nodes))
        return network

    def _accounts(self) -> tuple[AccountReader, Reading]:
        form = self.mapping.customers
        source = self._opened("account", form, wanted(form))
        with closing(source):
            reader = AccountReader(self.mapping, source.columns, self.keyring, self.today)
            reading = self._read(source, reader, form.columns.changed)
        if not reading.tally.taken and self.mode == "full":
            raise InputRefused(
                f"{source.name}: none of its {reading.tally.records} records is an account; "
                f"most are refused as {_most(reading)}"
            )
        return reader, reading

    def _premises(self) -> tuple[PremiseReader, Reading]:
        form = self.mapping.premises
        source = self._opened("premise", form, form.columns.model_dump().values())
        with closing(source):
            reader = PremiseReader(self.mapping, source.columns, self.keyring)
            return reader, self._read(source, reader, form.columns.changed)

    def _opened(self, entity: str, form: SourceForm, columns: Iterable[str]) -> Source:
        """The source; in a delta, from where the last load ended."""
        name = f"{form.file or self.mapping.source}: {form.entity}"
        with self.database.write() as session:
            self.hold(session)
            self.sources[entity], watermark = loads.source(session, name)
        since = watermark if self.mode == "delta" and watermark else None
        self.watermarks[self.sources[entity]] = watermark
        return open_source(form, self.mapping.folder, columns, since=since)

    def _read(self, source: Source, reader: Reader, changed: str) -> Reading:
        key = fingerprint.of_rows(self.mapping, reader.entity, source.columns)
        reading = Reading(
            self.database,
            reader,
            key,
            changed=source.columns.index(changed) if changed else -1,
            hold=self.hold,
            refuse=self.refuse,
        )
        stage = _STAGES[reader.entity]
        reading.read(source, lambda records: self.progress(stage, records))
        self.progress(stage, reading.tally.records)
        id_ = self.sources[reader.entity]
        self.watermarks[id_] = later(self.watermarks[id_], reading.latest_change)
        return reading

    def _gone(self, entity: str, reading: Reading) -> int:
        """Stages what is to be closed; how many."""
        count = 0
        for ids in reading.vanished() if self.mode == "full" else reading.closed():
            with self.database.write() as session:
                self.hold(session)
                count += staging.stage_gone(session, entity, ids)
        return count

    def _refuse_mass_vanishing(self, entity: str, reading: Reading, gone: int) -> None:
        if gone < _TOO_FEW_TO_JUDGE:
            return
        with self.database.read() as session:
            known = staging.open_count(session, entity)
        allowed = self.mapping.record.may_vanish
        if gone > allowed * known:
            raise GuardRefused(
                f"{gone} of {known} {_PLURALS[entity]} ({gone / known:.0%}) would be closed, more than "
                f"the {allowed:.0%} that record.may_vanish in {self.mapping.source} allows; nothing was "
                "changed. Check that the export is whole; if it is, run this again with --yes"
            )

    def _counts(self, entity: str, reading: Reading) -> FileCounts:
        with self.database.read() as session:
            staged = staging.count(session, entity)
            changed = staging.count_known(session, entity) if reading.is_known else 0
        return file_counts(reading.tally, new=staged - changed, changed=changed)


def _most(reading: Reading) -> str:
    refused = reading.tally.refused
    return max(refused, key=lambda reason: refused[reason], default="empty")
