"""Answers a key pressed on a call: kept first, then thanked for in the message's own language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.addresses import Keyring
from outreach.campaigns import pins, tasks
from outreach.campaigns.telling import Teller
from outreach.channels import twilio_voice
from outreach.messages import keys
from outreach.model.errors import OutreachError
from outreach.model.task import Via
from outreach.settings import Settings
from outreach.store import answers, explain
from outreach.store.answers import Asked
from outreach.store.session import Database

AGAIN = "again=1"
"""Query of the address that a second try goes to; the provider signs it with the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one installation."""

    database: Database
    keyring: Keyring
    settings: Settings
    teller: Teller

    def __call__(self, token: str, digits: str, *, is_again: bool, now: datetime) -> str | None:
        """TwiML, after the commit of what the key says; None: the token is none of ours.

        1: heard. 2: needs help, a task at once. Anything else, or nothing: the text once more,
        then goodbye. Raises what the store raised: nothing was kept then.
        """
        named = self.keyring.read_token(token)
        if named is None:
            return None
        message, _try = named
        meaning = keys.KEYS.get(digits)
        if meaning is None:
            return self._unheard(token, message, is_again=is_again)
        with self.database.write() as session:
            asked = tasks.answered(session, message, meaning, via=Via.KEY, now=now)
        if asked is None:
            return None
        words = pins.words(self.settings.company)
        return twilio_voice.said(keys.thanks(meaning, asked.locale, words), asked.locale)

    def _unheard(self, token: str, message: int, *, is_again: bool) -> str | None:
        with self.database.read() as session:
            asked = answers.asked(session, message)
        if asked is None:
            return None
        if is_again:
            return twilio_voice.said(keys.bye(asked.locale), asked.locale)
        base = self.settings.http.public_url.rstrip("/")
        action = f"{base}/webhooks/twilio/voice/{token}?{AGAIN}"
        return twilio_voice.said([self._text(asked)], asked.locale, action=action)

    def _text(self, asked: Asked) -> str:
        """What the call said, rendered again; the question alone where that cannot be."""
        with self.database.read() as session:
            sent = [
                one.recipient
                for one in explain.messages_of(session, asked.customer)
                if one.recipient.id == asked.message
            ]
        try:
            return self.teller.render(sent[0], "").text if sent else keys.again(asked.locale)
        except OutreachError:
            return keys.again(asked.locale)
