"""See docs/architecture.md, room `model`."""

from __future__ import annotations
