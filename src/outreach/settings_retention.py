"""The settings of how long what is personal is kept, class by class, in days."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Retention(BaseModel):
    """Days; 0 keeps for ever. What is let go is said beside each; counts and states always stay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: int = Field(default=1_825, ge=0)
    """Who was told what: five years, in which a claim or a regulator may ask for it. Then the rows go."""
    receipts: int = Field(default=90, ge=0)
    """What carriers posted, word for word: as long as a bill of theirs is disputed. The state stays."""
    attempts: int = Field(default=90, ge=0)
    """Tries that ended delayed or in doubt."""
    replies: int = Field(default=730, ge=0)
    """What people wrote, and from where: two years, for complaints. What it was read as stays."""
    calls: int = Field(default=400, ge=0)
    """Which number called: thirteen months, so that a winter can be set beside the last. The call is counted on."""
    reports: int = Field(default=730, ge=0)
    """Customers who said that they are out, or fine."""
    exports: int = Field(default=30, ge=0)
    """Files in exports/ and rejected/ of the workspace: they were made to be handed over."""
