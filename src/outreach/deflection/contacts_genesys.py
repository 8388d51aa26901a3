"""Conversations of Genesys Cloud: detail events as they happen, and the analytics document afterwards.

Events: topics v2.detail.events.conversation.{id}.* by notification, EventBridge or trigger; each tells a part.
Documents: POST /api/v2/analytics/conversations/details/query and its jobs; each tells the whole. Shapes after the
platform's SDK models (AcdEndDetailEventTopicAcdEndEvent and its neighbours, AnalyticsConversation).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from outreach.deflection import contacts_genesys_details, contacts_genesys_events
from outreach.deflection.calls_reading import Seen, Terms, Unfit
from outreach.deflection.contacts_json import BROKEN, documents
from outreach.model.calls import CallRow


def seen(pieces: Iterable[str], terms: Terms) -> Iterator[Seen]:
    """One Seen a document; outbound conversations and what tells nothing of a contact are passed over."""
    found = (inner for each in documents(pieces) for inner in _inside(each))
    for record, document in enumerate(found, start=1):
        yield of_document(document, terms, record=record)


def of_document(document: Any, terms: Terms, *, record: int) -> Seen:
    """What one event or one conversation says."""
    if document is BROKEN:
        return Seen(record, record, refusal="not_json")
    try:
        return Seen(record, record, _call(document, terms))
    except Unfit as error:
        return Seen(record, record, refusal=str(error))


def _call(document: Any, terms: Terms) -> CallRow | None:
    if not isinstance(document, dict):
        raise Unfit("not_an_object")
    if "participants" in document and "conversationStart" in document:
        return contacts_genesys_details.call(document, terms)
    return contacts_genesys_events.call(document, terms)


def _inside(document: Any) -> list[Any]:
    """The conversations of a query's answer, or the document itself."""
    listed = document.get("conversations") if isinstance(document, dict) else None
    return listed if isinstance(listed, list) else [document]
