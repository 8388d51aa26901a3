"""Imports a forecast of calls into the workforce management of Genesys Cloud."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote, urlsplit

from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.platform_http import PlatformAway
from outreach.model.errors import InputRefused

_GOOD = range(200, 300)


def upload(genesys: Genesys, document: Mapping[str, Any], *, week: date, until: float) -> str:
    """Three steps: ask for a signed address, put the document there (gzip), start the import.

    document: description, weekCount, planningGroups of {planningGroupId, offeredPerInterval,
    averageHandleTimeSecondsPerInterval}, a number for each quarter-hour of the week that begins on
    `week`. Returns the operation's id: the import goes on there by itself.
    """
    unit = genesys.settings.business_unit
    if not unit:
        raise InputRefused("contactcenter.genesys.business_unit: empty; set it to import forecasts")
    packed = gzip.compress(json.dumps(document).encode(), mtime=0)
    place = (
        f"/api/v2/workforcemanagement/businessunits/{quote(unit, safe='')}"
        f"/weeks/{week.isoformat()}/shorttermforecasts/import"
    )
    _status, given = genesys.ask(
        "POST", f"{place}/uploadurl", {"contentLengthBytes": len(packed)}, until=until
    )
    _put(genesys, given or {}, packed, until)
    _status, started = genesys.ask("POST", place, {"uploadKey": given["uploadKey"]}, until=until)
    return str((started or {}).get("operationId", ""))


def _put(genesys: Genesys, given: Mapping[str, Any], packed: bytes, until: float) -> None:
    """The address is signed and lives elsewhere: our token does not go there."""
    url = str(given.get("url", ""))
    if "uploadKey" not in given or urlsplit(url).scheme not in {"https", "http"}:
        raise PlatformAway("genesys: no address to upload the forecast to; it is tried again")
    headers = {name: str(value) for name, value in (given.get("headers") or {}).items()}
    answer = genesys.http.send("PUT", url, headers=headers, body=packed, until=until)
    if answer.status not in _GOOD:
        raise PlatformAway(f"genesys: the forecast was not taken ({answer.status}); try again")
