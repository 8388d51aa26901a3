"""The answer as VoiceXML 2.1: a dialog to call as a subdialog, or the small root of a `data` element."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from outreach.contactcenter.speakable import phrases, speakable, speech_tag
from outreach.model.contactcenter import IvrAnswer

NAMESPACE = "http://www.w3.org/2001/vxml"
RETURNED = "status expires priority outage key"
"""What the calling dialog gets back, beside having the sentence queued."""
NOTHING = "none"


def document(answer: IvrAnswer) -> str:
    """A whole document valid against the VoiceXML 2.1 schema.

    Called with `<subdialog>`: it plays the sentence with barge-in and returns `status`, `expires`
    (epoch seconds), `priority`, `outage` and the `key` pressed, or none; on any error it returns
    status `none`, so that the caller's dialog goes on with its default flow.
    """
    tag = speech_tag(answer.locale)
    root = Element("vxml", {"version": "2.1", "xmlns": NAMESPACE, "xml:lang": tag})
    for name, value in (_returned(answer) | _key(answer)).items():
        SubElement(root, "var", {"name": name, "expr": f"'{value}'"})
    form = SubElement(root, "form", {"id": "outage"})
    failed = SubElement(form, "catch", {"event": "error"})
    SubElement(failed, "assign", {"name": "status", "expr": f"'{NOTHING}'"})
    SubElement(failed, "return", {"namelist": RETURNED})
    if answer.text and (answer.menu or answer.safety):
        _ask(form, answer, tag)
        return _text(root)
    block = SubElement(form, "block")
    if answer.text:
        _fill(SubElement(block, "prompt", {"bargein": "true", "xml:lang": tag}), answer)
    SubElement(block, "return", {"namelist": RETURNED})
    return _text(root)


def _ask(form: Element, answer: IvrAnswer, tag: str) -> None:
    """One key within three seconds; none, or one that means nothing here, only goes on."""
    field = SubElement(form, "field", {"name": "pressed", "type": "digits?length=1"})
    for name, value in (("inputmodes", "dtmf"), ("timeout", "3s")):
        SubElement(field, "property", {"name": name, "value": value})
    _fill(SubElement(field, "prompt", {"bargein": "true", "xml:lang": tag}), answer)
    for event in ("noinput", "nomatch"):
        SubElement(SubElement(field, event), "return", {"namelist": RETURNED})
    filled = SubElement(field, "filled")
    SubElement(filled, "assign", {"name": "key", "expr": "pressed"})
    SubElement(filled, "return", {"namelist": RETURNED})


def data(answer: IvrAnswer) -> str:
    """For `<data srcexpr>`: root `outage` with status, expires, priority; its text is the sentence."""
    root = Element("outage", _returned(answer))
    root.text = speakable(answer.text)
    return _text(root)


def _returned(answer: IvrAnswer) -> dict[str, str]:
    return {
        "status": answer.status.value,
        "expires": str(int(answer.expires_at.timestamp())),
        "priority": "high" if answer.priority == "high" else "normal",
    }


def _key(answer: IvrAnswer) -> dict[str, str]:
    """Ids are ours, of letters and digits; anything else would be script in a document."""
    shown = answer.outage_id
    return {"outage": shown if re.fullmatch(r"[a-z]{3}_[A-Za-z0-9]+", shown) else "", "key": ""}


def _fill(prompt: Element, answer: IvrAnswer) -> None:
    parts = [
        *phrases("", answer.safety),
        *phrases(answer.text_ssml, answer.text),
        *phrases("", answer.menu),
    ]
    for name, attributes in parts:
        if name == "s":
            SubElement(prompt, "s").text = attributes["text"]
        else:
            SubElement(prompt, "break", attributes)


def _text(root: Element) -> str:
    return tostring(root, encoding="unicode", xml_declaration=False)
