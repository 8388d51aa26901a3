"""The errors of outreach, told apart by what the person at the terminal can do.

OutreachError
├── InputRefused    a file, a value or a setting is wrong: what, where, what to do      exit 1
├── GuardRefused    a rule protects the customers or the company                        exit 3
├── DoneInPart      some of it was done; the message says what was not                  exit 4
└── StoreUnusable   database missing, locked, full, older or newer than the code        exit 1
"""

from __future__ import annotations


class OutreachError(Exception):
    """Something that we can say in one line: what, where, what to do."""

    exit_code = 1


class InputRefused(OutreachError):
    """What came in is wrong; the message names file, row or key, and the mend."""


class GuardRefused(OutreachError):
    """A guard says no: past ETR, audience over its ceiling, no approval."""

    exit_code = 3


class DoneInPart(OutreachError):
    """Part of the work is done and kept; the message says what is missing."""

    exit_code = 4


class StoreUnusable(OutreachError):
    """The database cannot be used as it is; the message says how to mend it."""
