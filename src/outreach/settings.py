"""Everything that can be set, and the only read of the environment.

Order: flag > environment > `.env` > secrets dir > `outreach.toml` of the workspace.
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import available_timezones

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from outreach.model.errors import InputRefused
from outreach.model.words import Channel, Service
from outreach.settings_access import Sso
from outreach.settings_contactcenter import ContactCenter, Egress, Endpoint, Reports, SecureUrl
from outreach.settings_replies import Imap
from outreach.settings_retention import Retention

FILE = "outreach.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Part):
    """Who speaks, where, and in which words."""

    name: str = "Outreach"
    tenant: str = "default"
    sender: str = Field(default="Outreach", max_length=12)
    """Opens every SMS; at most 12 characters, so that the texts stay in one segment."""
    service: Service = Service.ELECTRICITY
    country: str = Field(default="CL", pattern="^[A-Z]{2}$")
    zone: str = "America/Santiago"
    locale: str = "es"
    """Main language: post, page, and customers without one."""
    operator_language: Literal["es", "pt", "en"] = "es"
    currency: str = "USD"
    link: str = "https://example.com/luz"
    """Status page on the company's own domain; at most 23 characters after https:// in an SMS."""
    phone: str = ""
    priority_line: str = ""
    emergency: str = "133"
    cap_sender: str = Field(default="", max_length=200, pattern=r"^[^\s,<&]*$")
    """How CAP alerts name us, like cortes@luz.example; empty: none are published."""

    @field_validator("zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        if zone not in available_timezones():
            near = get_close_matches(zone, sorted(available_timezones()), n=1)
            raise ValueError(f"unknown zone {zone!r}; near: {(near or ['America/Santiago'])[0]}")
        return zone


class Lane(_Part):
    """One sender with its own rate."""

    name: str
    channel: Channel
    provider: Literal["outbox", "twilio", "twilio_voice", "sendgrid", "smtp", "x"] = "outbox"
    sender: str
    rate: float = Field(default=10.0, gt=0)
    """SMS segments, or messages, a second."""
    country: str = "*"
    two_way: bool = False
    account: str = ""
    """Which of `twilio.accounts` it sends through; empty: `twilio` itself."""
    weight: int = Field(default=100, ge=0, le=100)
    """Per cent of its rate that it carries while all is well; 0 is a standby."""
    burst: float | None = Field(default=None, ge=1)
    """Segments that may leave at once after a pause; by default a twentieth of the rate."""
    daily_cap: int | None = Field(default=None, gt=0)
    """Messages a day."""
    spend_cap: float | None = Field(default=None, gt=0)
    """A day, in the company's currency, by `delivery.sms_price`."""
    countries: tuple[str, ...] = ()
    """The only ones it writes to; empty: its own, or all for `*`."""
    prefix_cap: int | None = Field(default=None, gt=0)
    """Messages an hour to one number prefix: country code and two digits."""

    @property
    def pool(self) -> str:
        """The queue that it shares with the other lanes of its channel and country."""
        return f"{self.channel}:{self.country}"


class TwilioAccount(_Part):
    """A further account, for a lane of its own."""

    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    base_url: SecureUrl = "https://api.twilio.com"


class Twilio(TwilioAccount):
    accounts: dict[str, TwilioAccount] = Field(default_factory=dict)
    """By name, for lanes with `account`."""

    def named(self, account: str) -> TwilioAccount:
        """The account of a lane; the settings have it, or would not have loaded."""
        return self.accounts[account] if account else self


class SendGrid(_Part):
    api_key: SecretStr = SecretStr("")
    base_url: SecureUrl = "https://api.sendgrid.com"
    webhook_public_key: str = ""
    inbound_public_key: str = ""
    """Of the security policy of Inbound Parse: e-mails are signed."""
    inbound_token: SecretStr = SecretStr("")
    """Last part of the path that Inbound Parse posts to, where it does not sign; 32 characters or more."""


class Smtp(_Part):
    host: str = ""
    port: int = 587
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["starttls", "tls", "none"] = "starttls"


class X(_Part):
    consumer_key: SecretStr = SecretStr("")
    consumer_secret: SecretStr = SecretStr("")
    access_token: SecretStr = SecretStr("")
    access_token_secret: SecretStr = SecretStr("")
    base_url: SecureUrl = "https://api.twitter.com"


class Http(_Part):
    """Where `outreach serve` listens, and how the world reaches it."""

    host: str = "127.0.0.1"
    port: int = 8020
    public_url: str = "http://127.0.0.1:8020"
    keys: Literal["required", "loopback"] = "loopback"
    """Whether /v1 asks this machine itself for a key too; it asks all others always."""
    per_minute: int = Field(default=6_000, ge=1)
    """Requests of a key that has no number of its own, at each web process."""
    sso: Sso = Sso()


class Delivery(_Part):
    """How messages leave."""

    provider_deadline_s: float = 10.0
    lease_s: float = 30.0
    chunk: int = 3_000
    """Most messages in hand of a lane, half of them leaving; never more than leave within two seconds."""
    in_flight: int = 400
    """Most calls at once; a lane's own rate mostly holds it far below."""
    only_loopback: bool = False
    """Refuse any provider host that is not loopback; tests and drills set it."""
    sms_price: dict[str, float] = Field(default_factory=lambda: {"*": 0.05})
    """Price of one segment by country, `*` for the rest, in the company's currency."""
    quarter_hour_etr: int = 15
    """Minutes to which the public ETR is rounded up."""


class Record(_Part):
    """How the system of record is kept up."""

    stale_after_h: float = Field(default=48.0, gt=0)
    """Hours since the last load from which `doctor` warns: news would go to people who moved away."""


class Roles(_Part):
    """Who may do what alone nobody may. Names are accounts of the host, in any case."""

    approvers: tuple[str, ...] = ()
    """Who may approve a launch that somebody else asks for; empty: anybody else."""
    emergency: tuple[str, ...] = ()
    """Who may launch without a second person, with a reason; empty: anybody."""
    shared_account: bool = False
    """Several people work under one account of the host: they say who they are with --as."""


class Feed(_Part):
    """A source of outages: a folder that is watched, an address that is asked, or one that pushes to us."""

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,29}$")
    kind: Literal["jsonl", "csv", "oracle", "odin", "cap"]
    path: Path | None = None
    """Folder of the workspace; what is read moves to its `done/` or `refused/`."""
    url: str = ""
    token: SecretStr = SecretStr("")
    """Shown to the address as bearer."""
    mapping: Path | None = None
    every_s: int = Field(default=60, ge=5, le=86_400)
    silent_after_s: int = Field(default=600, ge=30)
    """Without a word for so long it is silent: an alarm, and the IVR turns neutral about its outages."""
    hosts: tuple[str, ...] = ()
    """Hosts inside the company's own network that this feed may be asked at."""

    @model_validator(mode="after")
    def _is_one_way(self) -> Feed:
        if self.path is not None and self.url:
            raise ValueError(f"feed {self.name}: give either path or url")
        return self


class Settings(BaseSettings):
    """The settings of one workspace. Secrets never print."""

    model_config = SettingsConfigDict(
        env_prefix="OUTREACH_",
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
    )

    workspace: Path = Path()
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("OUTREACH_DATABASE_URL", "DATABASE_URL", "database_url"),
        repr=False,  # may hold a password
    )
    key_file: Path = Path("outreach.key")
    company: Company = Company()
    lanes: tuple[Lane, ...] = (
        Lane(name="sms", channel=Channel.SMS, sender="+56900000000", rate=100, two_way=True),
        Lane(name="email", channel=Channel.EMAIL, sender="avisos@example.com", rate=500),
        Lane(name="social", channel=Channel.SOCIAL, sender="@outreach", rate=1),
    )
    twilio: Twilio = Twilio()
    sendgrid: SendGrid = SendGrid()
    smtp: Smtp = Smtp()
    imap: Imap = Imap()
    x: X = X()
    http: Http = Http()
    delivery: Delivery = Delivery()
    record: Record = Record()
    reports: Reports = Reports()
    contactcenter: ContactCenter = ContactCenter()
    feeds: tuple[Feed, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    egress: Egress = Egress()
    roles: Roles = Roles()
    retention: Retention = Retention()

    @model_validator(mode="after")
    def _lanes_agree(self) -> Settings:
        """Lanes of one pool share its queue: whichever claims first decides for all of them."""
        allowed: dict[str, tuple[str, ...]] = {}
        for lane in self.lanes:
            if lane.account and lane.account not in self.twilio.accounts:
                raise ValueError(
                    f"lane {lane.name}: no account {lane.account!r}; add [twilio.accounts.{lane.account}]"
                )
            if allowed.setdefault(lane.pool, lane.countries) != lane.countries:
                raise ValueError(
                    f"lane {lane.name}: the lanes of {lane.pool} must have the same `countries`"
                )
        return self

    @property
    def database(self) -> str:
        """The database URL; by default a SQLite file in the workspace."""
        return self.database_url or f"sqlite:///{self.workspace / 'outreach.db'}"

    @property
    def keys(self) -> Path:
        return self.workspace / self.key_file

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, _toml_of(init_settings))
        vendors = _VendorNames(settings_cls, dotenv_settings, env_settings)
        return init_settings, env_settings, dotenv_settings, vendors, file_secret_settings, toml


class _VendorNames(PydanticBaseSettingsSource):
    """The vendors' own names, from the environment or `.env`; our own names come before them."""

    def __init__(
        self, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource
    ) -> None:
        super().__init__(settings_cls)
        self._sources = sources

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # this source answers as a whole

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for source in self._sources:
            variables: dict[str, str | None] = getattr(source, "env_vars", {})
            for name, (part, key) in _VENDOR_NAMES.items():
                if value := variables.get(name.lower()):
                    found.setdefault(part, {})[key] = value
        return found


def _toml_of(init_settings: PydanticBaseSettingsSource) -> Path:
    return Path(init_settings().get("workspace", "")) / FILE


_VENDOR_NAMES = {
    "TWILIO_ACCOUNT_SID": ("twilio", "account_sid"),
    "TWILIO_AUTH_TOKEN": ("twilio", "auth_token"),
    "SENDGRID_API_KEY": ("sendgrid", "api_key"),
}


def load(workspace: Path) -> Settings:
    """Reads the settings of a workspace; InputRefused names the file and the key that is wrong.

    Beside outreach.toml may lie `.env`, for its owner only, and `secrets/`, a file a value.
    """
    path, secrets = workspace / FILE, workspace / "secrets"
    if not path.exists():
        raise InputRefused(f"{path}: not found; run `outreach init {workspace}`")
    _refuse_unknown_parts(path)
    _refuse_open(workspace / ".env")
    try:
        return Settings(
            workspace=workspace,
            _env_file=workspace / ".env",  # type: ignore[call-arg]
            _secrets_dir=secrets if secrets.is_dir() else None,
        )
    except ValidationError as error:
        raise InputRefused(_first_mistake(path, error)) from None
    except ValueError as error:
        raise InputRefused(f"{path}: {error}") from None


def _refuse_unknown_parts(path: Path) -> None:
    """A misspelt part would be ignored in silence: pydantic-settings must ignore what others set."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not TOML
        raise InputRefused(f"{path}: {error}") from None
    known = set(Settings.model_fields)
    for key in written.keys() - known:
        near = get_close_matches(key, known, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise InputRefused(f"{path}: {key}: no such setting{meant}")


def _refuse_open(path: Path) -> None:
    if path.exists() and path.stat().st_mode & 0o077:
        raise InputRefused(
            f"{path}: holds secrets and is readable by others; run `chmod 600 {path}`"
        )


def _first_mistake(path: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if not key:  # what several settings together make wrong names them itself
        return f"{path}: {first['ctx']['error']}"
    return f"{path}: {key}: {first['msg'].lower()}"


def carried(name: str) -> Path:
    """The folder `alembic`, `campaigns` or `templates`: inside the wheel, else in the checkout."""
    inside = Path(__file__).parent / "_carried" / name
    return inside if inside.exists() else Path(__file__).parents[2] / name


def environment(folder: Path) -> dict[str, str | None]:
    """What `${NAME}` in a mapping stands for: the environment, then `.env` of the mapping's folder."""
    return {**dotenv_values(folder / ".env"), **os.environ}


def no_colour() -> bool:
    """Whether NO_COLOR asks for plain output."""
    return bool(os.environ.get("NO_COLOR"))
