"""See docs/architecture.md, room `cli`."""

from __future__ import annotations
