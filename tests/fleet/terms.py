"""What every process of a fleet is told: where things are, how fast time runs, and what goes wrong."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

LEASE_S, DEADLINE_S, SETTLE_S, LAG_S = 30.0, 10.0, 30.0, 20.0
"""The product's own times, and the longest lag of a listing; a fleet runs them all at one scale."""
ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "fleet-token"
API_KEY = "SG.fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """Share of calls that meet each fate at the carrier."""

    lost_reply: float = 0.0
    """Accepted; the connection closes without an answer."""
    error_after: float = 0.0
    """Accepted, then answered 500."""
    error_before: float = 0.0
    """Not accepted, answered 500: looks the same."""
    throttled: float = 0.0
    """429 with Retry-After 1."""
    late: float = 0.0
    """Accepted only after the caller has given up."""
    silent: float = 0.0
    """Of the accepted: no callback ever."""
    lag: float = 0.0
    """Longest lag of the listing, as a share of LAG_S."""


QUIET = Fates()
FAULTY = Fates(
    lost_reply=0.03, error_after=0.02, error_before=0.01, throttled=0.002, late=0.004,
    silent=0.3, lag=1.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `start` to `end` seconds after the epoch the proxy does `what` to every connection."""

    start: float
    end: float
    what: str
    """latency, reset, half_open, drip, limit."""
    port: str = ""
    """Name of the listener; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A lane of the fleet; `rate` a second."""

    name: str
    channel: str
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One fleet. `folder` holds the workspace, the carrier's ledger, the history and the logs."""

    folder: Path
    database_url: str
    seed: int
    epoch: float
    """CLOCK_MONOTONIC when it began: one clock for all processes of a machine."""
    scale: float = 0.05
    """1.0 is the product's own pace; leases, deadlines, settling and lags shrink alike."""
    lanes: tuple[Lane, ...]
    ports: dict[str, int]
    """carrier, web, and the proxy's `sms` and `email`."""
    fates: Fates = QUIET
    windows: tuple[Window, ...] = ()
    breaks: str = ""
    """A rule that the workers break on purpose, to see that the checker finds it."""
    fixes: dict[str, float] = field(default_factory=dict)
    """Settings of `delivery` other than the scaled ones."""

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def ledger(self) -> Path:
        return self.folder / "carrier.jsonl"

    @property
    def history(self) -> Path:
        return self.folder / "history"

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)


def fleet_of(text: str) -> Fleet:
    """The inverse of `to_json`."""
    raw: dict[str, Any] = json.loads(text)
    return Fleet(
        **(
            raw
            | {
                "folder": Path(raw["folder"]),
                "lanes": tuple(Lane(**each) for each in raw["lanes"]),
                "fates": Fates(**raw["fates"]),
                "windows": tuple(Window(**each) for each in raw["windows"]),
            }
        )
    )


def drawn(*named: object) -> random.Random:
    """A generator of its own for what is named: no draw of one thing moves another."""
    digest = hashlib.sha256("/".join(map(str, named)).encode()).digest()
    return random.Random(digest)  # noqa: S311  a schedule, not a secret


def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    """The key with which the fleet's carrier signs its events, the same in every run."""
    return ec.derive_private_key(20260712, ec.SECP256R1())
