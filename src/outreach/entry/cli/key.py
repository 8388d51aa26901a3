"""`outreach key`: the keys by which machines ask `/v1`; a secret is shown once and kept nowhere."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from outreach.entry.cli import told
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.durations import duration, spelled
from outreach.entry.cli.identity import account
from outreach.entry.languages import N_, _
from outreach.model.api_key import HINT, ApiKey, Scope, digest_of, new_secret
from outreach.model.errors import GuardRefused, InputRefused
from outreach.store import api_keys, audit
from outreach.store.api_keys import NewKey
from outreach.store.session import Session

group = Group("key")

OVERLAP = "24h"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_SOON = timedelta(days=14)


@command(
    "create",
    N_("Make a key; its secret is shown this once and cannot be shown again."),
    within=group,
    example="outreach key create ivr-north --scope ivr\n"
    "outreach key create crm --scope mutes:read --scope outages:read --expires 90d --per-minute 600",
)
@argument("name")
@option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([str(each) for each in Scope]),
    help=N_("What it may do; give it as often as needed."),
)
@option("--expires", default=None, help=N_("How long it holds, such as 90d; else until revoked."))
@option(
    "--per-minute",
    type=click.IntRange(min=1),
    default=None,
    help=N_("Most requests a minute; else http.per_minute of the settings."),
)
def created(
    context: Context,
    name: str,
    *,
    scopes: tuple[str, ...],
    expires: str | None,
    per_minute: int | None,
) -> None:
    if not _NAME.fullmatch(name):
        raise InputRefused(
            _("{name!r}: use a-z, 0-9, dot, dash; at most 40, such as ivr-north").format(name=name)
        )
    wanted = _Wanted(
        name=name,
        scopes=frozenset(scopes),
        per_minute=per_minute,
        expires_at=context.now + duration(expires) if expires else None,
    )
    with context.database.write() as session:
        if api_keys.named(session, name, now=context.now):
            raise GuardRefused(
                _(
                    "there is a key {name} already; for a new secret: outreach key rotate {name}"
                ).format(name=name)
            )
        key, secret = _made(session, wanted, action="key.create", now=context.now)
    _show(context, key, secret, [])


@command(
    "list",
    N_("List the keys: what they may do, when they were used last, when they end."),
    within=group,
    example="outreach key list\noutreach key list --all",
)
@option("--all", "ended", is_flag=True, help=N_("The revoked and expired ones too."))
def listed(context: Context, *, ended: bool) -> None:
    with context.database.read() as session:
        found = api_keys.every(session)
    replaced = {each.replaces for each in found}
    context.out.rows(
        (
            _row(context, each, is_replaced=each.id in replaced)
            for each in found
            if ended or each.is_good(context.now)
        ),
        headings=_COLUMNS,
        empty=_("there is no key; to make one: outreach key create NAME --scope ivr"),
    )


_COLUMNS = {
    "name": N_("key"),
    "hint": N_("ends with"),
    "scopes": N_("scopes"),
    "per_minute": N_("a minute"),
    "last_used_at": N_("last used"),
    "state": N_("state"),
}


def _row(context: Context, key: ApiKey, *, is_replaced: bool) -> dict[str, object]:
    return {
        "name": key.name,
        "hint": f"…{key.hint}",
        "scopes": sorted(key.scopes),
        "per_minute": key.per_minute or context.settings.http.per_minute,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "state": _state(key, is_replaced=is_replaced, now=context.now),
    }


def _state(key: ApiKey, *, is_replaced: bool, now: datetime) -> str:
    """`good`, `good for 12 d`, `replaced, good for 5 h`, `has expired`, `revoked`."""
    if key.revoked_at is not None:
        return _("revoked")
    if key.expires_at is None:
        return _("good")
    left = key.expires_at - now
    if left <= timedelta(0):
        return _("has expired")
    if is_replaced:
        return _("replaced, good for {time}").format(time=spelled(left))
    return _("good for {time}").format(time=spelled(left)) if left < _SOON else _("good")


@command(
    "rotate",
    N_("Make a new secret for a key; the old one holds a while, so that nothing breaks."),
    within=group,
    example="outreach key rotate ivr-north\noutreach key rotate ivr-north --overlap 2h",
)
@argument("name")
@option(
    "--overlap", default=OVERLAP, show_default=True, help=N_("How long the old secret still holds.")
)
@option("--expires", default=None, help=N_("How long the new one holds; else as long as the old."))
def rotated(context: Context, name: str, *, overlap: str, expires: str | None) -> None:
    until = context.now + duration(overlap)
    with context.database.write() as session:
        olds = _named(session, name, context.now)
        old = olds[-1]
        wanted = _Wanted(
            name=name,
            scopes=old.scopes,
            per_minute=old.per_minute,
            expires_at=_as_long(old, expires, context.now),
            replaces=old.id,
        )
        for each in olds:
            api_keys.end(session, each.id, at=until, now=context.now)
        key, secret = _made(session, wanted, action="key.rotate", now=context.now)
    _show(context, key, secret, [_old(context, name, until)])


def _as_long(old: ApiKey, expires: str | None, now: datetime) -> datetime | None:
    if expires:
        return now + duration(expires)
    return now + (old.expires_at - old.created_at) if old.expires_at else None


def _old(context: Context, name: str, until: datetime) -> str:
    form = _("the old secret holds until {time}; to end it now, and this one too: outreach key revoke {name}")  # fmt: skip
    return form.format(time=context.out.person(until), name=name)


@command(
    "revoke",
    N_("Revoke a key: whoever shows it is refused within a second."),
    within=group,
    example="outreach key revoke crm\noutreach key revoke crm --yes",
    asks=True,
)
@argument("name")
def revoked(context: Context, name: str) -> None:
    with context.database.read() as session:
        used_at = _named(session, name, context.now)[-1].last_used_at
    last = context.out.person(used_at) if used_at else _("never")
    context.confirm(_("{name} was used last: {time}. Revoke it?").format(name=name, time=last))
    with context.database.write() as session:
        count = api_keys.revoke(session, name, by=account(), now=context.now)
        audit.write(session, account(), "key.revoke", f"key:{name}", now=context.now, count=count)
    line = _("{name} is revoked; for a new one: outreach key create {name} --scope …")
    told.answer(context, {"name": name, "revoked": count}, [line.format(name=name)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    name: str
    scopes: frozenset[str]
    per_minute: int | None
    expires_at: datetime | None
    replaces: int | None = None


def _made(session: Session, wanted: _Wanted, *, action: str, now: datetime) -> tuple[ApiKey, str]:
    """The key as it is kept, and its secret, which is not."""
    secret = new_secret(secrets.token_bytes)
    new = NewKey(
        name=wanted.name,
        digest=digest_of(secret) or b"",
        hint=secret[-HINT:],
        scopes=wanted.scopes,
        per_minute=wanted.per_minute,
        created_by=account(),
        expires_at=wanted.expires_at,
        replaces=wanted.replaces,
    )
    key = api_keys.add(session, new, now=now)
    audit.write(
        session, account(), action, f"key:{wanted.name}", now=now, scopes=sorted(wanted.scopes)
    )
    return key, secret


def _named(session: Session, name: str, now: datetime) -> list[ApiKey]:
    found = api_keys.named(session, name, now=now)
    if not found:
        raise InputRefused(_("{name}: no such key; outreach key list shows them").format(name=name))
    return found


def _show(context: Context, key: ApiKey, secret: str, more: list[str]) -> None:
    until = context.out.person(key.expires_at) if key.expires_at else _("until it is revoked")
    record = {
        "name": key.name,
        "secret": secret,
        "scopes": sorted(key.scopes),
        "expires_at": key.expires_at,
        "per_minute": key.per_minute or context.settings.http.per_minute,
    }
    lines = [
        secret,
        _("shown this once; put it where {name} runs, and send it as Authorization: Bearer").format(
            name=key.name
        ),
        _("may: {scopes} · holds: {until}").format(
            scopes=", ".join(sorted(key.scopes)), until=until
        ),
        *more,
    ]
    told.answer(context, record, lines)
