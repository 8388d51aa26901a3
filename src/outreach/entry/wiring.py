"""Puts the rooms together: which class stands behind which name of the settings."""

from __future__ import annotations

import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

from outreach import clock
from outreach.addresses import Keyring, normalise_phone
from outreach.audience import zone_rules
from outreach.campaigns import page_links, pins, pressed, replying, routing, trouble
from outreach.campaigns.engine import Engine
from outreach.campaigns.jobs import JobQueue
from outreach.campaigns.reply_status import Phrasing
from outreach.campaigns.replying_rules import Answer
from outreach.campaigns.telling import Teller
from outreach.channels import sendgrid_email, twilio_sms, twilio_voice
from outreach.channels.outbox import Outbox
from outreach.contactcenter.answer import Rules, Speak, read_sectors
from outreach.delivery.breaker import Breaker
from outreach.delivery.hands import Driver, Hands, Limits, Times
from outreach.delivery.pace import Pace
from outreach.entry import launches, shown
from outreach.entry.answering import Keys
from outreach.entry.http.context import SendGridGenuine, WebContext
from outreach.entry.http.keeping import keep
from outreach.entry.http.live import Loader
from outreach.entry.lane_caps import caps
from outreach.entry.notified import freshness, take_notifications
from outreach.messages.render import Renderer
from outreach.messages.texts import read_texts
from outreach.model.message import Receipt, Recipient, Sends
from outreach.model.numbering import Phone
from outreach.model.occasion import Occasion
from outreach.model.reply import InboundReply
from outreach.model.words import Channel
from outreach.settings import Lane, Settings, carried
from outreach.store import job_queue, lanes, workers
from outreach.store.job_queue import AnyQueue
from outreach.store.session import Database

Sleep = Callable[[float], Awaitable[None]]
OUTBOX = "outbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Every clock of an installation, so that a demo or a test can run a night in a minute."""

    now: Callable[[], datetime] = clock.now
    monotonic: Callable[[], float] = clock.monotonic
    sleep: Sleep | None = None


@dataclass(slots=True, kw_only=True)
class Installation:
    """One workspace at work: settings, keys, database, and the rooms bound to them."""

    settings: Settings
    database: Database
    keyring: Keyring
    clocks: Clocks = field(default_factory=Clocks)
    owner: str = field(default_factory=lambda: workers.owner_name(secrets.token_hex(4)))
    jobs: AnyQueue = field(init=False)
    engine: Engine = field(init=False)
    teller: Teller = field(init=False)
    channels: dict[str, Sends] = field(init=False, default_factory=dict)
    drivers: dict[str, Driver] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        zone_rules.use_newest()
        self.jobs = job_queue.of(self.database)
        self.engine = engine(self.database, self.settings, self.keyring, queue=self.jobs)
        self.teller = _teller(self.database, self.settings, self.keyring)

    def declare_lanes(self) -> None:
        """Writes the lanes of the settings into the database; one that its provider stopped may go again.

        Starting is the operator's word that what had stopped a lane is mended.
        """
        rows = [lane_row(lane, self.settings) for lane in self.settings.lanes]
        with self.database.write() as session:
            lanes.declare(session, rows)
            for lane in rows:
                lanes.resume(session, lane.name, by_hand=False)

    def channel(self, lane: Lane) -> Sends:
        """The channel behind a lane, made once; must be called inside the event loop that uses it."""
        if lane.name not in self.channels:
            self.channels[lane.name] = _MAKERS[provider(lane, self.settings)](lane, self)
        return self.channels[lane.name]

    def driver(self, lane: Lane) -> Driver:
        """What drives a lane, kept between drives, so that its pace and error window live on."""
        if lane.name not in self.drivers:
            self.drivers[lane.name] = _driver(lane, self)
        return self.drivers[lane.name]

    def shown_id(self, occasion: Occasion) -> str:
        """What people call an occasion: `out_7kq2m4xa`."""
        return shown.shown_id(self.keyring, occasion)

    def outboxes(self) -> list[Outbox]:
        """The lanes that have no carrier."""
        return [each for each in self.channels.values() if isinstance(each, Outbox)]

    async def close(self) -> None:
        for channel in self.channels.values():
            await channel.close()
        self.channels.clear()
        self.drivers.clear()


def _teller(database: Database, settings: Settings, keyring: Keyring) -> Teller:
    """Web and worker have one each: what it keeps is of one thread."""
    return Teller(database=database, settings=settings, keyring=keyring)


def engine(
    database: Database, settings: Settings, keyring: Keyring, *, queue: JobQueue | None = None
) -> Engine:
    """The engine of an installation."""
    return Engine(
        database=database,
        settings=settings,
        keyring=keyring,
        random_bytes=secrets.token_bytes,
        queue=queue or job_queue.of(database),
    )


def provider(lane: Lane, settings: Settings) -> str:
    """The lane's provider, or the outbox where its credentials are missing."""
    twilio = settings.twilio.named(lane.account)
    has_credentials = {
        "twilio": bool(twilio.account_sid and twilio.auth_token.get_secret_value()),
        "sendgrid": bool(settings.sendgrid.api_key.get_secret_value()),
        "smtp": bool(settings.smtp.host),
        "x": bool(settings.x.access_token.get_secret_value()),
    }
    has_credentials["twilio_voice"] = has_credentials["twilio"]
    return lane.provider if has_credentials.get(lane.provider, False) else OUTBOX


def lane_row(lane: Lane, settings: Settings) -> lanes.Lane:
    """A lane of the settings as the database first knows it."""
    return lanes.Lane(
        name=lane.name,
        pool=lane.pool,
        channel=lane.channel,
        sender=lane.sender,
        rate=lane.rate,
        provider=provider(lane, settings),
        weight=lane.weight,
    )


def outbox(settings: Settings, keyring: Keyring, lane: Lane, now: Callable[[], datetime]) -> Outbox:
    """The carrier that keeps what it gets; its fates follow from the installation's own key."""
    return Outbox(settings.workspace, lane.channel, seed=keyring.tokens, clock=now)


def _outbox(lane: Lane, of: Installation) -> Sends:
    return outbox(of.settings, of.keyring, lane, of.clocks.now)


def _twilio(path: str, lane: Lane, of: Installation) -> Sends:
    account = of.settings.twilio.named(lane.account)
    made: Sends = _class(path)(
        account_sid=account.account_sid,
        auth_token=account.auth_token.get_secret_value(),
        public_url=of.settings.http.public_url,
        base_url=account.base_url,
        transport=_transport(of),
    )
    return made


def _sendgrid(_lane: Lane, of: Installation) -> Sends:
    made: Sends = _class("outreach.channels.sendgrid_email:SendGridEmail")(
        api_key=of.settings.sendgrid.api_key.get_secret_value(),
        base_url=of.settings.sendgrid.base_url,
        transport=_transport(of),
    )
    return made


def _smtp(_lane: Lane, of: Installation) -> Sends:
    smtp = of.settings.smtp
    made: Sends = _class("outreach.channels.smtp_email:SmtpEmail")(
        host=smtp.host,
        port=smtp.port,
        username=smtp.username,
        password=smtp.password.get_secret_value(),
        tls=smtp.tls,
        only_loopback=of.settings.delivery.only_loopback,
        now=of.clocks.now,
    )
    return made


def _x(_lane: Lane, of: Installation) -> Sends:
    keys = of.settings.x
    made: Sends = _class("outreach.channels.x_post:XPost")(
        consumer_key=keys.consumer_key.get_secret_value(),
        consumer_secret=keys.consumer_secret.get_secret_value(),
        access_token=keys.access_token.get_secret_value(),
        access_token_secret=keys.access_token_secret.get_secret_value(),
        base_url=keys.base_url,
        transport=_transport(of),
    )
    return made


_MAKERS: Mapping[str, Callable[[Lane, Installation], Sends]] = {
    OUTBOX: _outbox,
    "twilio": partial(_twilio, "outreach.channels.twilio_sms:TwilioSms"),
    "twilio_voice": partial(_twilio, "outreach.channels.twilio_voice:TwilioVoice"),
    "sendgrid": _sendgrid,
    "smtp": _smtp,
    "x": _x,
}


def _transport(of: Installation) -> Any:
    return _class("outreach.channels.transport:Transport")(
        only_loopback=of.settings.delivery.only_loopback,
        connections=of.settings.delivery.in_flight,
    )


def _class(path: str) -> Any:
    """Provider SDKs load slowly, so their modules are named here and loaded when a lane needs one."""
    module, _colon, name = path.partition(":")
    return getattr(import_module(module), name)


def _driver(lane: Lane, of: Installation) -> Driver:
    delivery, clocks = of.settings.delivery, of.clocks
    sleep = clocks.sleep or import_module("asyncio").sleep
    return Driver(
        owner=of.owner,
        provider=provider(lane, of.settings),
        hands=_hands(lane, of),
        times=Times(now=clocks.now, monotonic=clocks.monotonic, sleep=sleep, jitter=random.random),
        limits=Limits(
            chunk=delivery.chunk,
            in_flight=delivery.in_flight,
            lease=timedelta(seconds=delivery.lease_s),
            deadline_s=delivery.provider_deadline_s,
        ),
        breaker=Breaker(of.teller.pause_after),
        pace=Pace(lane.rate, monotonic=clocks.monotonic, sleep=sleep, burst=lane.burst),
        caps=caps(lane, of.settings),
        home=lane.weight,
    )


def _hands(lane: Lane, of: Installation) -> Hands:
    """Every e-mail bears a link that stops them, and the lane's own address where answers are read."""

    def stops(one: Recipient) -> str:
        if one.channel is not Channel.EMAIL:
            return ""
        return page_links.unsubscribe_link(of.settings, of.keyring, one.id, now=of.clocks.now())

    return Hands(
        render=of.teller.render,
        open_address=of.keyring.open,
        token=of.keyring.token,
        unsubscribe_url=stops,
        unsubscribe_mail=lane.sender if lane.two_way and lane.channel is Channel.EMAIL else "",
    )


def number_reader(settings: Settings) -> Callable[[str], str | None]:
    """A number as a person or a platform writes it -> E.164, None if it is none."""

    def read(text: str) -> str | None:
        found = normalise_phone(text, region=settings.company.country)
        return found.e164 if isinstance(found, Phone) else None

    return read


def speaker(settings: Settings) -> Speak:
    """What composes the IVR's sentences, from the workspace's own texts."""
    own = read_texts(settings.workspace / "templates")
    texts = read_texts(carried("templates")) | own  # a workspace may be older than a text
    company = settings.company
    return Renderer(texts, pins.words(company), main=company.locale).speak


def web_context(of: Installation) -> WebContext:
    """What the web side is given."""
    settings, clocks = of.settings, of.clocks
    mailboxes = [outbox(settings, of.keyring, lane, clocks.now) for lane in settings.lanes[:1]]
    tokens = _twilio_tokens(settings)
    public_key = settings.sendgrid.webhook_public_key
    return WebContext(
        settings=settings,
        database=of.database,
        keyring=of.keyring,
        now=clocks.now,
        monotonic=clocks.monotonic,
        load_live=Loader(of.database, shown=of.shown_id, now=clocks.now),
        speak=speaker(settings),
        normalise=number_reader(settings),
        rules=Rules(
            high_priority_types=frozenset(settings.contactcenter.high_priority_types),
            sector=read_sectors(),
            main=settings.company.locale,
            safety_key=settings.contactcenter.ivr.safety_key,
            limits=freshness(settings),
        ),
        take_in=partial(keep, of.database, of.keyring),
        twilio_receipt=_twilio_receipt,
        twilio_genuine=partial(_genuine_twilio, tokens) if tokens else None,
        sendgrid_receipts=sendgrid_email.receipts,
        sendgrid_genuine=partial(_genuine_sendgrid, public_key) if public_key else None,
        directives=lambda now: routing.document(of.database, settings, now=now),
        held=lambda now: routing.held(of.database, settings, now=now),
        jobs_waiting=of.jobs.waiting,
        outbox=lambda channel, limit: mailboxes[0].messages(limit=limit, channel=channel),
        take_outages=partial(take_notifications, of.engine),
        launch=lambda occasion, campaign, actor, now: launches.launch(
            of.engine, occasion, campaign, actor=actor, now=now
        ),
        preview=lambda occasion, campaign, now: launches.look(
            of.engine, occasion, campaign, now=now
        ),
        pressed=pressed.Keys(engine=of.engine),
        take_reply=partial(_take_reply, desk(of)),
        mail_genuine=_mail_check(settings),
        trouble=lambda said, now: trouble.report(of.engine, said, now=now),
        said=partial(Teller(database=of.database, settings=settings).render, _address=""),
        press=Keys(
            database=of.database,
            keyring=of.keyring,
            settings=settings,
            teller=_teller(of.database, settings, of.keyring),
        ),
    )


def desk(of: Installation) -> replying.Desk:
    """What acts upon replies: the engine, and the truth as the IVR has it."""
    settings = of.settings
    phrasing = Phrasing(
        settings=settings,
        load_live=Loader(of.database, shown=of.shown_id, now=of.clocks.now),
        rules=Rules(
            main=settings.company.locale, sector=read_sectors(), limits=freshness(settings)
        ),
    )
    return replying.Desk(engine=of.engine, phrasing=phrasing)


def _take_reply(at: replying.Desk, reply: InboundReply, now: datetime) -> Answer:
    return replying.take(at, reply, now=now)


def _mail_check(settings: Settings) -> SendGridGenuine | None:
    key = settings.sendgrid.inbound_public_key
    return partial(_genuine_sendgrid, key) if key else None


def _twilio_receipt(form: Mapping[str, str], token: str | None) -> Receipt:
    """Texts and calls report to one address."""
    read = twilio_voice.receipt if "CallSid" in form else twilio_sms.receipt
    return read(form, token)


def _twilio_tokens(settings: Settings) -> tuple[str, ...]:
    accounts = (settings.twilio, *settings.twilio.accounts.values())
    return tuple(filter(None, (each.auth_token.get_secret_value() for each in accounts)))


def _genuine_twilio(
    tokens: tuple[str, ...], url: str, pairs: Iterable[tuple[str, str]], signature: str
) -> bool:
    """Signed by one of our accounts: a message's own token says which message it is about."""
    given = list(pairs)
    return any(twilio_sms.is_genuine(url, given, signature, token) for token in tokens)


def _genuine_sendgrid(public_key: str, raw: bytes, signature: str, timestamp: str) -> bool:
    return sendgrid_email.is_genuine(raw, signature, timestamp, public_key)
