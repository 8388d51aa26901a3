"""What may stand in an XML document for the ear, whatever a template or a feed brought."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPACES = re.compile(r"\s+")
_PAUSE = re.compile(r"\d{1,5}m?s")
_STRENGTHS = frozenset({"none", "x-weak", "weak", "medium", "strong", "x-strong"})
_REGIONS = {"es": "es-MX", "pt": "pt-BR", "en": "en-US"}
"""A voice needs a region where the record only says the language."""


def speakable(text: str) -> str:
    """The text without characters that XML 1.0 cannot hold, its white space joined."""
    return _SPACES.sub(" ", _NOT_XML.sub(" ", text)).strip()


def speech_tag(locale: str) -> str:
    """The language tag of a voice: `es` -> es-MX, `es_CL` -> es-CL; es-MX if it is no tag at all."""
    tag = locale.replace("_", "-")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
        return _REGIONS["es"]
    return _REGIONS.get(tag, tag)


def phrases(ssml: str, text: str) -> list[tuple[str, dict[str, str]]]:
    """SSML as a flat list of ("s", {"text": …}) and ("break", attributes); of `text` if it is broken.

    Only s, p and break are taken from the SSML; everything else counts as its own words.
    """
    try:
        root = fromstring(_NOT_XML.sub(" ", ssml))
    except (ParseError, DefusedXmlException, ValueError):
        return list(_sentence(text))
    return list(_flat(root)) or list(_sentence(text))


def _flat(element: Element) -> Iterator[tuple[str, dict[str, str]]]:
    name = element.tag.rpartition("}")[2]
    if name == "break":
        yield "break", _pause(element)
    else:
        yield from _sentence(element.text or "")
        for child in element:
            yield from _flat(child)
            yield from _sentence(child.tail or "")


def _sentence(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    words = speakable(text)
    if words:
        yield "s", {"text": words}


def _pause(element: Element) -> dict[str, str]:
    time, strength = element.get("time", ""), element.get("strength", "")
    if _PAUSE.fullmatch(time):
        return {"time": time}
    return {"strength": strength} if strength in _STRENGTHS else {}
