"""See docs/architecture.md, room `channels`."""

from __future__ import annotations
