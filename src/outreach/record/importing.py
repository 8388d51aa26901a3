"""Takes the company's exports into the record: reads everything, then writes it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from outreach.addresses import Keyring
from outreach.model.errors import GuardRefused, InputRefused
from outreach.record import people
from outreach.record.accounts import AccountsRead, read_accounts
from outreach.record.load import Load, Sealing, write
from outreach.record.mapping import Mapping
from outreach.record.network import NetworkRead, read_network
from outreach.record.premises import Known, read_premises
from outreach.record.report import (
    ImportReport,
    NetworkCounts,
    Shared,
    file_counts,
    people_counts,
)
from outreach.store import changes, reach, record as stored
from outreach.store.session import Database, Session

Progress = Callable[[str, int], None]
"""Called with a stage (`customers`, `network`, `premises`, `households`, `writing`, `reach`) and a count."""

_TOO_FEW_TO_JUDGE = 20


def import_record(
    database: Database,
    keyring: Keyring,
    mapping: Mapping,
    *,
    now: datetime,
    progress: Progress = lambda _stage, _count: None,
) -> ImportReport:
    """Imports all files of the mapping; importing the same again changes nothing but the time of loading.

    What is known keeps its id, what has vanished is closed, suppressions are not touched.
    Raises InputRefused for unusable files and GuardRefused when too much would vanish; then,
    as after any other error, the record is as before.
    """
    load = _read(mapping, keyring, now, progress)
    with database.write() as session:
        changes.bump(session, "record", now=now)
        closed = _refuse_mass_vanishing(session, load, mapping)
        progress("writing", len(load.accounts.accounts))
        write(session, load, Sealing(keyring=keyring, consent=mapping.consent, now=now))
        contactable = reach.rebuild(session)
        progress("reach", contactable)
        report = _report(load, mapping, keyring, closed=closed, contactable=contactable)
        stored.log_load(session, source=mapping.source, counts=report.counts(), now=now)
    return report


def _read(mapping: Mapping, keyring: Keyring, now: datetime, progress: Progress) -> Load:
    today = mapping.record.as_of or now.astimezone(ZoneInfo(mapping.record.zone)).date()
    accounts = read_accounts(mapping, keyring, today)
    if not accounts.accounts:
        raise InputRefused(
            f"{mapping.customers.file}: none of its {accounts.records} records is an account; "
            f"most are refused as {_most(accounts)}"
        )
    progress("customers", accounts.records)
    network = NetworkRead(kinds={})
    if mapping.network is not None:
        network = read_network(mapping.folder, mapping.network)
    progress("network", len(network.nodes))
    premises = read_premises(mapping, _known(accounts, network))
    progress("premises", premises.records)
    everybody = people.customers(accounts.accounts.values())
    shared = people.shared_addresses(everybody.values(), mapping.record.shared_by_more_than)
    if mapping.record.shared == "ignore":
        everybody = {ref: people.without(one, shared) for ref, one in everybody.items()}
    households = people.households(everybody, premises.premises.values(), shared)
    progress("households", len(set(households.values())))
    return Load(
        accounts=accounts,
        premises=premises,
        network=network,
        customers=everybody,
        households=households,
        shared=shared,
    )


def _most(accounts: AccountsRead) -> str:
    reasons = [row.reason for row in accounts.refused]
    return max(set(reasons), key=reasons.count, default="empty")


def _known(accounts: AccountsRead, network: NetworkRead) -> Known:
    return Known(
        accounts=accounts.accounts.keys(),
        transformers={node.ref for node in network.nodes if node.kind == "transformer"},
        connected={node.ref for node in network.nodes} - set(network.unconnected),
    )


def _refuse_mass_vanishing(session: Session, load: Load, mapping: Mapping) -> tuple[int, int]:
    """Customers and premises that this load closes; GuardRefused when it looks like half a file."""
    customers, premises = stored.open_refs(session)
    gone = (len(customers - load.customers.keys()), len(premises - load.premises.premises.keys()))
    for what, missing, known in zip(
        ("customers", "premises"), gone, (len(customers), len(premises)), strict=True
    ):
        if missing >= _TOO_FEW_TO_JUDGE and missing > mapping.record.may_vanish * known:
            raise GuardRefused(
                f"{missing} of {known} {what} are missing from the new files; nothing was changed. "
                f"Check that the export is whole, or raise record.may_vanish in {mapping.source}"
            )
    return gone


def _report(
    load: Load, mapping: Mapping, keyring: Keyring, *, closed: tuple[int, int], contactable: int
) -> ImportReport:
    accounts, premises, network = load.accounts, load.premises, load.network
    channels = {
        ref: {one.channel for one in customer.contacts if people.basis(one, mapping.consent)}
        for ref, customer in load.customers.items()
    }
    connected = _known(accounts, network)
    places = premises.premises.values()
    return ImportReport(
        source=mapping.source,
        customers=file_counts(
            records=accounts.records,
            taken=len(accounts.accounts),
            refused=accounts.refused,
            duplicates=accounts.duplicates,
        ),
        premises=file_counts(
            records=premises.records,
            taken=len(premises.premises),
            refused=premises.refused,
            duplicates=premises.duplicates,
        ),
        tallies=accounts.tallies,
        people=people_counts(
            load.customers,
            load.households,
            channels=channels,
            home=mapping.record.region,
            shared=tuple(_shared(load.shared, keyring)),
        ),
        network=_network_counts(network),
        premises_connected=sum(
            one.transformer in connected.transformers and one.transformer in connected.connected
            for one in places
        ),
        premises_without_customer=sum(
            not {one.holder, one.occupant} & accounts.accounts.keys() for one in places
        ),
        reach=contactable,
        closed_customers=closed[0],
        closed_premises=closed[1],
        refused=(*accounts.refused, *premises.refused),
        warnings=premises.warnings,
    )


def _shared(shared: dict[str, int], keyring: Keyring) -> Iterator[Shared]:
    for address, customers in sorted(shared.items(), key=lambda item: -item[1]):
        yield Shared(
            channel="phone" if address.startswith("+") else "email",
            ending=address[-4:],
            address_hash=keyring.hash(address),
            customers=customers,
        )


def _network_counts(network: NetworkRead) -> NetworkCounts:
    return NetworkCounts(
        kinds=network.kinds,
        edges=len(network.edges),
        open_edges=sum(edge.is_open for edge in network.edges),
        unknown_ends=network.unknown_ends,
        unconnected=network.unconnected,
        loops=network.loops,
        duplicate_nodes=network.duplicate_nodes,
    )
