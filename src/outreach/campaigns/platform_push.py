"""Carries changes to Genesys Cloud, a few at a time, until one is told to wait or the time is up."""

from __future__ import annotations

import threading
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from outreach.campaigns.platform_links import GENESYS, Links
from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.genesys_groups import Group
from outreach.contactcenter.genesys_tables import Table
from outreach.contactcenter.platform_http import PlatformAway
from outreach.model.errors import InputRefused
from outreach.model.platforms import Change, Fate

AT_ONCE = 4
"""Calls under way together: at 60 ms each, a storm's 240 rows take four seconds."""
MOST_REFUSED = 3
"""One row that is refused fails alone; so many mean that the table is not what we think."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was carried out, in any order, and the first trouble met."""

    carried: tuple[Change, ...]
    trouble: str = ""


def carry(genesys: Genesys, wanted: Sequence[Change], *, until: float) -> Carried:
    """Tries all in order; after PlatformAway, or three refusals, the rest is left for the next minute."""
    if not wanted:
        return Carried(carried=())
    run = _Run(genesys, until)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="platform") as threads:
        done = list(threads.map(run.one, wanted))
    carried = tuple(change for change, is_done in zip(wanted, done, strict=True) if is_done)
    return Carried(carried=carried, trouble=run.trouble)


def strangers(links: Links, known: Container[str], *, until: float) -> list[Change]:
    """Rows that stand there and that we know nothing of, once after each start.

    A database put back from a backup, or a table that served another installation, leaves such rows.
    """
    genesys = links.genesys
    if genesys is None or not genesys.settings.table or genesys.settings.table in links.seen:
        return []
    try:
        keys = Table(genesys, genesys.settings.table).keys(until=until)
    except (PlatformAway, InputRefused):
        return []  # what is wrong shows at the first write
    links.seen.add(genesys.settings.table)
    return [
        Change(target=GENESYS, key=key, fate=Fate.END, why="not ours")
        for key in keys
        if key not in known
    ]


class _Run:
    """One minute's calls; used by several threads."""

    def __init__(self, genesys: Genesys, until: float) -> None:
        self._genesys = genesys
        self._until = until
        self._table = Table(genesys, genesys.settings.table)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._refused = 0
        self.trouble = ""

    def one(self, change: Change) -> bool:
        """Whether it was carried out."""
        if self._stop.is_set():
            return False
        try:
            self._do(change)
        except PlatformAway as error:
            self._note(str(error), is_end=True)
            return False
        except InputRefused as error:
            self._note(str(error), is_end=False)
            return False
        return True

    def _do(self, change: Change) -> None:
        match change.fate:
            case Fate.END:
                self._table.end(change.key, until=self._until)
            case Fate.WRITE | Fate.RENEW:
                assert change.row is not None  # noqa: S101  such a change has its row
                self._table.write(change.row, is_new=change.why == "new", until=self._until)
            case Fate.SWITCH_ON:
                assert change.expires_at is not None  # noqa: S101  and such a one its end
                self._group(change).switch_on(change.expires_at, until=self._until)
            case Fate.SWITCH_OFF:
                self._group(change).switch_off(until=self._until)

    def _group(self, change: Change) -> Group:
        return Group(self._genesys, change.key.rpartition(" ")[2])

    def _note(self, trouble: str, *, is_end: bool) -> None:
        with self._lock:
            self.trouble = self.trouble or trouble
            self._refused += not is_end
            if is_end or self._refused >= MOST_REFUSED:
                self._stop.set()
