"""Counts whom an occasion touches when somebody asks, and once: a storm's feed asks seldom."""

from __future__ import annotations

from dataclasses import dataclass, field

from outreach.model.occasion import Occasion
from outreach.model.record import AffectedCounts
from outreach.store import audience, scopes
from outreach.store.session import Database, Session


@dataclass(slots=True)
class Counting:
    """Of one occasion at one revision; a scope of several nodes costs a look at all its people."""

    database: Database
    occasion: Occasion
    _found: AffectedCounts | None = field(default=None)

    def within(self, session: Session) -> AffectedCounts:
        """In a transaction that has just written the revision, and that no other sees yet."""
        if self._found is None:
            scope = scopes.remaining(session, self.occasion)
            self._found = audience.affected(session, scope)
        return self._found

    def found(self) -> AffectedCounts:
        """After it, in a look of its own: no writer waits for a count that a person wants to read."""
        if self._found is None:
            with self.database.read() as session:
                return self.within(session)
        return self._found
