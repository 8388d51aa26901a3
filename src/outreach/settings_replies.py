"""The settings of what people write back: the mailbox that is looked into."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Imap(BaseModel):
    """A mailbox of ours that answers and bounces come to; off until a host is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = ""
    port: int = 993
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["tls", "starttls", "none"] = "tls"
    folder: str = Field(default="INBOX", pattern=r'^[^"\\\r\n]{1,200}$')
    every_s: int = Field(default=60, ge=10, le=3_600)
    authserv_id: str = Field(default="", pattern=r'^[^\s;()"\\]{0,255}$')
    """The name under which our own server writes Authentication-Results (RFC 8601); empty: none are read."""
    timeout_s: float = Field(default=15.0, gt=0, le=60)
