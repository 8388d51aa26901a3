"""What a platform was last told is remembered by target, replaced, and forgotten when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from outreach.model.platforms import Pushed
from outreach.store import pushed

NOW = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)


def told(key: str, digest: str = "d") -> Pushed:
    return Pushed(
        key=key, digest=digest, pushed_at=NOW, expires_at=NOW + timedelta(minutes=10), version="3"
    )


def test_what_was_told_last_stands_and_what_ended_does_not(database):
    with database.write() as session:
        pushed.note(session, "genesys", [told(f"z{number}") for number in range(600)])
        pushed.note(session, "other", [told("z1", "theirs")])
    with database.write() as session:
        pushed.note(session, "genesys", [told("z1", "new")], ended=["z2", "unknown"])

    with database.read() as session:
        standing = pushed.standing(session, "genesys")
        other = pushed.standing(session, "other")

    assert len(standing) == 599
    assert standing["z1"] == told("z1", "new")
    assert standing["z0"] == told("z0")
    assert other == {"z1": told("z1", "theirs")}
