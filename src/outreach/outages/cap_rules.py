"""What to do with a CAP alert that came: take it, refuse it, or ask a person. Nothing is ever half-believed.

Any order and repetition of a chain ends the same: what names an alert may come before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from outreach.model.cap import CapAlert, CapInfo
from outreach.outages.cap_policy import CapPolicy
from outreach.store.alerts import TAKEN, Kept

MOST_REFERENCES = 500
_TEXT = 300


class Move(StrEnum):
    """What an alert does."""

    OPEN = "open"
    CHANGE = "change"
    END = "end"
    DROP = "drop"
    """Withdraws what waits for a person; nobody was told."""
    REFUSE = "refuse"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A move and why; `occasion` is the one it is about."""

    move: Move
    reason: str = ""
    occasion: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is kept that an alert has to do with."""

    named: Sequence[Kept] = ()
    """Those it names."""
    naming: Sequence[Kept] = ()
    """Those that name it, and came before it."""
    chain: Sequence[Kept] = ()
    """All of the occasions of those it names."""

    @property
    def occasions(self) -> set[int]:
        return {each.occasion_id for each in self.named if each.occasion_id is not None}

    @property
    def cancel(self) -> Kept | None:
        """The withdrawal that ended its chain."""
        ended = (each for each in self.chain if each.msg_type == "Cancel")
        return next((each for each in ended if each.outcome == TAKEN), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An alert, what is kept about it, how far its feed is trusted, and when."""

    alert: CapAlert
    past: Past
    policy: CapPolicy
    locale: str
    """The company's main language."""
    now: datetime


def unproven(alert: CapAlert, policy: CapPolicy, now: datetime) -> str:
    """Why nobody knows that it is from whom it says, where the feed lets that be known; else empty."""
    if (signer := alert.signer) is not None:
        if signer.is_valid(now):
            return ""
        return f"its signer's certificate holds from {signer.since:%Y-%m-%d} to {signer.until:%Y-%m-%d}"
    if alert.is_signed and policy.certificates:
        return alert.unproven
    return "missing: this feed requires it" if policy.require_signature else ""


def judge(case: Case) -> Verdict:
    """The first rule that has something to say decides."""
    for rule in _RULES:
        found = rule(case)
        if found is not None:
            return found
    return _cancelled(case) if case.alert.msg_type == "Cancel" else _told(case)


def _told(case: Case) -> Verdict:
    occasion = next(iter(case.past.occasions), None)
    doubt = next(_doubts(chosen(case.alert, case.locale)), "")
    if doubt or not case.policy.auto:
        return Verdict(move=Move.ASK, reason=doubt or _LOOK, occasion=occasion)
    return Verdict(move=Move.OPEN if occasion is None else Move.CHANGE, occasion=occasion)


_LOOK = "a person looks before it is told"


def _cancelled(case: Case) -> Verdict:
    occasion = next(iter(case.past.occasions), None)
    if occasion is None:
        return Verdict(move=Move.DROP, reason="withdrawn before anybody was told")
    if not case.policy.auto:
        return Verdict(move=Move.ASK, reason=_LOOK, occasion=occasion)
    return Verdict(move=Move.END, occasion=occasion)


# ── Rules, in their order ────────────────────────────────────────────────────────────────────


def _refused(reason: str) -> Verdict:
    return Verdict(move=Move.REFUSE, reason=reason)


def _not_public(case: Case) -> Verdict | None:
    alert = case.alert
    if alert.status != "Actual":
        return _refused(f"status {alert.status}: never becomes public")
    if alert.scope != "Public":
        return _refused(f"scope {alert.scope}: not for the public")
    if alert.msg_type in {"Ack", "Error"}:
        return _refused(f"msgType {alert.msg_type}: tells nothing to the public")
    return None


def _not_trusted(case: Case) -> Verdict | None:
    alert, policy = case.alert, case.policy
    if policy.senders and alert.sender not in policy.senders:
        return _refused(f"sender {alert.sender}: not among those this feed trusts")
    if len(alert.references) > MOST_REFERENCES:
        return _refused(f"more than {MOST_REFERENCES} references")
    return None


def _superseded(case: Case) -> Verdict | None:
    """It comes after what names it, or after a newer one of its chain."""
    past, sent_at = case.past, case.alert.sent_at
    newer = [each for each in past.naming if each.status == "Actual"]
    newer += [each for each in past.chain if each.outcome == TAKEN and _later(each, sent_at)]
    if not newer:
        return None
    return _refused(f"{newer[-1].msg_type} {newer[-1].identifier} is newer, and here already")


def _later(kept: Kept, sent_at: datetime) -> bool:
    return kept.sent_at is not None and kept.sent_at > sent_at


def _over(case: Case) -> Verdict | None:
    alert = case.alert
    if alert.msg_type == "Cancel":
        return None
    if not alert.infos:
        return _refused("no info: it says nothing to the public")
    if all(info.expires is not None and info.expires <= case.now for info in alert.infos):
        return _refused("expired")
    if all(info.severity not in case.policy.severities for info in alert.infos):
        return _refused(f"severity {alert.infos[0].severity}: this feed is not heard for it")
    return None


def _astray(case: Case) -> Verdict | None:
    """What it refers to is not there, not one thing, somebody else's, or over."""
    if case.alert.msg_type == "Alert":
        return None
    occasions = case.past.occasions
    reason = next(_wrong_references(case.alert, case.past), "")
    occasion = next(iter(occasions)) if len(occasions) == 1 else None
    return Verdict(move=Move.ASK, reason=reason, occasion=occasion) if reason else None


def _wrong_references(alert: CapAlert, past: Past) -> Iterator[str]:
    if not past.named:
        yield f"{alert.msg_type} of an alert that never came: {alert.references[0]}"
    if len(past.occasions) > 1:
        yield f"refers to {len(past.occasions)} occasions at once"
    if any(each.status != "Actual" for each in past.named):
        yield "refers to an alert that was not Actual"
    if any(each.sender != alert.sender for each in past.named):
        yield "refers to an alert of another sender"
    if past.cancel is not None:
        yield f"{alert.msg_type} after {past.cancel.identifier} cancelled it"


_RULES: tuple[Callable[[Case], Verdict | None], ...] = (
    _not_public,
    _not_trusted,
    _superseded,
    _over,
    _astray,
)


# ── What it says ─────────────────────────────────────────────────────────────────────────────


def chosen(alert: CapAlert, locale: str) -> tuple[CapInfo, ...]:
    """The infos in the company's language, else in the first that the alert has."""
    for wanted in (locale, locale.partition("-")[0], _language(alert)):
        found = tuple(info for info in alert.infos if _speaks(info.language, wanted))
        if found:
            return found
    return ()


def _language(alert: CapAlert) -> str:
    return alert.infos[0].language if alert.infos else ""


def _speaks(language: str, wanted: str) -> bool:
    said, asked_for = language.casefold(), wanted.casefold()
    return said == asked_for or said.partition("-")[0] == asked_for


def _doubts(infos: Sequence[CapInfo]) -> Iterator[str]:
    """Why what it says cannot be told without a person."""
    if len({text(info) for info in infos}) > 1:
        yield f"{len(infos)} different notices in one language: choose the text"
    if any(info.expires is None for info in infos):
        yield "it does not say until when it holds"
    if not any(info.areas for info in infos):
        yield "it names no area"


def text(info: CapInfo) -> str:
    """What people are told, on one line: the headline, else the description, else the event."""
    said = " ".join((info.headline or info.description or info.event).split())
    return said if len(said) <= _TEXT else f"{said[: _TEXT - 1].rsplit(' ', 1)[0]}…"


def texts(alert: CapAlert) -> dict[str, str]:
    """Language -> what people are told in it; the first notice of each language."""
    found: dict[str, str] = {}
    for info in alert.infos:
        found.setdefault(info.language, text(info))
    return found
