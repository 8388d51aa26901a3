"""What a text states: the fields whose value comes out of it, found by rendering it with marks in their place."""

from __future__ import annotations

from collections.abc import Iterable

from outreach.messages import sandbox
from outreach.messages.fields import PERSONAL, fields
from outreach.messages.render import Renderer
from outreach.messages.texts import LAYOUT
from outreach.model.notice import Facts, Texts, Words
from outreach.model.pack import Stated
from outreach.model.words import Channel

_FILES = {Channel.SMS: "sms.txt", Channel.EMAIL: "email.txt"}
_MARKED = frozenset(
    {"date", "zone", "cause", "a", "b", "start", "until", "etr", "danger", "danger_planned"}
)
"""Fields that tell something of the work; the others name the company or chose words."""


def stated(
    renderer: Renderer,
    texts: Texts,
    template: str,
    facts: Facts,
    *,
    words: Words,
    channels: Iterable[Channel],
) -> tuple[Stated, ...]:
    """A Stated for each SMS and e-mail text of a template, in every locale it has.

    A field that this notice has no value for is not in it, whatever the template prints: works of
    a service without a sentence of safety state no precautions. A text that cannot be rendered
    with these facts states nothing.
    """
    return tuple(
        _stated(renderer, facts, words, channel, (template, locale, file))
        for locale, has in sorted(texts.get(template, {}).items())
        if template != LAYOUT
        for channel in channels
        if (file := _FILES.get(channel)) and file in has
    )


def _stated(
    renderer: Renderer, facts: Facts, words: Words, channel: Channel, place: tuple[str, str, str]
) -> Stated:
    template, locale, file = place
    values = fields(facts, words, locale, channel)
    marks = {name: _mark(name) for name in _MARKED & values.keys()}
    try:
        text = renderer.file(template, locale, file, {**values, **marks, "subject": "-"})
    except sandbox.Mistake:
        text = ""
    found = frozenset(name for name, mark in marks.items() if mark in text.lower())
    return Stated(where=f"{template}/{locale}/{file}", fields=found, text=_plain(text, marks))


def _mark(name: str) -> str:
    """Letters that no text holds; lower case, for a template may write a field in capitals."""
    return f"\ue010{name}\ue011"


def _plain(text: str, marks: dict[str, str]) -> str:
    for mark in (*marks.values(), *(f"\ue000{name}\ue001" for name in PERSONAL)):
        text = text.replace(mark, " ")
    return text.lower()
