"""What an IVR asks, strictly typed, and who is asking: account, number, place, in this order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from outreach.addresses import Keyring
from outreach.contactcenter.answer import Caller
from outreach.contactcenter.lookup import Lookup
from outreach.model.contactcenter import CallerPremise, Match
from outreach.store.ivr import Callers

Found = TypeVar("Found")

LOOKUP_WITHIN_S = 0.25
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_LANGUAGE = r"^([A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)?$"


class Question(BaseModel):
    """The body of `POST /v1/ivr/answer`; every field may be left out."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    ani: str = Field(default="", max_length=64, description="caller number, as the platform has it")
    account: str = Field(default="", max_length=64, description="account typed by the caller")
    postal: str = Field(default="", max_length=80, description="postal code or locality typed")
    locality: str = Field(default="", max_length=80)
    zone: str = Field(default="", max_length=80)
    dnis: str = Field(default="", max_length=64, description="number that was called")
    call_id: str = Field(default="", max_length=128, description="the platform's own, for one call")
    lang: str = Field(default="", max_length=35, pattern=_LANGUAGE, description="BCP 47")


class Recognition:
    """Turns a question into a Caller; a database that is away, or slow, recognises nobody."""

    def __init__(
        self,
        callers: Callers,
        *,
        keyring: Keyring,
        normalise: Callable[[str], str | None],
        locale: str,
        zone_keys: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self._callers = callers
        self._hash = keyring.hash
        self._keyring = keyring
        self._normalise = normalise
        self._locale = locale
        self._localities = {
            key.casefold(): locality for locality, keys in zone_keys.items() for key in keys
        }
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ivr")

    async def caller(self, question: Question, lookup: Lookup, *, is_away: bool) -> Caller:
        """TimeoutError or StoreUnusable if the record does not answer in time."""
        if not is_away:
            by_account, ref = self._callers.by_account, question.account
            if ref and (found := await self._ask(by_account, ref)):
                known_as = self._hash(f"account:{ref}")
                return self._known(Match.ACCOUNT, found, question, known_as)
            # Two only while lookup keys are replaced: then each is asked in the order rows move.
            for hashed in self.standing(question.ani):
                if found := await self._ask(self._callers.by_address, hashed):
                    return self._known(Match.ANI, found, question, hashed)
        return self._placed(question, lookup)

    async def told_at(self, caller: Caller, occasion: int) -> datetime | None:
        """When the number that calls was texted about this occasion; None for other matches."""
        if caller.match is not Match.ANI or not any(each.takes_sms for each in caller.premises):
            return None
        return await self._ask(self._callers.told_at, caller.known_as, occasion)

    def standing(self, ani: str) -> tuple[bytes, ...]:
        """Under which keyed hashes a number, as the platform writes it, may stand now; none if it is none."""
        number = ani if _E164.fullmatch(ani) else self._normalise(ani)
        return self._keyring.standing(number) if ani and number is not None else ()

    def nobody(self, question: Question) -> Caller:
        return Caller(match=Match.NONE, locale=question.lang or self._locale)

    def _known(
        self,
        match: Match,
        premises: tuple[CallerPremise, ...],
        question: Question,
        known_as: bytes,
    ) -> Caller:
        locale = question.lang or premises[0].locale or self._locale
        return Caller(match=match, premises=premises, locale=locale, known_as=known_as)

    def _placed(self, question: Question, lookup: Lookup) -> Caller:
        """By what was typed or passed on, else by the number dialled, where that has its own region."""
        locale = question.lang or self._locale
        for match, key in (
            (Match.POSTAL, question.postal),
            (Match.ZONE, question.locality),
            (Match.ZONE, question.zone),
            (Match.ZONE, question.dnis),
        ):
            name = self._localities.get(key.casefold(), key)
            if name and lookup.knows(name):
                return Caller(match=match, locality=name, locale=locale)
        return self.nobody(question)

    async def _ask(self, query: Callable[..., Found], *asked: object) -> Found:
        if self._callers.is_local:
            return query(*asked)  # 30 µs; a thread would cost more than the query
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(LOOKUP_WITHIN_S):
            return await loop.run_in_executor(self._threads, partial(query, *asked))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._callers.close()
