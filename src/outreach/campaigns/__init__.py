"""See docs/architecture.md, room `campaigns`."""

from __future__ import annotations
