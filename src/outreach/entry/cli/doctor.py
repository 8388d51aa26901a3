"""`outreach doctor`: what is wrong with this installation, in sentences that say what to do.

A check is a function `(context) -> sentences` in CHECKS. What it raises as one of our errors is a sentence too, so a
check asks for what it needs and need not guard itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from outreach.campaigns.files import read_campaigns
from outreach.entry import secrets_kept
from outreach.entry.cli import at_work
from outreach.entry.cli.command import Context, command
from outreach.entry.cli.doctor_alarms import open_alarms
from outreach.entry.cli.doctor_clock import clock
from outreach.entry.cli.doctor_duty import duty_phone
from outreach.entry.cli.doctor_lanes import lane_limits
from outreach.entry.cli.doctor_truth import one_truth
from outreach.entry.languages import N_, _, ngettext
from outreach.messages.texts import read_texts
from outreach.model.errors import InputRefused, OutreachError
from outreach.model.words import LoadState, MessageState
from outreach.settings import Lane, Settings
from outreach.store import audit, lanes, leases, ledger, loads, provenance, workers
from outreach.store.leases import LEADER

Check = Callable[[Context], Iterable[str]]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FETCH_S = 5.0


@command(
    "doctor",
    N_("Say what is wrong with this installation, and what to do about it."),
    example="outreach doctor",
)
def doctor(context: Context) -> None:
    """Every check runs, whatever the ones before it found; then what is at work, in counts."""
    wrong = [
        {"about": _(about), "what": sentence}
        for about, check in CHECKS.items()
        for sentence in _sentences(check, context)
    ]
    context.out.rows(
        wrong,
        headings={"about": N_("about"), "what": N_("what is wrong, and what to do")},
        empty=_("all is well"),
    )
    for line in _sentences(at_work.lines, context):
        context.say(line, essential=True)
    if wrong:
        said = ngettext("{count} thing is wrong", "{count} things are wrong", len(wrong))
        raise InputRefused(said.format(count=len(wrong)))


def _sentences(check: Check, context: Context) -> Iterator[str]:
    try:
        yield from check(context)
    except OutreachError as error:
        yield from str(error).splitlines()


def _settings(context: Context) -> Iterator[str]:
    yield from secrets_kept.findings(context.settings)


def _key(context: Context) -> Iterable[str]:
    return () if context.keyring.seals else (_("the key file holds no key"),)


def _schema(context: Context) -> Iterator[str]:
    with context.database.read() as session:
        if not ledger.adds_up(session):
            yield _("the states of the messages do not add up to the audience; report it")


def _record(context: Context) -> Iterator[str]:
    with context.database.read() as session:
        known = provenance.freshness(session)
    if known.unfinished is not None:
        yield from _unfinished(context, *known.unfinished)
    if known.loaded_at is None:
        yield _("no customers yet; run `outreach record import --mapping record.toml`")
        return
    stale_after = timedelta(hours=context.settings.record.stale_after_h)
    if context.now - known.loaded_at > stale_after:
        yield _("the record is from {day}; import it again").format(
            day=f"{known.loaded_at:%Y-%m-%d}"
        )
    for source, read_at in known.sources:
        if read_at is not None and known.loaded_at - read_at > stale_after:
            yield _("{source} was last read on {day}; is it still in the mapping?").format(
                source=source, day=f"{read_at:%Y-%m-%d}"
            )


def _unfinished(context: Context, state: LoadState, phase: str, since: datetime) -> Iterator[str]:
    """A load that nobody is at any more: while one runs, it holds the lease."""
    with context.database.read() as session:
        is_at_work = leases.holder(session, loads.LEASE, now=context.now) is not None
    if is_at_work:
        return
    day = f"{since:%Y-%m-%d %H:%M}"
    if state is LoadState.MERGING:
        yield _(
            "the load of {day} broke off while merging ({phase}); run `outreach record sync` to finish it"
        ).format(day=day, phase=phase)
    else:
        yield _(
            "the load of {day} broke off while reading; nothing was changed; run `outreach record sync`"
        ).format(day=day)


def _campaigns(context: Context) -> Iterator[str]:
    company = context.settings.company
    folder = context.settings.workspace / "campaigns"
    templates = read_texts(context.settings.workspace / "templates")
    if not read_campaigns(folder, templates=templates or None, country=company.country):
        yield _("{folder}: no campaign; nothing can be told").format(folder=folder)


def _templates(context: Context) -> Iterator[str]:
    folder = context.settings.workspace / "templates"
    if not read_texts(folder):
        yield _("{folder}: no template; nothing can be told").format(folder=folder)


def _credentials(context: Context) -> Iterator[str]:
    for lane in context.settings.lanes:
        for name in _missing(lane, context.settings):
            yield _("lane {lane}: {provider} without {name}; put it into .env").format(
                lane=lane.name, provider=lane.provider, name=name
            )


def _missing(lane: Lane, settings: Settings) -> list[str]:
    """Names of the settings that the lane's provider needs and nobody gave."""
    twilio = {
        "TWILIO_ACCOUNT_SID": settings.twilio.account_sid,
        "TWILIO_AUTH_TOKEN": settings.twilio.auth_token.get_secret_value(),
    }
    needed: dict[str, dict[str, str]] = {
        "outbox": {},
        "twilio": twilio,
        "twilio_voice": twilio,
        "sendgrid": {"SENDGRID_API_KEY": settings.sendgrid.api_key.get_secret_value()},
        "smtp": {"OUTREACH_SMTP__HOST": settings.smtp.host},
        "x": {
            "OUTREACH_X__CONSUMER_KEY": settings.x.consumer_key.get_secret_value(),
            "OUTREACH_X__CONSUMER_SECRET": settings.x.consumer_secret.get_secret_value(),
            "OUTREACH_X__ACCESS_TOKEN": settings.x.access_token.get_secret_value(),
            "OUTREACH_X__ACCESS_TOKEN_SECRET": settings.x.access_token_secret.get_secret_value(),
        },
    }
    return [name for name, value in needed[lane.provider].items() if not value]


def _public_url(context: Context) -> Iterator[str]:
    settings = context.settings
    url = urlsplit(settings.http.public_url)
    is_real = any(lane.provider != "outbox" for lane in settings.lanes)
    if is_real and (url.hostname in LOOPBACK or url.scheme != "https"):
        yield _(
            "http.public_url {url}: providers cannot reach it with receipts; give an https address"
        ).format(url=settings.http.public_url)


def _link(context: Context) -> Iterator[str]:
    link = context.settings.company.link
    host = urlsplit(link).hostname or ""
    if host == "example.com" or host.endswith(".example"):
        yield _(
            "company.link {link}: not your own; give the status page on your own domain"
        ).format(link=link)
    elif not context.settings.delivery.only_loopback or host in LOOPBACK:
        yield from _fetched(link)


def _fetched(link: str) -> Iterator[str]:
    import httpx2  # noqa: PLC0415  httpx2 takes 0.2 s

    try:
        answer = httpx2.get(link, timeout=_FETCH_S, follow_redirects=True)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        said = type(error).__name__
    else:
        said = "" if answer.is_success else str(answer.status_code)
    if said:
        yield _("company.link {link}: answers {said}, and people will follow it; mend it").format(
            link=link, said=said
        )


def _lanes(context: Context) -> Iterator[str]:
    with context.database.read() as session:
        stopped = [lane for lane in lanes.every(session) if lane.stopped_at]
    for lane in stopped:
        yield _(
            "lane {lane}: stopped: {reason}; mend it, then start `outreach serve` again"
        ).format(lane=lane.name, reason=lane.stopped_reason or "?")


def _doubts(context: Context) -> Iterator[str]:
    with context.database.read() as session:
        count = ledger.counts(session)[MessageState.IN_DOUBT]
    if count:
        yield ngettext(
            "{count} message is in doubt; `outreach serve` settles it",
            "{count} messages are in doubt; `outreach serve` settles them",
            count,
        ).format(count=count)


def _senders(context: Context) -> Iterator[str]:
    """What waits leaves only while somebody works, and what is due only while somebody leads the clock."""
    with context.database.read() as session:
        waiting = ledger.counts(session)[MessageState.QUEUED]
        is_led = leases.holder(session, LEADER, now=context.now) is not None
        at_hand = [one.kind for one in workers.alive(session, now=context.now)]
    sends = any(kind != "scheduler" for kind in at_hand)
    if waiting and not sends:
        yield ngettext(
            "{count} message waits and nobody sends; run `outreach serve`",
            "{count} messages wait and nobody sends; run `outreach serve`",
            waiting,
        ).format(count=waiting)
    elif sends and not is_led:
        yield _("workers without a clock: nothing due is fired; run `outreach scheduler`")


def _audit(context: Context) -> Iterator[str]:
    with context.database.read() as session:
        broken = audit.first_broken(session)
    if broken is not None:
        yield _(
            "link {number} of the audit chain was altered; keep the file and ask who could write it"
        ).format(number=broken)


CHECKS: dict[str, Check] = {
    N_("settings"): _settings,
    N_("key"): _key,
    N_("database"): _schema,
    N_("record"): _record,
    N_("campaigns"): _campaigns,
    N_("templates"): _templates,
    N_("credentials"): _credentials,
    N_("public address"): _public_url,
    N_("status page"): _link,
    N_("duty phone"): duty_phone,
    N_("alarms"): open_alarms,
    N_("lanes"): _lanes,
    N_("caps and providers"): lane_limits,
    N_("doubts"): _doubts,
    N_("senders"): _senders,
    N_("clock"): clock,
    N_("one truth"): one_truth,
    N_("audit"): _audit,
}
