"""The answer as TwiML: a short gather around the sentence, then the company's default flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from outreach.contactcenter.speakable import speakable, speech_tag
from outreach.model.contactcenter import IvrAnswer

LONGEST = 3_000
"""Characters of one Say that every voice takes (Polly's limit; basic voices take 4,096)."""
OVERRIDES = "#ct=1000&rt=1500&tt=3000&rc=1"
"""Connect, read and total milliseconds, one retry; a Redirect drops them unless it repeats them."""


def document(answer: IvrAnswer, *, default_flow_url: str, pressed_url: str = "") -> str:
    """TwiML for one caller; without text it only goes on to the default flow.

    A key pressed during the sentence (barge-in) goes to `pressed_url`, else to the default flow at
    once, with its digit. Danger comes first, then the sentence, then what the keys do.
    """
    from twilio.twiml.voice_response import VoiceResponse  # noqa: PLC0415  twilio

    url = _with_overrides(default_flow_url)
    response = VoiceResponse()
    if speakable(answer.text):
        action = _action(answer, pressed_url) if pressed_url else url
        gather = response.gather(num_digits=1, timeout=3, action=action, method="POST")
        for said in (answer.safety, answer.text, answer.menu):
            _say(gather, said, answer.locale)
    response.redirect(url, method="POST")
    return str(response)


def goes_on(said: Sequence[str], locale: str, *, default_flow_url: str, digit: str = "") -> str:
    """After a key: a sentence or none, then the default flow, which gets the digit we did not take."""
    from twilio.twiml.voice_response import VoiceResponse  # noqa: PLC0415  twilio

    response = VoiceResponse()
    for sentence in said:
        _say(response, sentence, locale)
    url = _with(default_flow_url, {"Digits": digit}) if digit else default_flow_url
    response.redirect(_with_overrides(url), method="POST")
    return str(response)


def _say(verbs: Any, text: str, locale: str) -> None:
    words = speakable(text)[:LONGEST]
    if words:
        verbs.say(words, language=speech_tag(locale))


def _action(answer: IvrAnswer, pressed_url: str) -> str:
    """Names the occasion and the language, never the caller: those come signed in the body."""
    named = {"outage_id": answer.outage_id, "lang": speech_tag(answer.locale)}
    return _with_overrides(_with(pressed_url, named))


def _with(url: str, named: dict[str, str]) -> str:
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(named)}{mark}{fragment}"


def _with_overrides(url: str) -> str:
    return url if "#" in url else url + OVERRIDES
