"""Every table of outreach, in the order of the way of the data."""

from __future__ import annotations

from outreach.store.metadata import metadata
from outreach.store.tables_feedback import (
    call,
    directive,
)
from outreach.store.tables_ledger import (
    armed,
    attempt,
    due,
    lane,
    left_out,
    message,
    pinned,
    queue,
    receipt,
    run,
    step_run,
)
from outreach.store.tables_record import (
    account,
    contact_point,
    customer,
    customer_contact,
    household,
    network_edge,
    network_node,
    premise,
    reach,
    record_load,
    supply,
    suppression,
)
from outreach.store.tables_truth import (
    audit,
    change,
    lease,
    occasion,
    promise,
    revision,
    scope_premise,
)

__all__ = [
    "account",
    "armed",
    "attempt",
    "audit",
    "call",
    "change",
    "contact_point",
    "customer",
    "customer_contact",
    "directive",
    "due",
    "household",
    "lane",
    "lease",
    "left_out",
    "message",
    "metadata",
    "network_edge",
    "network_node",
    "occasion",
    "pinned",
    "premise",
    "promise",
    "queue",
    "reach",
    "receipt",
    "record_load",
    "revision",
    "run",
    "scope_premise",
    "step_run",
    "supply",
    "suppression",
]
