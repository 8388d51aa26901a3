"""What a message of ours said to who answers it."""

from __future__ import annotations

from sqlalchemy import select

from outreach.model.words import Audience, OccasionState
from outreach.store import tables as t
from outreach.store.session import Session


def says_back(session: Session, message: int) -> bool:
    """Whether this message told its reader that supply is back: all of it, or the reader's part."""
    wave, run, revision = t.step_run.c, t.run.c, t.revision.c
    said = session.execute(
        select(revision.state, wave.audience)
        .select_from(t.message)
        .join(t.step_run, wave.id == t.message.c.step_run_id)
        .join(t.run, run.id == wave.run_id)
        .join(t.revision, (revision.occasion_id == run.occasion_id) & (revision.version == wave.version))
        .where(t.message.c.id == message)
    ).first()  # fmt: skip
    if said is None:
        return False
    is_left = said.state == OccasionState.PARTIAL and said.audience == Audience.LEFT
    return bool(said.state == OccasionState.RESTORED or is_left)
