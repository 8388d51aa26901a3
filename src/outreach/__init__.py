"""Tells the customers an outage touches, on every channel, and measures the calls it saves."""

from __future__ import annotations
