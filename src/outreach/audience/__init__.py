"""See docs/architecture.md, room `audience`."""

from __future__ import annotations
