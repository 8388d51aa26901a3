"""An explanation in words: each message with its state and why, its times, receipts and proof."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from outreach.campaigns.explain import Explanation, Proof, Told
from outreach.campaigns.launching import stands_for
from outreach.entry.cli import replied, times
from outreach.entry.cli.command import Context
from outreach.entry.cli.occasions_named import CHANNELS, LEFT_OUT, STATES, shown_address
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.words import MessageState, RunState
from outreach.store.consents import PROVIDER
from outreach.store.explain import Heard, HeldPoint, Sent, Unwritten

_S = MessageState
WHY = {
    _S.QUEUED: N_("it waits for its turn"),
    _S.SENDING: N_("it is being handed to the provider at this moment"),
    _S.ACCEPTED: N_("the provider has it; no receipt has come yet"),
    _S.SENT: N_("the provider sent it on; its arrival is not known"),
    _S.DELIVERED: N_("a receipt says that it arrived"),
    _S.UNDELIVERED: N_("a receipt says that it did not arrive"),
    _S.FAILED: N_("the provider refused it for good"),
    _S.IN_DOUBT: N_("the call broke off: it may have left; it is looked up, not sent again"),
    _S.UNKNOWN: N_("no last word ever came; it counts as told"),
    _S.SUPPRESSED: N_("not sent: the address has opted out"),
    _S.SUPERSEDED: N_("not sent: a newer version of the truth came first"),
    _S.EXPIRED: N_("not sent: its text was no longer true"),
    _S.CANCELLED: N_("not sent: it was taken back"),
}
UNWRITTEN = {
    "no_contact": N_("not written to: the record has no usable address"),
    "no_consent": N_("not written to: there is no consent for any address"),
    "opted_out": N_("not written to: every address has opted out"),
    "shared_address": N_("not written to: the address is shared by many"),
    "other_channels_only": N_(
        "not written to: reachable only on channels that the step does not use"
    ),
}
PROOFS = {
    Proof.MATCH: N_("the text below is the one that left, proved by its hash"),
    Proof.CHANGED: N_("the text below is NOT the one that left"),
    Proof.NO_HASH: N_("no hash of the text was kept, so the one below is not proved"),
    Proof.NOT_SENT: N_("this is what it would say"),
}


def short_reason(one: Sent) -> str:
    """Why it is not delivered, in a few words; empty where the state says it."""
    if one.state is _S.QUEUED and one.run_state is RunState.PAUSED:
        return _("the campaign is paused")
    return "" if one.reason in {"", one.state.value} else one.reason


def lines(context: Context, found: Explanation) -> Iterator[str]:
    """The whole of it, for people."""
    yield from _person(found)
    for point in found.points:
        yield _point(context, point)
    for occasion in found.untold:
        yield _("touched by {name} ({id}): no campaign was launched for it").format(
            name=occasion.name, id=shown_id(context.keyring, occasion)
        )
    if not (found.touching or found.told or found.left_out):
        yield _("no open occasion touches them, and nothing was ever sent")
    history: list[tuple[datetime, list[str]]] = [
        (told.sent.created_at, list(_message(context, told))) for told in found.told
    ]
    history += [(one.at, list(replied.lines(context, one))) for one in found.replies]
    history += [(one.at, _left_out(context, one)) for one in found.left_out]
    for _at, block in sorted(history, key=lambda each: each[0]):
        yield ""
        yield from block


def _person(found: Explanation) -> Iterator[str]:
    person = found.person
    accounts = ", ".join(f"{ref} ({priority})" for ref, priority in person.accounts)
    parts = [
        _("customer {ref}").format(ref=person.ref),
        _("accounts {accounts}").format(accounts=accounts or _("none")),
        _("language {locale}").format(locale=person.locale),
    ]
    if person.preferred:
        parts.append(_("prefers {channel}").format(channel=person.preferred))
    if person.closed_at:
        parts.append(_("no longer a customer"))
    yield " · ".join(parts)


def _point(context: Context, point: HeldPoint) -> str:
    parts = [
        _(CHANNELS[point.channel]),
        shown_address(context, point.channel, point.address_sealed),
    ]
    consent = {True: _("consent given"), False: _("consent refused"), None: _("consent not given")}
    parts.append(consent[point.consent])
    if not point.usable:
        parts.append(_("identifies callers only"))
    if point.bad_since:
        parts.append(
            _("does not exist, by a receipt of {time}").format(time=_wall(context, point.bad_since))
        )
    if point.suppressed:
        parts.append(_("SUPPRESSED: {reason}").format(reason=point.suppressed))
    if point.suppressed == PROVIDER:
        parts.append(_("the carrier blocks it too (21610), until they write START from it"))
    if point.holders > 1:
        parts.append(_("held by {count} customers").format(count=point.holders))
    return "  " + " · ".join(parts)


def _message(context: Context, told: Told) -> Iterator[str]:
    sent = told.sent
    yield " · ".join(
        (
            _wall(context, sent.created_at),
            sent.occasion_name,
            f"{sent.recipient.step}@{sent.recipient.version}",
            _(CHANNELS[sent.recipient.channel]),
            shown_address(context, sent.recipient.channel, sent.recipient.address_sealed),
        )
    )
    yield f"  {_(STATES[sent.state])}: {_why(context, sent)}"
    yield "  " + _word(sent)
    yield "  " + _("basis in law: {basis}").format(basis=_(_BASES[sent.basis]))
    if sent.lane:
        yield "  " + _path(context, sent)
    for heard in told.heard:
        yield "  " + _heard(context, heard)
    yield from _text(told)


_BASES = {
    "contract": N_("the contract"),
    "legal_duty": N_("a duty by law"),
    "consent": N_("their consent"),
    "vital_interest": N_("vital interest"),
}


def _word(sent: Sent) -> str:
    """On whose word it leaves."""
    if not sent.approved_by:
        return _("launched by {author}").format(author=sent.launched_by)
    return _("launched by {author}, approved by {approver}").format(
        author=sent.launched_by, approver=sent.approved_by
    )


def _why(context: Context, sent: Sent) -> str:
    if sent.state is _S.QUEUED and sent.run_state is RunState.PAUSED:
        return _("the campaign is paused: {reason}").format(reason=sent.run_reason or "-")
    why = _(WHY[sent.state])
    if sent.state is _S.QUEUED and sent.not_before and sent.not_before > context.now:
        why = _("it may leave from {time} on").format(time=_wall(context, sent.not_before))
    own = short_reason(sent)
    return f"{why} ({own})" if own else why


def _path(context: Context, sent: Sent) -> str:
    """By which lane, in how many tries, and when it moved."""
    moments = (
        (_("called {time}"), sent.claimed_at),
        (_("accepted {time}"), sent.accepted_at),
        (_("delivered {time}"), sent.delivered_at),
    )
    parts = [
        _("lane {name}").format(name=sent.lane),
        _("try {count}").format(count=sent.recipient.try_),
    ]
    parts += [form.format(time=_clock(context, at)) for form, at in moments if at]
    if sent.segments:
        parts.append(_("segments: {count}").format(count=sent.segments))
    return " · ".join(parts)


def _heard(context: Context, heard: Heard) -> str:
    at = _clock(context, heard.at) if heard.at else "-"
    if heard.kind == "receipt":
        said = _(STATES[MessageState(heard.says)]) if heard.says else _("nothing that moves it")
        form = _("{time} receipt: {said} {code}")
    else:
        said = heard.says
        form = (
            _("{time} in doubt: {said} {code}")
            if heard.kind == "in_doubt"
            else _("{time} delayed: {said} {code}")
        )
    return form.format(time=at, said=said, code=heard.code).rstrip()


def _text(told: Told) -> Iterator[str]:
    if told.content is None and told.proof is Proof.NOT_SENT:
        return
    yield "  " + _(PROOFS[told.proof])
    for changed in told.changed:
        yield f"    {changed}"
    if told.content is not None:
        both = (told.content.subject, *told.content.text.splitlines())
        yield from (f"    | {line}" for line in both if line)


def _left_out(context: Context, one: Unwritten) -> list[str]:
    return [
        " · ".join((_wall(context, one.at), one.occasion_name, f"{one.step}@{one.version}")),
        "  " + _(UNWRITTEN[one.reason]),
    ]


def _wall(context: Context, at: datetime) -> str:
    return times.wall(at, now=context.now, zone=context.zone)


def _clock(context: Context, at: datetime) -> str:
    return f"{at.astimezone(context.zone):%H:%M:%S}"


def facts(context: Context, found: Explanation) -> dict[str, object]:
    """The same for machines; addresses stay masked."""
    person = found.person
    return {
        "customer": person.ref,
        "accounts": [{"account": ref, "class": priority} for ref, priority in person.accounts],
        "locale": person.locale,
        "preferred": person.preferred,
        "closed_at": person.closed_at,
        "points": [
            {
                "channel": point.channel,
                "address": shown_address(context, point.channel, point.address_sealed),
                "consent": point.consent,
                "usable": point.usable,
                "bad_since": point.bad_since,
                "suppressed": point.suppressed,
                "holders": point.holders,
            }
            for point in found.points
        ],
        "touched_by": [shown_id(context.keyring, each) for each in found.touching],
        "not_launched": [shown_id(context.keyring, each) for each in found.untold],
        "messages": [_message_facts(context, each) for each in found.told],
        "replies": [replied.row(context, each) for each in found.replies],
        "left_out": [
            {
                "at": one.at,
                "occasion": one.occasion_name,
                "campaign": one.campaign,
                "step": one.step,
                "version": one.version,
                "reason": one.reason,
                "in_words": _(LEFT_OUT[one.reason]),
            }
            for one in found.left_out
        ],
    }


def _message_facts(context: Context, told: Told) -> dict[str, object]:
    sent, recipient = told.sent, told.sent.recipient
    moments = ("created_at", "not_before", "claimed_at", "accepted_at", "delivered_at")
    return {
        "id": context.keyring.public_id("msg", recipient.id),
        "occasion": sent.occasion_name,
        "campaign": recipient.campaign,
        "step": recipient.step,
        "version": recipient.version,
        "channel": recipient.channel,
        "to": shown_address(context, recipient.channel, recipient.address_sealed),
        "state": sent.state,
        "why": _why(context, sent),
        "purpose": recipient.purpose,
        "basis": sent.basis,
        "launched_by": sent.launched_by,
        "approved_by": stands_for(sent.launched_by, sent.approved_by),
        "drill": recipient.drill,
        "lane": sent.lane,
        "provider": sent.provider,
        "tries": recipient.try_,
        "segments": sent.segments,
        **{name: getattr(sent, name) for name in moments},
        "heard": [
            {"at": each.at, "kind": each.kind, "says": each.says, "code": each.code}
            for each in told.heard
        ],
        "proof": told.proof,
        "changed": told.changed,
        "subject": told.content.subject if told.content else None,
        "text": told.content.text if told.content else None,
    }
