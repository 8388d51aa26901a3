"""The answer as TwiML: a short gather around the sentence, then the company's default flow."""

from __future__ import annotations

from outreach.contactcenter.speakable import speakable, speech_tag
from outreach.model.contactcenter import IvrAnswer

LONGEST = 3_000
"""Characters of one Say that every voice takes (Polly's limit; basic voices take 4,096)."""
OVERRIDES = "#ct=1000&rt=1500&tt=3000&rc=1"
"""Connect, read and total milliseconds, one retry; a Redirect drops them unless it repeats them."""


def document(answer: IvrAnswer, *, default_flow_url: str) -> str:
    """TwiML for one caller; without text it only goes on to the default flow.

    A key pressed during the sentence (barge-in) goes to the default flow at once, with its digit.
    """
    from twilio.twiml.voice_response import VoiceResponse  # noqa: PLC0415  twilio

    url = _with_overrides(default_flow_url)
    response = VoiceResponse()
    text = speakable(answer.text)[:LONGEST]
    if text:
        gather = response.gather(num_digits=1, timeout=3, action=url, method="POST")
        gather.say(text, language=speech_tag(answer.locale))
    response.redirect(url, method="POST")
    return str(response)


def _with_overrides(url: str) -> str:
    return url if "#" in url else url + OVERRIDES
