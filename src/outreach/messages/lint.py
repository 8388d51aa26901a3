"""Reads every template as its worst reader will: the longest values, a one-way lane, no estimate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from outreach.messages import sandbox, speech
from outreach.messages.fields import PERSONAL, fields
from outreach.messages.lint_rules import TOO_LONG, Reading, wording
from outreach.messages.render import Renderer
from outreach.messages.texts import FILES, LAYOUT
from outreach.model.errors import InputRefused
from outreach.model.notice import Facts, Texts, Words
from outreach.model.words import Channel, OccasionKind, OccasionState, Service

SPOKEN_FILES = ("ivr.txt", "voice.txt")
_CHANNEL = {"sms.txt": Channel.SMS, "social.txt": Channel.SOCIAL}
_SAMPLES = {"several": "", "places": "", "link": f"https://{'x' * 44}"}
"""Of personal fields in a sample: a link of ours is the company's host and a token."""
_START = datetime(2026, 9, 16, 5, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault of one template file; `rule` is its short name, `line` that of the file."""

    file: str
    line: int
    rule: str
    message: str


def findings(
    texts: Texts,
    words: Words,
    *,
    fold: bool = True,
    services: tuple[Service, ...] = (Service.ELECTRICITY,),
    locales: tuple[str, ...] = (),
) -> list[Finding]:
    """Every fault of every template, each once, sorted by file and line; empty when all is well.

    `locales` are those that each template must have; by default all that any template has. With
    `fold=False` the campaign keeps accents, and an SMS may be UCS-2, but still one segment.
    """
    templates = {name: by_locale for name, by_locale in texts.items() if name != LAYOUT}
    wanted = locales or tuple(sorted({locale for one in templates.values() for locale in one}))
    found = set(_missing(templates, wanted))
    renderer = Renderer(texts, words)
    for words_used, facts in _occasions(words, services):
        reader = _Reader(renderer, words_used, facts, fold)
        for name, locale, file, source in _files(templates):
            found.update(reader.read(name, locale, file, source))
    return sorted(found)


def _missing(templates: Texts, wanted: tuple[str, ...]) -> Iterator[Finding]:
    for name, by_locale in templates.items():
        for locale in wanted:
            if locale not in by_locale:
                yield Finding(f"{name}/{locale}", 0, "missing-locale", f"no texts in {locale}")
        for locale, files in by_locale.items():
            if "-" in locale:
                continue  # a regional locale may hold only what differs
            for file in FILES:
                if file not in files:
                    yield Finding(f"{name}/{locale}/{file}", 0, "missing-file", f"no {file}")


def _files(templates: Texts) -> Iterator[tuple[str, str, str, str]]:
    for name, by_locale in templates.items():
        for locale, files in by_locale.items():
            for file, source in files.items():
                yield name, locale, file, source


def _occasions(words: Words, services: tuple[Service, ...]) -> Iterator[tuple[Words, Facts]]:
    """The notices to read with: longest, one-way, without estimate, without what is optional."""
    widest = _widest(words)
    for service in services:
        full = longest(service)
        yield widest, full
        yield widest, replace(full, two_way=False, cause="")
        yield widest, replace(full, etr_from=_START + timedelta(hours=-4), old_etr_at=_START)
        yield widest, replace(full, etr_at=None, old_etr_at=None, fact="")
        yield replace(widest, phone="", priority_line=""), replace(full, etr_confidence="low")


def _widest(words: Words) -> Words:
    """The company's own words, the sender and link as long as they may be."""
    site = words.link.split("://", 1)[-1]
    return replace(
        words,
        sender=words.sender[:12].ljust(12, "x"),
        link=f"https://{site[:23].ljust(23, 'x')}",
        phone=words.phone or "600 500 5000",
        priority_line=words.priority_line or "800 123 4567",
    )


def longest(service: Service) -> Facts:
    """Facts whose values are as long as a text must bear: zone 20, fact 40, moments with weekday."""
    hours = timedelta(hours=1)
    return Facts(
        kind=OccasionKind.OUTAGE,
        state=OccasionState.ACTIVE,
        service=service,
        area="Pedro Aguirre Cerda Z",
        zone="America/Santiago",
        start_at=_START,
        as_of=_START,
        end_at=_START + 8 * hours,
        etr_at=_START + 3 * hours,
        old_etr_at=_START + 2 * hours,
        old_start_at=_START - 24 * hours,
        old_end_at=_START - 18 * hours,
        next_update_at=_START + hours,
        restored_at=_START,
        cause="viento",
        fact="viento fuerte zona costera y precordillera"[:40],
        sent_at=_START,
        customers=3480,
        two_way=True,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    renderer: Renderer
    words: Words
    facts: Facts
    fold: bool
    _known: dict[tuple[str, object], dict[str, str | bool]] = field(default_factory=dict)
    """Values by locale and kind of file: the same for every template."""

    def read(self, name: str, locale: str, file: str, source: str) -> list[Finding]:
        path = f"{name}/{locale}/{file}"
        if self.facts.etr_from is not None and name.startswith("planned"):
            return []  # works have hours, and an estimate alone becomes a window
        try:
            values = self._values(locale, file)
            texts = self._texts(name, locale, file, values)
        except sandbox.Mistake as mistake:
            if mistake.rule == "absent-field" and self._is_of_the_event(mistake):
                return []
            return [Finding(path, mistake.line, mistake.rule, mistake.message)]
        except InputRefused as error:
            return [Finding(path, 0, "refused", str(error))]
        last = texts[-1]
        return [
            Finding(path, line, rule, message)
            for text in texts
            for line, rule, message in wording(
                Reading(name, locale, file, source, text, self.facts), fold=self.fold
            )
            if text is last or rule not in TOO_LONG
        ]

    def _texts(self, name: str, locale: str, file: str, values: dict[str, str | bool]) -> list[str]:
        """The file's text; of ivr.txt every shorter one too, until it is short enough."""
        if file != "ivr.txt":
            return [self._finished(locale, file, self.renderer.file(name, locale, file, values))]
        texts: list[str] = []
        for less in speech.ever_less(values):
            texts.append(self._finished(locale, file, self.renderer.file(name, locale, file, less)))
            if speech.fits(texts[-1], locale):
                break
        return texts

    def _values(self, locale: str, file: str) -> dict[str, str | bool]:
        kind = Channel.VOICE if file in SPOKEN_FILES else _CHANNEL.get(file)
        if (locale, kind) not in self._known:
            self._known[locale, kind] = self._made(locale, kind)
        values = self._known[locale, kind]
        return values | ({"subject": "-"} if file in {"email.txt", "email.html"} else {})

    def _made(self, locale: str, kind: Channel | None) -> dict[str, str | bool]:
        if kind is Channel.VOICE:
            return speech.speech_fields(self.facts, self.words, locale)
        return fields(self.facts, self.words, locale, kind)

    def _is_of_the_event(self, mistake: sandbox.Mistake) -> bool:
        """An estimate, and what an advisory says, is there whenever its step is sent; a telephone must be guarded by an if."""
        return self.facts.etr_at is None and bool(re.search(r"'(etr|old|fact)'", mistake.message))

    def _finished(self, locale: str, file: str, text: str) -> str:
        for name in PERSONAL:
            text = text.replace(f"\ue000{name}\ue001", _SAMPLES.get(name, "1"))
        if file == "sms.txt":
            return " ".join(text.split())
        if file == "email.html":
            return re.sub(r"<[^>]*>", " ", text)
        return text
