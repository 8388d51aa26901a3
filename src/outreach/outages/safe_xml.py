"""XML from outside: no document type, no entities, nothing fetched, sizes capped."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from outreach.model.errors import InputRefused

MOST_BYTES = 20 * 1024 * 1024
MOST_ELEMENTS = 500_000


def root(raw: bytes, *, name: str = "document") -> Element:
    """The root element; InputRefused says in one line why there is none."""
    from defusedxml import DefusedXmlException  # noqa: PLC0415  defusedxml
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415  defusedxml

    if len(raw) > MOST_BYTES:
        raise InputRefused(f"{name}: more than {MOST_BYTES} bytes; send it in parts")
    if raw.count(b"<") > 2 * MOST_ELEMENTS:
        raise InputRefused(f"{name}: more than {MOST_ELEMENTS} elements; send it in parts")
    try:
        found: Element = fromstring(raw, forbid_dtd=True)
    except DefusedXmlException:
        raise InputRefused(
            f"{name}: has a document type or entities, which we never read; send it without"
        ) from None
    except (ParseError, ValueError, LookupError, RecursionError):
        raise InputRefused(f"{name}: not well-formed XML; ask the sender for it again") from None
    return found


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def child_text(element: Element, *path: str) -> str:
    """The stripped text of the first child of these local names, step by step; else empty."""
    for name in path:
        found = next((one for one in element if local(one) == name), None)
        if found is None:
            return ""
        element = found
    return (element.text or "").strip()
