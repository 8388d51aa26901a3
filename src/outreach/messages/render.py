"""Composes each text once per set of facts, then fills in what is personal, escaped for its channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from html import escape
from typing import Any

from jinja2 import Template

from outreach.messages import drills, plain, sandbox, sms_text, speech, speech_memory
from outreach.messages.fields import PERSONAL, Fields, fields, web_address
from outreach.messages.languages import code_of, language
from outreach.messages.texts import FILES_OF, LAYOUT, chosen, fallbacks
from outreach.model.errors import InputRefused
from outreach.model.message import Content
from outreach.model.notice import Facts, Spoken, Texts, Words
from outreach.model.words import Channel

COMPOSED_KEPT = 4096
"""Composed texts in memory; a storm of 300 outages in 3 languages and 4 channels fits."""

_SLOT = re.compile(f"{plain.SLOT_START}([a-z]+){plain.SLOT_END}")
_SLOTS = {name: f"{plain.SLOT_START}{name}{plain.SLOT_END}" for name in PERSONAL}
_OF_COUNT = frozenset({"premises", "several", "places"})
"""Personal fields that say nothing to whoever has one premise."""
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
_SPACES = re.compile(r"[ \t]{2,}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text with its personal fields left open: a %-format and the fields' names in order."""

    form: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A text composed for one set of facts, shared by all who hear it."""

    channel: Channel
    locale: str
    """Of the file found, which may be a fallback."""
    fold: bool
    text: Piece
    subject: Piece
    html: Piece
    alone: Content | None
    """The finished content when nothing personal but the count of premises is in it, for one."""
    counts: bool
    """Whether the count of premises is in it, as a number or in words."""
    several: bool
    """Whether it is in it in words."""
    places: bool
    """Whether the premises are named in it."""
    linked: bool
    """Whether the recipient's own link is in it."""
    escaping: Callable[[str, str], str]
    """(field, value) -> value, harmless in `text` on this channel."""


class Renderer:
    """Renders the pinned texts of one company. Safe to share between threads."""

    def __init__(
        self,
        texts: Texts,
        words: Words,
        *,
        main: str = "es",
        lexicon: Mapping[str, str] | None = None,
    ) -> None:
        """`main` is the company's locale, the last fallback; `lexicon` respells places for speech."""
        self._texts, self._words, self._main = texts, words, main
        self._lexicon = dict(lexicon or {})
        self._environment = cache(self._build)
        self._cached = lru_cache(COMPOSED_KEPT)(self._compose)

    def compose(
        self,
        template: str,
        locale: str,
        channel: Channel,
        facts: Facts,
        *,
        fold: bool = True,
        drill: bool = False,
    ) -> Composed:
        """The text of a template for these facts, composed once and kept; of a `drill`, marked as one.

        InputRefused names the file, the line and the field: unknown, or without a value here.
        """
        return self._cached(template, locale, channel, facts, fold, drill)

    def fill(self, composed: Composed, personal: Mapping[str, str]) -> Content:
        """The message of one recipient; `premises` is 1 if not given, `places` empty, `link` the company's.

        InputRefused for a missing personal field or one with a line break.
        """
        premises = personal.get("premises", "1")
        if composed.alone is not None and (premises == "1" or not composed.counts):
            return composed.alone
        if composed.linked and "link" not in personal:
            personal = {**personal, "link": web_address(self._words.link)}
        if composed.several or composed.places or "premises" not in personal:
            personal = _counted(composed, personal, premises)
        return _filled(composed, personal)

    def speak(self, template: str, locale: str, facts: Facts) -> Spoken:
        """What the IVR says: ivr.txt in words, SSML and seconds, and what whoever listens heard before; a danger first.

        Longer than a caller listens, it says less: first not how many are out, then in the text's
        `brief` form, without the memory, at last without the next news.
        """
        found, _ = chosen(self._texts, template, locale, "ivr.txt", main=self._main)
        values = speech.speech_fields(facts, self._words, found, self._lexicon)
        warning = speech.warning(facts, values, found, main=self._main)
        if again := speech_memory.unchanged(facts, values, found):
            return speech.speak(f"{warning} {again}", found)
        told, spoken = speech_memory.told(facts, found), speech.SILENCE
        for less in speech.ever_less(values, told):
            text = self._render(template, locale, "ivr.txt", less)
            _refuse_personal(template, found, "ivr.txt", text)
            spoken = speech.speak(f"{warning} {text.rstrip()} {less.get('told', '')}", found)
            if speech.fits(spoken.text, found):
                break
        return spoken

    def agent_note(self, template: str, locale: str, facts: Facts) -> str:
        """What an agent says, so that nobody contradicts the SMS."""
        found, _ = chosen(self._texts, template, locale, "agent.txt", main=self._main)
        values = fields(facts, self._words, found)
        text = self._render(template, locale, "agent.txt", values)
        _refuse_personal(template, found, "agent.txt", text)
        return _tidy(text)

    def file(self, template: str, locale: str, file: str, values: dict[str, Any]) -> str:
        """One file rendered with given field values; Mistake inside names the line."""
        return sandbox.rendered(
            self._template(template, locale, file), values | {"personal": _SLOTS}
        )

    def _compose(
        self,
        template: str,
        locale: str,
        channel: Channel,
        facts: Facts,
        fold: bool,  # noqa: FBT001  a cache key
        drill: bool,  # noqa: FBT001  a cache key
    ) -> Composed:
        found, _ = chosen(self._texts, template, locale, FILES_OF[channel][0], main=self._main)
        values = self._values(facts, found, channel)
        rendered: dict[str, str] = {}
        for file in FILES_OF[channel]:
            known = values | ({"subject": rendered["email.subject.txt"]} if rendered else {})
            text = _finished(file, self._render(template, locale, file, known), fold=fold)
            rendered[file] = drills.marked(file, text, found) if drill else text
        return _composed(channel, found, rendered, fold=fold)

    def _values(self, facts: Facts, locale: str, channel: Channel | None) -> Fields:
        if channel is Channel.VOICE:
            return speech.speech_fields(facts, self._words, locale, self._lexicon)
        return fields(facts, self._words, locale, channel)

    def _render(self, template: str, locale: str, file: str, values: Fields) -> str:
        found, _ = chosen(self._texts, template, locale, file, main=self._main)
        try:
            return self.file(template, found, file, dict(values))
        except sandbox.Mistake as mistake:
            raise InputRefused(f"templates/{template}/{found}/{file} {mistake}") from None

    def _template(self, template: str, locale: str, file: str) -> Template:
        found, source = chosen(self._texts, template, locale, file, main=self._main)
        return sandbox.compiled(self._environment(found, file.endswith(".html")), source)

    def _build(self, locale: str, html: bool) -> Any:  # noqa: FBT001  a cache key
        frames = _frames(self._texts, locale, self._main)
        return sandbox.environment(tuple(sorted(frames.items())), html=html)


def _refuse_personal(template: str, locale: str, file: str, text: str) -> None:
    if plain.SLOT_START in text:
        raise InputRefused(f"templates/{template}/{locale}/{file}: no personal field is known here")


def _counted(composed: Composed, personal: Mapping[str, str], premises: str) -> dict[str, str]:
    phrases = language(composed.locale)["personal"]
    several = "" if premises == "1" else phrases["several"].format(n=premises)
    named = plain.clean(personal.get("places", ""))
    places = "" if premises == "1" or not named else phrases["places"].format(places=named)
    return {**personal, "premises": premises, "several": several, "places": places}


def _frames(texts: Texts, locale: str, main: str) -> dict[str, str]:
    """The layout's files for a locale, under the names that {% extends %} uses."""
    frames: dict[str, str] = {}
    for candidate in reversed(fallbacks(locale, main)):
        for file, text in texts.get(LAYOUT, {}).get(candidate, {}).items():
            frames[f"{LAYOUT}/{file}"] = text
    return frames


def _finished(file: str, text: str, *, fold: bool) -> str:
    match file:
        case "email.html":
            return _inlined(text)
        case "email.subject.txt":
            return _subject(text)
        case "sms.txt":
            line = " ".join(text.split())
            return sms_text.fold(line) if fold else line
        case "voice.txt" | "social.txt":
            return " ".join(text.split())
        case _:
            return _tidy(text)


def _subject(text: str) -> str:
    line = text.strip()
    if "\n" in line or "\r" in line:
        raise InputRefused("email.subject.txt: a subject is one line; take the line break out")
    return " ".join(line.split())


def _tidy(text: str) -> str:
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text)).strip() + "\n"


def _inlined(text: str) -> str:
    import css_inline  # noqa: PLC0415  css-inline

    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
    return str(inliner.inline(text))


def _composed(channel: Channel, locale: str, rendered: dict[str, str], *, fold: bool) -> Composed:
    main = next(text for file, text in rendered.items() if file != "email.subject.txt")
    text, subject, html = (
        _piece(part)
        for part in (main, rendered.get("email.subject.txt", ""), rendered.get("email.html", ""))
    )
    names = {*text.names, *subject.names, *html.names}
    open_ = Composed(
        channel=channel, locale=locale, fold=fold, text=text, subject=subject, html=html,
        alone=None, counts=not names.isdisjoint(_OF_COUNT), several="several" in names,
        places="places" in names, linked="link" in names,
        escaping=_escaping(channel, locale, fold=fold),
    )  # fmt: skip
    if names - _OF_COUNT:
        return open_
    return _with_alone(open_)


def _with_alone(composed: Composed) -> Composed:
    return replace(
        composed, alone=_filled(composed, {"premises": "1", "several": "", "places": ""})
    )


def _piece(text: str) -> Piece:
    names = tuple(_SLOT.findall(text))
    return Piece(_SLOT.sub("%s", text.replace("%", "%%")), names)


def _filled(composed: Composed, personal: Mapping[str, str]) -> Content:
    text = _filled_text(composed.text, personal, composed.escaping)
    if composed.channel is Channel.SMS:
        return Content(text=text, segments=sms_text.segments(text).count)
    if composed.channel is not Channel.EMAIL:
        is_spoken = composed.channel is Channel.VOICE
        return Content(text=text, locale=composed.locale if is_spoken else "")
    return Content(
        text=text,
        subject=_filled_text(composed.subject, personal, _plain),
        html=_filled_text(composed.html, personal, _html),
    )


def _filled_text(
    piece: Piece, personal: Mapping[str, str], escaping: Callable[[str, str], str]
) -> str:
    names = piece.names
    if not names:
        return piece.form % ()
    try:
        values = [personal[name] for name in names]
    except KeyError as error:
        raise InputRefused(
            f"personal field {error.args[0]}: not known for this recipient"
        ) from None
    if not (escaping in _FOR_TEXT and _is_harmless(names, values)):
        values = [escaping(name, value) for name, value in zip(names, values, strict=True)]
    return piece.form % tuple(values)


def _is_harmless(names: tuple[str, ...], values: list[str]) -> bool:
    """Nearly always so: one look at all values together costs a third of one at each."""
    together = "".join(values)
    if not together.isascii() or not together.isprintable() or "`" in together:
        return False
    if "link" not in names:
        return True
    link = values[names.index("link")]
    return link.startswith("https://") and " " not in link


def _escaping(channel: Channel, locale: str, *, fold: bool) -> Callable[[str, str], str]:
    if channel is Channel.VOICE:
        code = code_of(locale)
        return lambda name, value: _said(value, speech.in_words(_plain(name, value), code))
    return _folded if channel is Channel.SMS and fold else _plain


def _said(value: str, words: str) -> str:
    """`several` and `places` bring the space before them."""
    return f" {words}" if value.startswith(" ") else words


def _plain(name: str, value: str) -> str:
    """Harmless as it is in most cases: then it costs one look."""
    if name == "link" and (" " in value or not value.startswith("https://")):
        value = web_address(value)
    if name in _OF_COUNT or (value.isascii() and value.isprintable()):
        return value
    return plain.one_line(value, what=f"personal field {name}")


def _folded(name: str, value: str) -> str:
    """Of printable ASCII only the grave accent is not in GSM-7."""
    safe = _plain(name, value)
    return safe if safe.isascii() and "`" not in safe else sms_text.fold(safe)


_FOR_TEXT = (_plain, _folded)


def _html(name: str, value: str) -> str:
    return escape(_plain(name, value), quote=True)
