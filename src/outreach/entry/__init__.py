"""See docs/architecture.md, room `entry`."""

from __future__ import annotations
