"""The data table of Genesys Cloud that says, by zone, what callers hear: rows written, renewed, taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from outreach.contactcenter.genesys import CONFLICT, NOT_FOUND, Genesys
from outreach.model.errors import InputRefused
from outreach.model.platforms import ZoneRow

COLUMNS = ("status", "text", "etr", "as_of", "expires_at", "wait_band", "generation", "ask_percent")
"""Beside `key`. A platform's column cannot be changed once made: see docs/platforms.md."""
MOST_ROWS = 5_000
LONGEST_KEY = 256
PAGE = 500


def body(row: ZoneRow) -> dict[str, Any]:
    """A row as the API takes it; instants in UTC with milliseconds, as the flow's ToDateTime reads them."""
    return {
        "key": row.key,
        "status": row.status,
        "text": row.text,
        "etr": row.etr,
        "as_of": instant(row.as_of),
        "expires_at": instant(row.expires_at),
        "wait_band": row.wait_band,
        "generation": row.generation,
        "ask_percent": row.ask_percent,
    }


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


class Table:
    """One data table. A row that somebody else took away or made is no error: it is put right."""

    def __init__(self, genesys: Genesys, table: str) -> None:
        self._genesys = genesys
        self._rows = f"/api/v2/flows/datatables/{quote(table, safe='')}/rows"

    def write(self, row: ZoneRow, *, is_new: bool, until: float) -> None:
        """PUT, or POST where there is none yet; each falls back to the other."""
        made = body(row)
        if is_new:
            status, _body = self._genesys.ask(
                "POST", self._rows, made, until=until, fine=(CONFLICT,)
            )
            if status != CONFLICT:
                return
        status, _body = self._genesys.ask(
            "PUT", self._row(row.key), made, until=until, fine=(NOT_FOUND,)
        )
        if status == NOT_FOUND:
            self._refuse_missing(until)
            self._genesys.ask("POST", self._rows, made, until=until, fine=(CONFLICT,))

    def end(self, key: str, *, until: float) -> None:
        """Gone for certain afterwards, whoever took it away."""
        self._genesys.ask("DELETE", self._row(key), until=until, fine=(NOT_FOUND,))

    def keys(self, *, until: float) -> list[str]:
        """Every key that stands there; read page by page."""
        found: list[str] = []
        for page in range(1, MOST_ROWS // PAGE + 1):
            path = f"{self._rows}?pageNumber={page}&pageSize={PAGE}&showbrief=true"
            _status, answer = self._genesys.ask("GET", path, until=until)
            entities = (answer or {}).get("entities") or []
            found += [str(each["key"]) for each in entities if "key" in each]
            if len(entities) < PAGE:
                break
        return found

    def read(self, key: str, *, until: float) -> dict[str, Any] | None:
        """A row as it stands there, None if there is none."""
        status, answer = self._genesys.ask(
            "GET", f"{self._row(key)}?showbrief=false", until=until, fine=(NOT_FOUND,)
        )
        return None if status == NOT_FOUND else dict(answer or {})

    def _row(self, key: str) -> str:
        return f"{self._rows}/{quote(key, safe='')}"

    def _refuse_missing(self, until: float) -> None:
        """A 404 may also mean that the table itself is unknown."""
        table = self._rows.removesuffix("/rows")
        status, _answer = self._genesys.ask("GET", table, until=until, fine=(NOT_FOUND,))
        if status == NOT_FOUND:
            raise InputRefused(
                "contactcenter.genesys.table: no such data table; check its id (docs/platforms.md)"
            )
