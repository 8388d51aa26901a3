"""The settings of the contact center's platforms, each off until its credentials are there, and of who is told by webhooks."""

from __future__ import annotations

from base64 import b64decode
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from outreach.model import news


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_safe(parts: SplitResult) -> bool:
    is_local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_local)
    )


def _secured(url: str) -> str:
    if url and not _is_safe(urlsplit(url)):
        raise ValueError("must be https://, or at a loopback address")
    return url


SecureUrl = Annotated[str, AfterValidator(_secured)]
"""Where credentials of ours go: https, or this machine itself, as in tests. May be empty."""


class Genesys(_Part):
    """Genesys Cloud: a data table of zones, live queues, and, if asked for, an emergency group."""

    region: str = Field(default="", pattern=r"^[a-z0-9.-]*$")
    """Where the organisation lives, such as `sae1.pure.cloud`; empty: off."""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    api_url: SecureUrl = ""
    login_url: SecureUrl = ""
    """Both follow from the region; given for a proxy of one's own."""
    table: str = ""
    """Id of the data table; empty: no rows are written."""
    queues: dict[str, str] = Field(default_factory=dict)
    """Our queue -> id of theirs; read each minute."""
    requests_a_minute: int = Field(default=240, ge=10, le=290)
    """The platform's limit is 300 for a token."""
    asks_a_minute: int = Field(default=720, ge=0, le=900)
    """Callers whose number the flow may ask us about; the platform's limit is 900."""
    calls_a_minute: int = Field(default=3_000, ge=1)
    """Expected at the worst, where no forecast says better."""
    emergency_group: str = ""
    """Id of an emergency group that we switch; empty: none. Needs `outreach routing watch` on another host."""
    emergency_from: int = Field(default=5_000, ge=1)
    """Customers out in one outage from which it is switched on."""
    business_unit: str = ""
    """Where `outreach forecast upload` imports forecasts for workforce management."""

    @property
    def is_on(self) -> bool:
        return bool((self.region or self.api_url) and self.client_id)

    @property
    def api(self) -> str:
        return (self.api_url or f"https://api.{self.region}").rstrip("/")

    @property
    def login(self) -> str:
        return (self.login_url or f"https://login.{self.region}").rstrip("/")

    @model_validator(mode="after")
    def _has_secret(self) -> Genesys:
        if self.client_id and not self.client_secret.get_secret_value():
            raise ValueError("client_secret: empty; set it in secrets/ or the environment")
        return self


class Contacts(_Part):
    """Contacts that platforms push to us; a webhook is off until it has its secret."""

    genesys_secret: SecretStr = SecretStr("")
    connect_secret: SecretStr = SecretStr("")
    mapping: Path | None = None
    """File of the workspace with names of queues, words for hidden callers and rules of telephones."""


class Connect(_Part):
    """Amazon Connect: live queues; credentials are those of the AWS environment."""

    region: str = ""
    """Such as `sa-east-1`; empty: off."""
    instance_id: str = ""
    instance_arn: str = ""
    endpoint_url: SecureUrl = ""
    """Only for a proxy of one's own."""
    queues: dict[str, str] = Field(default_factory=dict)
    """Our queue -> id of theirs; read each minute."""

    @property
    def is_on(self) -> bool:
        return bool(self.region and self.instance_id)


class ForecastQueue(_Part):
    """A queue whose calls are foretold."""

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,29}$")
    numbers: tuple[str, ...] = ()
    """Dialled by its callers; empty: the outage numbers."""
    queues: tuple[str, ...] = ()
    """Names under which the platform's records know it; empty: any."""
    handling_minutes: float | None = Field(default=None, gt=0)
    share: float = Field(default=1.0, gt=0, le=1)
    """Of all calls about outages that come here, before any was seen."""
    skills: dict[str, float] = Field(default_factory=dict)
    """Skill -> share of its calls that needs it."""
    platform_id: str = ""
    """Of the queue at Amazon Connect, or of the planning group at Genesys; for exports."""


class Forecasting(_Part):
    """What the forecast of calls assumes, and what the contact center promises itself."""

    queues: tuple[ForecastQueue, ...] = (ForecastQueue(name="outages"),)
    served: float = Field(default=0.80, gt=0, lt=1)
    """Share of calls answered within `within_s`."""
    within_s: float = Field(default=20.0, gt=0)
    abandoned: float = Field(default=0.05, gt=0, le=1)
    """Most that may give up."""
    occupied: float = Field(default=0.90, gt=0, le=1)
    """Most of their time that agents may be busy."""
    patience_minutes: float = Field(default=2.0, gt=0)
    redials: float = Field(default=0.5, ge=0, lt=1)
    """Share of those who gave up that calls again."""
    repeats: float = Field(default=0.20, ge=0, lt=1)
    """Share of calls that the same caller repeats."""
    scatter: float = Field(default=20.0, ge=1)
    """Size of the negative binomial of a quarter-hour: smaller is wider."""


_DANGERS = (
    "cable caído", "cables caídos", "cable en el suelo", "cables en el suelo",
    "línea caída", "líneas caídas", "conductor caído", "conductores caídos", "tendido caído",
    "poste caído", "postes caídos", "fuga de gas", "olor a gas",
    "fio caído", "fios caídos", "fio no chão", "fios no chão", "cabo caído", "cabos caídos",
    "cabo no chão", "cabos no chão", "fio partido", "cabo partido", "vazamento de gás", "cheiro de gás",
    "wire down", "wires down", "line down", "lines down", "downed wire", "downed wires", "downed line",
    "downed lines", "fallen wire", "fallen wires", "fallen line", "fallen lines", "fallen pole",
    "pole down", "gas leak", "smell of gas",
)  # fmt: skip


class Routing(_Part):
    """The queues that directives speak of, and how their document is meant and left."""

    mode: Literal["live", "shadow"] = "live"
    """shadow: directives are decided, shown and published, and everybody only logs them."""
    queue: str = "outages"
    """Where outage calls wait, as the platform names it."""
    priority_queue: str = "priority"
    """Where class A callers go, past everybody."""
    overflow_queue: str = ""
    """Who takes what ours cannot; empty: nobody."""
    overflow_agents: int | None = Field(default=None, ge=0)
    """Agents that the overflow queue lends where its platform shows none."""
    danger_causes: tuple[str, ...] = _DANGERS
    """An outage whose cause holds one of these phrases puts people in danger; empty: none does."""
    drop_dir: Path | None = None
    """Folder that gets directives.json every minute, for an exchange without a network to us."""


class Ivr(_Part):
    """What the IVR's documents say beside the notice."""

    safety_key: str = Field(default="", pattern="^[03-9]?$")
    """Key of the company's own flow that leads to who takes dangers, said first; 1 and 2 are ours."""


class ContactCenter(Routing):
    """What the calls look like and who takes them."""

    outage_numbers: tuple[str, ...] = ()
    high_priority_types: tuple[str, ...] = ()
    """Customer types that the IVR also answers with priority high, so that nobody can probe for illness."""
    default_flow_url: str = ""
    zone_keys: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Locality -> the keys by which flows know it (postal codes, a number dialled); by default its name."""
    handling_minutes: float = 4.0
    call_cost: float | None = Field(default=None, ge=0)
    """What a call costs, in the company's currency; None: no money is printed beside calls avoided."""
    ivr: Ivr = Field(default_factory=Ivr)
    duty_phone: str = ""
    """Who is on duty: hears by SMS of every task for class A, again and again until it is taken."""
    directive_key: SecretStr = SecretStr("")
    genesys: Genesys = Genesys()
    connect: Connect = Connect()
    contacts: Contacts = Contacts()
    forecast: Forecasting = Forecasting()


class Reports(_Part):
    """From how many reports of customers on, and within which time, an outage is suspected; and how long it stays so."""

    suspect_after: int = Field(default=3, ge=2)
    """Premises that report under one device; a transformer of fewer: all of them, never one alone."""
    share: float = Field(default=1 / 3, gt=0, le=1)
    """Of a device's transformers that must report before it is suspected itself."""
    window_minutes: int = Field(default=30, ge=5, le=240)
    """How long a report counts that points at nothing yet."""
    lapse_hours: int = Field(default=6, ge=1, le=168)
    """After so long without a report, and without anybody's word, a suspicion ends by itself."""


class Egress(_Part):
    """Which hosts are asked by a URL that the settings hold or somebody sent: feeds, webhooks, media, sign-in."""

    hosts: tuple[str, ...] = ()
    """The only ones; `.luz.example` stands for all below it. Empty: any that is public."""
    private_hosts: tuple[str, ...] = ()
    """Hosts inside the company's own network that may be asked, by http too."""


class Endpoint(_Part):
    """Another system that is told by signed webhooks (Standard Webhooks)."""

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,29}$")
    url: str
    """https, or a loopback address."""
    secret: SecretStr
    """`whsec_` and the base64 of 24 to 64 random bytes."""
    old_secret: SecretStr = SecretStr("")
    """The one before, while the receiver changes over: each webhook is signed with both."""
    kinds: tuple[str, ...] = (news.DIRECTIVES,)
    """What it is told: `outage.revised`, a family as `outage.*`, `*` for every event, `directives`."""
    private: bool = False
    """It stands inside the company's own network: without this, private addresses are refused."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if not _is_safe(parts) or parts.username or parts.password or parts.fragment:
            raise ValueError("must be https://host/path, without a name or password in it")
        return url

    @field_validator("kinds")
    @classmethod
    def _are_known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """A misspelt kind would never come, and nobody would notice."""
        known = news.askable()
        for kind in kinds:
            if kind not in known:
                near = (get_close_matches(kind, known, n=1) or [known[2]])[0]
                raise ValueError(f"unknown kind {kind!r}; near: {near}")
        return kinds

    @field_validator("secret", "old_secret")
    @classmethod
    def _is_a_key(cls, secret: SecretStr) -> SecretStr:
        written = secret.get_secret_value()
        if not written:
            return secret
        try:
            length = len(b64decode(written.removeprefix("whsec_"), validate=True))
        except ValueError:
            length = 0
        if not written.startswith("whsec_") or not 24 <= length <= 64:  # noqa: PLR2004  the standard's
            raise ValueError(
                "must be whsec_ and the base64 of 24 to 64 bytes; `openssl rand -base64 32` makes some"
            )
        return secret

    @model_validator(mode="after")
    def _has_a_key(self) -> Endpoint:
        if not self.secret.get_secret_value():
            raise ValueError(f"endpoint {self.name}: secret: empty; set it")
        return self

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What signs, the newest first."""
        written = (self.secret.get_secret_value(), self.old_secret.get_secret_value())
        return tuple(b64decode(one.removeprefix("whsec_")) for one in written if one)
