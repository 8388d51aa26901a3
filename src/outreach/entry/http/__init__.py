"""See docs/architecture.md, room `http`."""

from __future__ import annotations
