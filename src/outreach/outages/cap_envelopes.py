"""The envelopes in which CAP alerts travel: Atom (RFC 4287), RSS 2.0, EDXL-DE 1.0, checked as far as we rely on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from outreach.outages.cap_schema import NAMESPACES
from outreach.outages.safe_xml import local

_ATOM = "{http://www.w3.org/2005/Atom}"
_EDXL = "{urn:oasis:names:tc:emergency:EDXL:DE:1.0}"
_ALERTS = {f"{{{space}}}alert" for space in NAMESPACES}
_PERSON_AND_KIND = ("author", "category", "contributor", "id", "link", "rights", "title", "updated")
_FEED = (*_PERSON_AND_KIND, "generator", "icon", "logo", "subtitle", "entry")
_ENTRY = (*_PERSON_AND_KIND, "content", "published", "source", "summary")
_ATOM_NEEDS = ("id", "title", "updated")
_RSS_NEEDS = ("title", "link", "description")
_EDXL_NEEDS = ("distributionID", "senderID", "dateTimeSent", "distributionStatus",
               "distributionType", "combinedConfidentiality")  # fmt: skip


class Broken(Exception):
    """The envelope breaks a rule of its own format."""

    def __init__(self, element: str, reason: str) -> None:
        super().__init__(f"{element}: {reason}")
        self.element = element
        self.reason = reason


def alerts(root: Any) -> list[Any]:
    """The `alert` elements inside, in order; none in an index of links. Broken says what is wrong."""
    match root.tag:
        case "rss":
            return list(_of_rss(root))
        case _ if root.tag == f"{_ATOM}feed":
            return list(_of_atom(root))
        case _ if root.tag == f"{_EDXL}EDXLDistribution":
            return list(_of_edxl(root))
        case _:
            raise Broken(local(root)[:60], "no CAP alert, Atom, RSS or EDXL-DE")


def _of_atom(feed: Any) -> Iterator[Any]:
    _needed(feed, "feed", _ATOM_NEEDS, _ATOM)
    _known(feed, "feed", _FEED)
    for number, entry in enumerate(feed.findall(f"{_ATOM}entry"), start=1):
        here = f"feed.entry[{number}]"
        _needed(entry, here, _ATOM_NEEDS, _ATOM)
        _known(entry, here, _ENTRY)
        inside = list(_below(entry.find(f"{_ATOM}content")))
        if not inside and entry.find(f"{_ATOM}link") is None:
            raise Broken(f"{here}.link", "missing: there is no alert inside either")
        yield from inside


def _of_rss(rss: Any) -> Iterator[Any]:
    channel = rss.find("channel")
    if channel is None:
        raise Broken("rss.channel", "missing")
    _needed(channel, "rss.channel", _RSS_NEEDS, "")
    for number, item in enumerate(channel.findall("item"), start=1):
        if item.find("title") is None and item.find("description") is None:
            raise Broken(f"rss.channel.item[{number}].title", "missing, and description too")
        yield from _below(item)


def _of_edxl(distribution: Any) -> Iterator[Any]:
    _needed(distribution, "EDXLDistribution", _EDXL_NEEDS, _EDXL)
    for content in distribution.iter(f"{_EDXL}embeddedXMLContent"):
        yield from _below(content)


def _below(element: Any) -> Iterator[Any]:
    if element is not None:
        yield from (each for each in element.iter() if each.tag in _ALERTS)


def _needed(element: Any, here: str, names: tuple[str, ...], space: str) -> None:
    for name in names:
        found = element.find(f"{space}{name}")
        if found is None:
            raise Broken(f"{here}.{name}", "missing")
        # An Atom title may hold markup, a link its address in an attribute.
        if not (len(found) or found.attrib or (found.text or "").strip()):
            raise Broken(f"{here}.{name}", "empty")


def _known(element: Any, here: str, names: tuple[str, ...]) -> None:
    for child in element:
        space, _, name = child.tag.rpartition("}")
        if f"{space}}}" == _ATOM and name not in names:
            raise Broken(f"{here}.{name[:60]}", "Atom has no such element here")
