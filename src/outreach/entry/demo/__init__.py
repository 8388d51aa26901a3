"""A small invented utility and one night of its life, lived through the doors that a real one uses."""

from __future__ import annotations
