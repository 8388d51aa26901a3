"""See docs/architecture.md, room `record`."""

from __future__ import annotations
