"""`POST /v1/campaigns/preview`: what a launch would send, to how many, at what cost, and why it would be refused."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from outreach.campaigns.preview import Sample, StepPreview
from outreach.delivery.verdicts import body_hash
from outreach.entry.launches import LookedAt


class SampleText(BaseModel):
    """One text as one recipient would read it; of nobody in particular."""

    channel: str
    locale: str
    area: str
    subject: str
    text: str
    segments: int
    """Of an SMS."""
    unfolded: str | None
    """An SMS as it would read with its accents, where the campaign's folding changed it."""
    text_hash: str
    """SHA-256 in hex, as the ledger keeps it."""


class PreviewedStep(BaseModel):
    """One step: how many messages, what they cost, when they leave."""

    step: str
    template: str
    messages: int
    by_channel: dict[str, int]
    by_locale: dict[str, int]
    by_class: dict[str, int]
    segments: int
    cost: float
    at_once: int
    held: int
    """Messages that wait for the morning of their zone."""
    first_at: datetime | None
    last_at: datetime | None
    """When the first and the last person hear, at the lanes' rates; null: never, or nobody."""
    samples: tuple[SampleText, ...]


class Previewed(BaseModel):
    """What a launch would do now; nothing is written and nobody is told."""

    campaign: str
    occasion: str
    version: int
    digest: str
    """Of the campaign's file and texts."""
    customers: int
    """Affected; `reachable`: by channel, and under `none` those whom no channel reaches."""
    reachable: dict[str, int]
    messages: int
    segments: int
    cost: float
    currency: str
    needs_approval: bool
    """A launch would be answered 202: a second person has to say yes."""
    was_launched: bool
    """A launch would send nothing new."""
    refused: tuple[str, ...]
    """Why a launch would be refused; empty: it would not."""
    warnings: tuple[str, ...]
    steps: tuple[PreviewedStep, ...]


def previewed(found: LookedAt, *, shown_id: str, currency: str) -> Previewed:
    """As it is answered."""
    shown = found.preview
    return Previewed(
        campaign=shown.campaign,
        occasion=shown_id,
        version=shown.occasion.revision.version,
        digest=shown.digest,
        customers=shown.counts.customers,
        reachable=shown.counts.reachable,
        messages=shown.messages,
        segments=shown.segments,
        cost=shown.cost,
        currency=currency,
        needs_approval=found.needs_approval,
        was_launched=found.was_launched,
        refused=found.refused,
        warnings=shown.warnings,
        steps=tuple(_step(each) for each in shown.steps),
    )


def _step(step: StepPreview) -> PreviewedStep:
    drain = step.drain
    return PreviewedStep(
        step=step.step,
        template=step.template,
        messages=step.messages,
        by_channel=step.by_channel,
        by_locale=step.by_locale,
        by_class=step.by_class,
        segments=step.segments,
        cost=step.cost,
        at_once=step.at_once,
        held=step.held,
        first_at=drain.first_at if drain else None,
        last_at=drain.last_at if drain else None,
        samples=tuple(_sample(each) for each in step.samples),
    )


def _sample(one: Sample) -> SampleText:
    return SampleText(
        channel=one.channel.value,
        locale=one.locale,
        area=one.area,
        subject=one.content.subject,
        text=one.content.text,
        segments=one.content.segments,
        unfolded=one.unfolded.text if one.unfolded else None,
        text_hash=body_hash(one.content).hex(),
    )
