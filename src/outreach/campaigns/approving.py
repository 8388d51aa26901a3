"""Asks a second person for a launch, takes the answer, and launches exactly what was said yes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import launching, news, pins
from outreach.campaigns.counting import Counting
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.launching import moved
from outreach.campaigns.people import Act, refuse_unless, same_person
from outreach.campaigns.pins import Pinned
from outreach.campaigns.preview import Preview
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused, InputRefused, OutreachError
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import RunState
from outreach.settings import Settings
from outreach.store import approvals, audience, audit, occasions, runs, scopes
from outreach.store.approvals import Approval, NewApproval
from outreach.store.runs import Run
from outreach.store.session import Database, Session

EDITED = "file or texts were edited after it was asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the second person has to look at, as it stands now."""

    approval: Approval
    occasion: Occasion
    campaign: Campaign
    customers: int
    """Now; `approval.audience` is what they were when it was asked for."""

    @property
    def moved(self) -> float:
        """Share by which the audience moved since."""
        return moved(self.approval.audience, self.customers)

    @property
    def has_moved(self) -> bool:
        """By more than the campaign lets pass: the number is shown and typed again."""
        return self.moved > self.campaign.limits.audience_may_move


def is_needed(engine: Engine, occasion: OccasionId, campaign: str) -> bool:
    """Whether a launch now would have to wait for a second person."""
    pinned = pins.read(engine.settings, campaign)
    with engine.database.read() as session:
        current, customers = _counted(session, occasion)
        if runs.of(session, occasion, campaign=campaign):
            return False
        found = approvals.usable(session, occasion, campaign)
        if found is not None and found.pinned == pinned.digest:
            return False
        return launching.needs_second(current, pinned.campaign, customers)


def ask(
    engine: Engine, occasion: OccasionId, campaign: str, *, author: str, now: datetime
) -> Approval:
    """Writes down what `author` wants launched; the same twice is one, anything else replaces it.

    Binds the file and the texts of this moment by their hash.
    """
    pinned = pins.read(engine.settings, campaign)
    with engine.database.write() as session:
        current, customers = _counted(session, occasion)
        launching.refuse_other_kind(current, pinned.campaign)
        same = approvals.asked(session, occasion, campaign)
        if same is not None and _is_same(same, pinned, author, customers):
            return same
        return _written(
            session,
            pinned,
            NewApproval(
                occasion_id=occasion,
                campaign=campaign,
                pinned=pinned.digest,
                author=author,
                asked_at=now,
                audience=customers,
            ),
        )


def _is_same(one: Approval, pinned: Pinned, author: str, customers: int) -> bool:
    alike = one.pinned == pinned.digest and same_person(one.author, author)
    return alike and one.audience == customers and one.approved_at is None


def _written(session: Session, pinned: Pinned, new: NewApproval) -> Approval:
    runs.pin(session, pinned.digest, pinned.body, now=new.asked_at)
    asked = approvals.ask(session, new)
    action = "campaign.emergency" if new.emergency else "campaign.ask"
    audit.write(
        session, new.author, action, f"approval:{asked.id}", now=new.asked_at,
        occasion=new.occasion_id, campaign=new.campaign, pinned=new.pinned,
        audience=new.audience, reason=new.emergency,
    )  # fmt: skip
    return asked


def look(engine: Engine, number: int) -> Asked:
    """What an asking is about; InputRefused if there is none of this number."""
    with engine.database.read() as session:
        approval = approvals.get(session, number)
        if approval is None:
            raise InputRefused(
                f"approval {number}: none of this number; `outreach queue audit` shows them"
            )
        current, customers = _counted(session, OccasionId(approval.occasion_id))
        campaign = pins.stored(session, approval.pinned).campaign
    return Asked(approval=approval, occasion=current, campaign=campaign, customers=customers)


def is_as_asked(engine: Engine, asked: Asked) -> bool:
    """Whether file and texts are still those that were asked for."""
    return _digest(engine.settings, asked.campaign.name) == asked.approval.pinned


def approve(
    engine: Engine, number: int, *, approver: str, now: datetime, seen: int | None = None
) -> Applied:
    """The second person says yes, and it leaves: launched, or let go on where it had grown too large.

    seen: the customers that the approver has read and typed, where the audience has moved.
    GuardRefused: the author's own, no approver by the settings, used, void, edited since (which voids
    it), the occasion over, or an audience that moved and was not typed again.
    """
    asked = look(engine, number)
    _refuse_approver(engine.settings, asked.approval, approver)
    _refuse_spent(asked.approval)
    with engine.database.read() as session:
        grown = _grown(session, asked)
    _void_if_changed(engine, asked, by=approver, grown=grown, now=now)
    if asked.has_moved and seen != asked.customers:
        raise GuardRefused(
            f"the audience moved by {asked.moved:.1%}, from {asked.approval.audience:,} to"
            f" {asked.customers:,} customers; approve that number: --yes-to {asked.customers}"
        )
    with engine.database.write() as session:
        _sign(session, asked, approver, now=now)
        if grown is not None:
            return _gone_on(session, engine.database, asked, grown, now=now)
        pinned = pins.stored(session, asked.approval.pinned)
    return engine.launch(
        asked.occasion.id, asked.campaign.name, actor=asked.approval.author, now=now, pinned=pinned
    )


def emergency(
    engine: Engine, occasion: OccasionId, campaign: str, *, actor: str, reason: str, now: datetime
) -> Applied:
    """Launches without a second person; the reason is kept. GuardRefused for who has not the right."""
    if not reason.strip():
        raise InputRefused("emergency: say why it cannot wait for a second person")
    refuse_unless(actor, Act.EMERGENCY, engine.settings.roles, advice=_ASK)
    pinned = pins.read(engine.settings, campaign)
    with engine.database.write() as session:
        current, customers = _counted(session, occasion)
        launching.refuse_other_kind(current, pinned.campaign)
        new = NewApproval(
            occasion_id=occasion,
            campaign=campaign,
            pinned=pinned.digest,
            author=actor,
            asked_at=now,
            audience=customers,
            emergency=reason.strip(),
        )
        if not runs.of(session, occasion, campaign=campaign):
            _written(session, pinned, new)
    return engine.launch(occasion, campaign, actor=actor, now=now, pinned=pinned)


def refuse(engine: Engine, number: int, *, by: str, reason: str, now: datetime) -> bool:
    """The second person, or the author, says no; False: it was used or void already."""
    approval = look(engine, number).approval
    return _void(engine, approval, by=by, reason=reason or f"refused by {by}", now=now)


def unchanged(engine: Engine, shown: Preview) -> Pinned:
    """What was previewed, to be launched as it is; GuardRefused if text, truth or audience is another by now.

    The audience may move by the share of the campaign.
    """
    pinned = pins.read(engine.settings, shown.campaign)
    with engine.database.read() as session:
        current, customers = _counted(session, shown.occasion.id)
    if pinned.digest != shown.digest:
        raise GuardRefused(
            f"{shown.campaign}: file or texts were edited since you read them; look again"
        )
    if current.revision.version != shown.occasion.revision.version:
        raise GuardRefused(f"{current.name}: there is a newer version since you looked; look again")
    before = shown.counts.customers
    if moved(before, customers) > pinned.campaign.limits.audience_may_move:
        raise GuardRefused(
            f"the audience moved from {before:,} to {customers:,} customers since you looked; look again"
        )
    return pinned


# ── what stands in the way ──────────────────────────────────────────────────────────────────────


def _refuse_approver(settings: Settings, approval: Approval, approver: str) -> None:
    if not approver.strip() or same_person(approval.author, approver):
        raise GuardRefused(
            f"approval {approval.id}: {approval.author!r} asked for it; somebody else has to approve it"
        )
    refuse_unless(approver, Act.APPROVE, settings.roles)


_ASK = "ask a second person with `outreach campaign launch`"


def _refuse_spent(approval: Approval) -> None:
    if approval.void_at is not None:
        raise GuardRefused(
            f"approval {approval.id} is void: {approval.void_reason}; launch it anew"
        )
    if approval.used_at is not None:
        raise GuardRefused(f"approval {approval.id} was used already; nothing new is sent")


def _void_if_changed(
    engine: Engine, asked: Asked, *, by: str, grown: Run | None, now: datetime
) -> None:
    """An edit voids it, and so does the end of what it was about. A run that goes on is pinned already."""
    reason = ""
    if not asked.occasion.revision.state.is_open:
        reason = f"{asked.occasion.name} is over"
    elif grown is None and not is_as_asked(engine, asked):
        reason = EDITED
    if reason:
        _void(engine, asked.approval, by=by, reason=reason, now=now)
        raise GuardRefused(
            f"approval {asked.approval.id} is void: {reason};"
            f" ask again: outreach campaign launch {asked.campaign.name}"
        )


def _digest(settings: Settings, campaign: str) -> str:
    """Of what the files say now; empty where they cannot be read."""
    try:
        return pins.read(settings, campaign).digest
    except OutreachError:
        return ""


def _void(engine: Engine, approval: Approval, *, by: str, reason: str, now: datetime) -> bool:
    with engine.database.write() as session:
        is_done = approvals.void(session, approval.id, reason, now=now)
        if is_done:
            audit.write(
                session, by, "campaign.void", f"approval:{approval.id}", now=now, reason=reason
            )
    return is_done


def _sign(session: Session, asked: Asked, approver: str, *, now: datetime) -> None:
    approval = asked.approval
    # Approved once, and the launch broken off: the same person's word holds, another one's is kept too.
    if approval.approved_at is None and not approvals.approve(
        session, approval.id, approver, audience=asked.customers, now=now
    ):
        raise GuardRefused(f"approval {approval.id} was answered a moment ago; look again")
    audit.write(
        session, approver, "campaign.approve", f"approval:{approval.id}", now=now,
        author=approval.author, pinned=approval.pinned, audience=asked.customers,
        asked_for=approval.audience,
    )  # fmt: skip


def _grown(session: Session, asked: Asked) -> Run | None:
    """The run that this asking lets go on, where it is one that grew."""
    found = runs.of(session, asked.occasion.id, campaign=asked.campaign.name)
    return found[0] if found else None


def _gone_on(
    session: Session, database: Database, asked: Asked, run: Run, *, now: datetime
) -> Applied:
    approvals.use(session, asked.approval.id, now=now)
    if run.state is RunState.PAUSED:
        runs.set_state(session, run.id, RunState.ACTIVE, "", now=now)
        news.of_run(session, run, RunState.ACTIVE, now=now)
    counting = Counting(database, asked.occasion)
    return Applied(occasion=asked.occasion, counting=counting)


def _counted(session: Session, occasion: OccasionId) -> tuple[Occasion, int]:
    current = occasions.get(session, occasion)
    return current, audience.affected(session, scopes.remaining(session, current)).customers
