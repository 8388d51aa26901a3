"""See docs/architecture.md, room `messages`."""

from __future__ import annotations
