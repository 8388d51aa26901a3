"""See docs/architecture.md, room `deflection`."""

from __future__ import annotations
