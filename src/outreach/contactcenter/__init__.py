"""See docs/architecture.md, room `contactcenter`."""

from __future__ import annotations
