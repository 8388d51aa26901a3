"""Reading what people write back: words, machines, quoted mail. Deciding modules only."""

from __future__ import annotations
