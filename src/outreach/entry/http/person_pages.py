"""The pages of one person, opened by a signed link: `/s/…` their status, `/p/…` their preferences; `/s/` is everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from outreach.campaigns import page_links, pins
from outreach.campaigns.page_links import Page
from outreach.campaigns.trouble import Kind, Said
from outreach.entry.http import person_cards, person_choices
from outreach.entry.http.context import WebContext
from outreach.entry.http.live import Board
from outreach.entry.http.person_cards import Card, Speaking
from outreach.entry.http.person_choices import Choices
from outreach.entry.http.person_frame import Frame, code_of, words
from outreach.entry.http.unsubscribe import Unsubscribing
from outreach.entry.http.wire import BodyTooLarge, BodyTooSlow, form, read_body
from outreach.model.errors import OutreachError
from outreach.model.reply import Meaning
from outreach.model.words import Channel
from outreach.store import person_pages, preferences
from outreach.store.person_pages import Holder
from outreach.store.preferences import Person

log = structlog.get_logger()

BODY_LIMIT = 8 * 1024
TOLD_FOR = timedelta(days=3)
MOST_TOLD = 8
LONGEST = 480
"""Characters of one told text; an e-mail shows its subject."""
_SUPPLY = "sup"
_SAID = {
    Kind.RETRACTED: "reported",
    Kind.KNOWN_OUTAGE: "known",
    Kind.SUSPECTED: "suspected",
    Kind.UNKNOWN_SENDER: "nobody",
}


def router(context: WebContext, board: Board) -> APIRouter:
    """`/s/`, `/s/{token}`, `/p/`, `/p/{token}` and `/u/{token}`. HEAD and GET change nothing."""
    frame = Frame(context)
    pages, stops = _Pages(context, board, frame), Unsubscribing(context, frame)
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    looks, asks = ["GET", "HEAD"], ["POST"]
    routes.add_api_route("/s/", pages.public, methods=looks)
    routes.add_api_route("/s/{token}", pages.status, methods=looks)
    routes.add_api_route("/s/{token}", pages.report, methods=asks)
    routes.add_api_route("/p/", pages.how, methods=looks)
    routes.add_api_route("/p/{token}", pages.preferences, methods=looks)
    routes.add_api_route("/p/{token}", pages.save, methods=asks)
    routes.add_api_route("/u/{token}", stops.show, methods=looks)
    routes.add_api_route("/u/{token}", stops.act, methods=asks)
    return routes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One text that we sent, as the page repeats it."""

    at: datetime
    shown_at: str
    by: str
    language: str
    text: str


class _Pages:
    def __init__(self, context: WebContext, board: Board, frame: Frame) -> None:
        self._context = context
        self._board = board
        self._frame = frame
        self._company = pins.words(context.settings.company)

    # ── status ──────────────────────────────────────────────────────────────────────────────────

    def public(self, request: Request, q: str = "") -> Response:
        """What is out, by locality; nothing personal goes in or out."""
        lookup = self._board.lookup()
        language = self._frame.language(request)
        speaking = self._speaking(language)
        places, more = (
            person_cards.of_localities(lookup, speaking, only=q[:80]) if lookup else ([], 0)
        )
        return self._frame.page(
            "public", request, language, cached=True, places=places, more=more, away=lookup is None
        )

    def status(self, request: Request, token: str) -> Response:
        """The truth for this person's supplies now, and what we told them."""
        named = page_links.read(self._context.keyring, Page.STATUS, token, now=self._context.now())
        if named is None or named.is_expired:
            return self._frame.gone(request, expired=named is not None)
        lookup = self._board.lookup()
        try:
            holder = self._holder(named.number)
            told = self._told(holder) if holder else []
        except OutreachError:
            lookup, holder, told = None, None, []
        else:
            if holder is None:
                return self._frame.gone(request, expired=True)
        language = self._frame.language(request, holder.locale if holder else "")
        cards: Sequence[Card] = ()
        if lookup is not None and holder is not None:
            cards = person_cards.of_supplies(holder.supplies, lookup, self._speaking(language))
        shown = [self._shown(*each, language=language, zone=self._zone(holder)) for each in told]
        return self._frame.page(
            "status", request, language, cached=bool(cards), zone=self._zone(holder),
            status=200 if cards else 503, cards=cards, told=shown, supplies=self._supplies(cards),
        )  # fmt: skip

    async def report(self, request: Request, token: str) -> Response:
        """Takes "still without" of one person: once an hour and outage, however often it is pressed."""
        fields = await _form(request)
        return await run_in_threadpool(self._report, request, token, dict(fields))

    def _report(self, request: Request, token: str, fields: dict[str, str]) -> Response:
        now = self._context.now()
        named = page_links.read(self._context.keyring, Page.STATUS, token, now=now)
        if named is None or named.is_expired:
            return self._frame.gone(request, expired=named is not None)
        try:
            holder = self._holder(named.number)
            outcome = self._taken(holder, fields, now) if holder else "nobody"
        except OutreachError:
            holder, outcome = None, "failed"
        language = self._frame.language(request, holder.locale if holder else "")
        status = 503 if outcome == "failed" else 200
        return self._frame.page("report", request, language, status=status, outcome=outcome)

    def _taken(self, holder: Holder, fields: dict[str, str], now: datetime) -> str:
        """What became of it; the same of one supply and outage within an hour is one report."""
        number = self._context.keyring.read_public_id(_SUPPLY, fields.get("at", ""))
        ref = holder.refs.get(number or 0)
        if self._context.trouble is None or ref is None:
            return "nobody" if ref is None else "failed"
        about = self._about(fields.get("about", ""))
        said = Said(
            reply_id=0, via="page", address_hash=b"", customer_id=holder.customer, account=ref,
            meaning=Meaning.STILL_OUT if about else Meaning.OUT, occasion_id=about,
            locale=holder.locale, source_ref=f"page.{holder.customer}.{about or 0}.{now:%Y%m%d%H}",
        )  # fmt: skip
        return _SAID.get(self._context.trouble(said, now).kind, "noted")

    def _supplies(self, cards: Sequence[Card]) -> dict[int, str]:
        named = (each.premise for each in cards if each.report)
        return {each: self._context.keyring.public_id(_SUPPLY, each) for each in named}

    def _about(self, shown: str) -> int | None:
        """The outage that the page spoke of, while it is one that we still speak of."""
        lookup = self._board.lookup()
        live = (
            {str(each.occasion.id): int(each.occasion.id) for each in lookup.live} if lookup else {}
        )
        return live.get(shown)

    def _holder(self, customer: int) -> Holder | None:
        with self._context.database.read() as session:
            return person_pages.holder(session, customer)

    def _told(self, holder: Holder) -> list[tuple[person_pages.Told, str]]:
        now = self._context.now()
        with self._context.database.read() as session:
            found = person_pages.told(
                session, holder.customer, since=now - TOLD_FOR, limit=MOST_TOLD
            )
        return [(each, text) for each in found if (text := self._said(each))]

    def _said(self, told: person_pages.Told) -> str:
        """The text again, without street or number; empty where it cannot be rendered any more."""
        if self._context.said is None:
            return ""
        try:
            content = self._context.said(told.recipient)
        except OutreachError:
            return ""
        text = content.subject if told.channel is Channel.EMAIL else content.text
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

    def _shown(self, told: person_pages.Told, text: str, *, language: str, zone: str) -> _Shown:
        there = told.at.astimezone(ZoneInfo(zone))
        return _Shown(
            at=told.at,
            shown_at=_day_and_hour(there, language),
            by=words(language)["status"][told.channel.value],
            language=code_of(told.recipient.locale, self._context.settings.company.locale),
            text=text,
        )

    def _speaking(self, language: str) -> Speaking:
        return Speaking(
            language=language,
            words=words(language),
            company=self._company,
            service=self._context.settings.company.service,
            rules=self._context.rules,
            now=self._board.clock(),
        )

    def _zone(self, holder: Holder | None) -> str:
        return holder.zone if holder else self._context.settings.company.zone

    # ── preferences ─────────────────────────────────────────────────────────────────────────────

    def how(self, request: Request) -> Response:
        """Where the link to one's preferences comes from."""
        return self._frame.page("how", request, self._frame.language(request), cached=True)

    def preferences(self, request: Request, token: str) -> Response:
        """The form."""
        return self._with_person(request, token, self._form_of)

    async def save(self, request: Request, token: str) -> Response:
        """Keeps what was chosen, or shows the form again with what is wrong beside each field."""
        pairs = await _form(request)

        def saved(request: Request, person: Person) -> Response:
            return self._saved(request, person, pairs)

        return await run_in_threadpool(self._with_person, request, token, saved)

    def _with_person(self, request: Request, token: str, show: Any) -> Response:
        now = self._context.now()
        named = page_links.read(self._context.keyring, Page.PREFERENCES, token, now=now)
        if named is None or named.is_expired:
            return self._frame.gone(request, expired=named is not None)
        try:
            with self._context.database.read() as session:
                person = preferences.person(session, named.number)
            if person is None:
                return self._frame.gone(request, expired=True)
            response: Response = show(request, person)
        except OutreachError:
            language = self._frame.language(request)
            return self._frame.page("report", request, language, status=503, outcome="failed")
        return response

    def _form_of(self, request: Request, person: Person) -> Response:
        main = self._context.settings.company.locale
        return self._asked(request, person, person_choices.of_person(person, main=main))

    def _saved(self, request: Request, person: Person, pairs: list[tuple[str, str]]) -> Response:
        keyring, main = self._context.keyring, self._context.settings.company.locale
        chosen = person_choices.read(pairs, person, keyring, main=main)
        if chosen.errors:
            return self._asked(request, person, chosen, status=422)
        now = self._context.now()
        turns = person_choices.turns(chosen, person)
        with self._context.database.write() as session:
            preferences.save(session, person.customer, chosen.wish, turns, now=now)
        log.info("preferences saved", turned=len(turns))
        return self._asked(request, person, chosen, saved=True)

    def _asked(
        self,
        request: Request,
        person: Person,
        choices: Choices,
        *,
        status: int = 200,
        saved: bool = False,
    ) -> Response:
        # What was saved is said in the language that was just chosen.
        wished = choices.locale if saved else person.wish.locale or person.locale
        language = choices.locale if saved else self._frame.language(request, wished)
        said = words(language)["preferences"]
        ways = person_choices.shown(person, choices, self._context.keyring, said)
        return self._frame.page(
            "preferences", request, language, status=status, saved=saved, ways=ways,
            errors=choices.errors, locale=choices.locale,
            quiet_from=choices.quiet_from, quiet_until=choices.quiet_until,
            purposes=[each.value for each in preferences.ASKED],
            on=[way.shown for way in ways if way.on],
        )  # fmt: skip


def _day_and_hour(there: datetime, language: str) -> str:
    """`dom 12 jul 02:22`."""
    from babel.dates import format_datetime  # noqa: PLC0415  babel

    return str(format_datetime(there, "EEE d MMM HH:mm", locale=language)).replace(".", "")


async def _form(request: Request) -> list[tuple[str, str]]:
    """The fields of a posted form; none where it is too large, too slow or no form."""
    try:
        return form(await read_body(request.scope, request.receive, limit=BODY_LIMIT))
    except (BodyTooLarge, BodyTooSlow, ValueError):
        return []
