"""See docs/architecture.md, room `store`."""

from __future__ import annotations
