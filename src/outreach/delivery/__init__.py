"""See docs/architecture.md, room `delivery`."""

from __future__ import annotations
