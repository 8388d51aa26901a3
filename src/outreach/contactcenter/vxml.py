"""The answer as VoiceXML 2.1: a dialog to call as a subdialog, or the small root of a `data` element."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from outreach.contactcenter.speakable import phrases, speakable, speech_tag
from outreach.model.contactcenter import IvrAnswer

NAMESPACE = "http://www.w3.org/2001/vxml"
RETURNED = "status expires priority"
"""What the calling dialog gets back, beside having the sentence queued."""
NOTHING = "none"


def document(answer: IvrAnswer) -> str:
    """A whole document valid against the VoiceXML 2.1 schema.

    Called with `<subdialog>`: it plays the sentence with barge-in and returns `status`, `expires`
    (epoch seconds) and `priority`; on any error it returns status `none`, so that the caller's
    dialog goes on with its default flow.
    """
    tag = speech_tag(answer.locale)
    root = Element("vxml", {"version": "2.1", "xmlns": NAMESPACE, "xml:lang": tag})
    for name, value in _returned(answer).items():
        SubElement(root, "var", {"name": name, "expr": f"'{value}'"})
    form = SubElement(root, "form", {"id": "outage"})
    failed = SubElement(form, "catch", {"event": "error"})
    SubElement(failed, "assign", {"name": "status", "expr": f"'{NOTHING}'"})
    SubElement(failed, "return", {"namelist": RETURNED})
    block = SubElement(form, "block")
    if answer.text:
        _fill(SubElement(block, "prompt", {"bargein": "true", "xml:lang": tag}), answer)
    SubElement(block, "return", {"namelist": RETURNED})
    return _text(root)


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


def _fill(prompt: Element, answer: IvrAnswer) -> None:
    for name, attributes in phrases(answer.text_ssml, answer.text):
        if name == "s":
            SubElement(prompt, "s").text = attributes["text"]
        else:
            SubElement(prompt, "break", attributes)


def _text(root: Element) -> str:
    return tostring(root, encoding="unicode", xml_declaration=False)
