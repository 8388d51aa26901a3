"""A made-up town as rows of the record, written by the database itself: for measuring what reads it."""

from __future__ import annotations

import _figures  # noqa: F401  tests/ can be imported only after it
from sqlalchemy import text
from tests import make

from outreach.store.session import Database

PER_TRANSFORMER = 40
PER_FEEDER = 2_000
STEP = 1 << 32
"""Between two labels of the tree, as they are first numbered."""

_NUMBERS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :size) ",
    "postgresql": "WITH s AS (SELECT generate_series(1, CAST(:size AS bigint)) AS n) ",
}
_MOMENT = {"sqlite": "0", "postgresql": "to_timestamp(0)"}
_HASH = {"sqlite": "CAST('{kind}' || n AS BLOB)", "postgresql": "convert_to('{kind}' || n, 'UTF8')"}
_BYTES = {"sqlite": "x'00'", "postgresql": "'\\x00'::bytea"}
_FALSE = {"sqlite": "0", "postgresql": "false"}
_TRUE = {"sqlite": "1", "postgresql": "true"}
_TOWN = {
    "household (id, ref)": "SELECT n, 'H' || n FROM s",
    "customer (id, ref, household_id, name_sealed, locale, zone, loaded_at)":
        "SELECT n, 'K' || n, 1 + (n - 1) / 2, {bytes}, 'es-CL', '{zone}', {moment} FROM s",
    "account (id, ref, customer_id, customer_type, priority, priority_expired)":
        "SELECT n, 'C' || n, n, 'residential', CASE WHEN n % 100 = 0 THEN 'A' WHEN n % 10 = 0 THEN 'B'"
        " ELSE 'C' END, {false} FROM s",
    "premise (id, ref, transformer, tree_order, locality, street_sealed, zone)":
        "SELECT n, 'P' || n, 'T' || (n / {each}), (n / {each} + 1) * {step}, 'Comuna ' || (n / 20000),"
        " {bytes}, '{zone}' FROM s UNION ALL "
        "SELECT :size + n, 'Q' || n, 'T' || ((n * 31 + 7) % {last}), ((n * 31 + 7) % {last} + 1) * {step},"
        " 'Comuna ' || ((n * 31 + 7) % {last} * {each} / 20000), {bytes}, '{zone}' FROM s WHERE n % 40 = 0",
    "supply (premise_id, account_id, role)":
        "SELECT n, n, 'holder' FROM s UNION ALL SELECT :size + n, n, 'holder' FROM s WHERE n % 40 = 0",
    # One section a feeder, which a tie joins to the section of the feeder before it.
    "network_node (id, ref, kind, name, parent_ref, tree_order, tree_last)":
        "SELECT n, 'T' || (n - 1), 'transformer', '', 'F' || ((n - 1) / {fed}) || '-0', n * {step},"
        " n * {step} + {step} / 4 FROM s WHERE n <= {last} + 1 UNION ALL "
        "SELECT :size + n * 2, 'F' || (n - 1), 'feeder', '', 'S', ((n - 1) * {fed} + 1) * {step} - {step} / 2,"
        " (n * {fed} + 1) * {step} - {step} / 2 - 1 FROM s WHERE n <= {last} / {fed} + 1 UNION ALL "
        "SELECT :size + n * 2 + 1, 'F' || (n - 1) || '-0', 'section', '', 'F' || (n - 1),"
        " ((n - 1) * {fed} + 1) * {step} - {step} / 2 + 1, (n * {fed} + 1) * {step} - {step} / 2 - 2"
        " FROM s WHERE n <= {last} / {fed} + 1 UNION ALL "
        "SELECT :size + 1, 'S', 'substation', '', NULL, 0, ({last} + 2 * {fed}) * {step} FROM s WHERE n = 1",
    "network_edge (ref, node_a, node_b, open, normally_open)":
        "SELECT 'E-' || ref, parent_ref, ref, {false}, {false} FROM network_node WHERE parent_ref IS NOT NULL"
        " UNION ALL SELECT 'TIE-' || n, 'F' || (n - 1) || '-0', 'F' || n || '-0', {true}, {true}"
        " FROM s WHERE n <= {last} / {fed}",
    # The points' numbers are mixed, as those of a real record are.
    "contact_point (id, channel, address_hash, address_sealed, country, prefix, customers)":
        "SELECT (n * 7919) % (:size + 1) + 1, 'sms', {sms}, {bytes}, 'CL', '+569', 1 FROM s WHERE n % 20 <> 0"
        " UNION ALL SELECT (n * 7919) % (:size + 1) + :size + 2, 'email', {email}, {bytes}, '', '', 1"
        " FROM s WHERE n % 5 BETWEEN 1 AND 3",
    "customer_contact (customer_id, contact_point_id, purpose, consent, usable, basis, loaded_at)":
        "SELECT n, (n * 7919) % (:size + 1) + 1, 'service', {true}, {true}, 'contract', {moment} FROM s"
        " WHERE n % 20 <> 0 UNION ALL SELECT n, (n * 7919) % (:size + 1) + :size + 2, 'service', {true}, {true},"
        " 'contract', {moment} FROM s WHERE n % 5 BETWEEN 1 AND 3",
}  # fmt: skip


def build_town(database: Database, size: int) -> None:
    kind = "sqlite" if database.is_sqlite else "postgresql"
    values = {"zone": make.ZONE, "each": PER_TRANSFORMER, "moment": _MOMENT[kind], "bytes": _BYTES[kind],
              "false": _FALSE[kind], "true": _TRUE[kind], "step": STEP, "last": size // PER_TRANSFORMER,
              "fed": PER_FEEDER // PER_TRANSFORMER,
              "sms": _HASH[kind].format(kind="s"), "email": _HASH[kind].format(kind="e")}  # fmt: skip
    for target, source in _TOWN.items():
        with database.write() as session:
            if not database.is_sqlite:  # no look at the other table for each of millions of rows
                session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(
                text(f"{_NUMBERS[kind]} INSERT INTO {target} {source.format(**values)}"),
                {"size": size},
            )
