"""The settings of who may look from elsewhere: a company's own sign-in for its people."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Role = Literal["viewer", "approver", "emergency"]
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class Sso(BaseModel):
    """OpenID Connect for the pages that people look at; off until an issuer is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = ""
    """Such as https://login.example/realm, exactly as the provider writes it in its tokens."""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    """Empty for a public client: the code is bound by PKCE in any case."""
    scopes: tuple[str, ...] = ("openid", "profile")
    name_claim: str = "preferred_username"
    """What the audit calls a person."""
    groups_claim: str = "groups"
    groups: dict[str, tuple[Role, ...]] = Field(default_factory=dict)
    """The provider's group -> roles here. Who is in none of them sees nothing."""
    session_h: float = Field(default=8.0, gt=0, le=24)

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        is_local = parts.scheme == "http" and parts.hostname in _LOCAL
        if issuer and not (parts.scheme == "https" and parts.hostname) and not is_local:
            raise ValueError("write https://…; plain http only on this machine")
        return issuer

    @property
    def is_on(self) -> bool:
        """Whether people may sign in."""
        return bool(self.issuer and self.client_id)
