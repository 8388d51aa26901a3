"""See docs/architecture.md, room `outages`."""

from __future__ import annotations
