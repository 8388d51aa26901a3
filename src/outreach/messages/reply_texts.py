"""The texts that answer what people write: templates/replies/<locale>/<name>.sms.txt, the workspace's before ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from outreach.messages import plain, sandbox, sms_text
from outreach.messages.fields import SENDER_IN_SMS, web_address
from outreach.messages.languages import LANGUAGES, language
from outreach.messages.texts import REPLIES, fallbacks
from outreach.model.errors import InputRefused
from outreach.model.notice import Words
from outreach.model.words import Service

MAX_BYTES = 2_000
_ENDING = ".sms.txt"
_NAME = re.compile(r"[a-z_]{1,40}\Z")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")

ReplyTexts = Mapping[str, Mapping[str, str]]
"""locale -> name -> text."""


def read_replies(*folders: Path) -> dict[str, dict[str, str]]:
    """Every text under `replies/` of these folders of templates; an earlier folder's comes before a later's.

    InputRefused names the file: an unsafe name, a link, too large, not UTF-8, or wrong in the language of templates.
    """
    found: dict[str, dict[str, str]] = {}
    for folder in reversed(folders):
        for path in sorted((folder / REPLIES).glob(f"*/*{_ENDING}")):
            locale, name = path.parent.name, path.name.removesuffix(_ENDING)
            if path.is_symlink() or not (_LOCALE.match(locale) and _NAME.match(name)):
                raise InputRefused(f"{path}: use plain files replies/<locale>/<name>{_ENDING}")
            found.setdefault(locale, {})[name] = _read(path)
    return found


def written(
    texts: ReplyTexts, name: str, locale: str, values: Mapping[str, str | bool], *, main: str
) -> str:
    """One text in GSM-7 as far as it goes; InputRefused where no language has it, or a field is missing."""
    for candidate in (*fallbacks(locale, main), *LANGUAGES):
        source = texts.get(candidate, {}).get(name)
        if source is not None:
            return _rendered(source, values, f"templates/{REPLIES}/{candidate}/{name}{_ENDING}")
    raise InputRefused(f"templates/{REPLIES}: no {name}{_ENDING} in any language; put it back")


def company_values(words: Words, service: Service, locale: str) -> dict[str, str | bool]:
    """The fields of every reply: how the company names itself, and the words of its service."""
    code = locale.replace("_", "-").partition("-")[0].lower()
    code = code if code in LANGUAGES else LANGUAGES[0]
    url = web_address(words.link)
    values: dict[str, str | bool] = {
        **language(code)["service"][service.value],
        "s": plain.shorten(plain.one_line(words.sender, what="sender"), SENDER_IN_SMS),
        "company": plain.one_line(words.company, what="company name"),
        "url": url,
        "link": url.split("://", 1)[-1],
        "phone": plain.one_line(words.phone, what="telephone"),
        "tel": plain.one_line(words.priority_line, what="priority line"),
        "emergency": plain.one_line(words.emergency, what="emergency number"),
        "lang": locale,
        "two_way": True,
    }
    return {name: value for name, value in values.items() if value}


def _rendered(source: str, values: Mapping[str, str | bool], where: str) -> str:
    try:
        text = sandbox.rendered(
            sandbox.compiled(sandbox.environment((), html=False), source), dict(values)
        )
    except sandbox.Mistake as mistake:
        raise InputRefused(f"{where} {mistake}") from None
    return sms_text.fold(" ".join(text.split()))


def _read(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise InputRefused(f"{path}: larger than {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused(f"{path}: not UTF-8; save it as UTF-8") from None
