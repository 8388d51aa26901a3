"""Launches that a machine asks for: as `key:NAME`, by the rules for everybody, and never as the second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import approving
from outreach.campaigns.engine import Engine
from outreach.model.errors import InputRefused
from outreach.model.occasion import OccasionId
from outreach.store import runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What became of the asking: a run, or an approval that a person has to give first."""

    run: int | None = None
    is_new: bool = False
    approval: int | None = None


def launch(
    engine: Engine, occasion: OccasionId, campaign: str, *, actor: str, now: datetime
) -> Launched:
    """Launches a campaign for an occasion, or asks a second person where one is needed.

    InputRefused: no such occasion or campaign. GuardRefused: as for whoever types it.
    """
    try:
        if approving.is_needed(engine, occasion, campaign):
            asked = approving.ask(engine, occasion, campaign, author=actor, now=now)
            return Launched(approval=asked.id)
        applied = engine.launch(occasion, campaign, actor=actor, now=now)
    except KeyError:
        raise InputRefused("no such occasion; GET /v1/outages lists the open ones") from None
    with engine.database.read() as session:
        run = runs.of(session, occasion, campaign=campaign)[0]
    return Launched(run=run.id, is_new=bool(applied.launched))
