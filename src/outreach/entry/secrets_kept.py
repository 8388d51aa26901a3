"""Whether the secrets of a workspace are secrets: real ones, all there, and readable by their owner alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from outreach.entry.languages import _
from outreach.model.errors import InputRefused
from outreach.settings import FILE, Settings

_OTHERS = 0o077
_PLACEHOLDERS = (
    "api", "change", "default", "dummy", "example", "fixme", "key", "password", "placeholder", "secret", "todo",
    "token", "xxxx", "your", "<", "${",
)  # fmt: skip
"""Of what a template or a manual left in the place of a secret; only where little else is in it."""
_SLACK = 6
_FAMOUS = frozenset({"123456", "12345678", "123456789", "admin", "letmein", "outreach", "qwerty"})


def refuse(settings: Settings) -> None:
    """InputRefused with the first thing that is wrong: nothing is served or sent on such secrets."""
    for sentence in findings(settings):
        raise InputRefused(sentence)


def findings(settings: Settings) -> Iterator[str]:
    """One line for each thing that is wrong; it names file or key and what to do, never the secret."""
    yield from _open_files(settings)
    yield from _defaults(settings)
    yield from _halves(settings)


def _open_files(settings: Settings) -> Iterator[str]:
    for path in _private(settings):
        if path.is_file() and path.stat().st_mode & _OTHERS:
            yield _("{path}: holds secrets and others can read it; run `chmod 600 {path}`").format(
                path=path
            )
    folder = settings.workspace / "secrets"
    if folder.is_dir() and folder.stat().st_mode & _OTHERS:
        yield _("{path}: holds secrets and others can read it; run `chmod 700 {path}`").format(
            path=folder
        )


def _private(settings: Settings) -> Iterator[Path]:
    """The files that nobody else may read; outreach.toml only if a secret is written in it."""
    yield settings.keys
    yield settings.workspace / ".env"
    yield from sorted((settings.workspace / "secrets").glob("*"))
    written = settings.workspace / FILE
    if written.is_file() and _holds_secret(written, settings):
        yield written


def _holds_secret(path: Path, settings: Settings) -> bool:
    """Asks the settings which of the keys in it are secrets, so that a new one need not be listed."""
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False  # complained of where it is read
    if urlsplit(str(body.get("database_url", ""))).password:
        return True
    names = {key.rpartition(".")[2] for key, _secret in _secrets(settings)}
    return _is_named(body, names)


def _is_named(body: Any, names: set[str]) -> bool:
    if isinstance(body, Mapping):
        return any((key in names and each) or _is_named(each, names) for key, each in body.items())
    return isinstance(body, list) and any(_is_named(each, names) for each in body)


def _defaults(settings: Settings) -> Iterator[str]:
    for key, secret in _secrets(settings):
        if _is_default(secret.get_secret_value()):
            yield _("{key}: a word from a manual, not a secret; set the real one").format(key=key)


def _is_default(secret: str) -> bool:
    plain = secret.strip().casefold()
    if not plain:
        return False
    left = len(plain)
    for word in _PLACEHOLDERS:
        left -= plain.count(word) * len(word)
    has_word = left < len(plain)
    return plain in _FAMOUS or len(set(plain)) == 1 or (has_word and left <= _SLACK)


def _halves(settings: Settings) -> Iterator[str]:
    """Half a sign-in would let every message end in the outbox, unseen."""
    twilio, smtp, x = settings.twilio, settings.smtp, settings.x
    named = {"twilio": twilio} | {
        f"twilio.accounts.{name}": account for name, account in twilio.accounts.items()
    }
    pairs = [(f"{name}.auth_token", one.account_sid, one.auth_token) for name, one in named.items()]
    pairs.append(("smtp.password", smtp.username, smtp.password))
    tokens = {name: getattr(x, name) for name in type(x).model_fields if name != "base_url"}
    given = any(token.get_secret_value() for token in tokens.values())
    pairs += [(f"x.{name}", "given" * given, token) for name, token in tokens.items()]
    for key, account, secret in pairs:
        if account and not secret.get_secret_value():
            yield _("{key}: empty, and messages would stay in the outbox; set it").format(key=key)


def _secrets(part: Any, at: str = "") -> Iterator[tuple[str, SecretStr]]:
    """(key, secret) of every secret of the settings, empty ones too."""
    match part:
        case SecretStr():
            yield at, part
        case BaseModel():
            for name in type(part).model_fields:
                yield from _secrets(getattr(part, name), f"{at}.{name}".lstrip("."))
        case dict():
            for name, each in part.items():
                yield from _secrets(each, f"{at}.{name}")
        case tuple():
            for number, each in enumerate(part):
                yield from _secrets(each, f"{at}.{number}")
        case _:
            pass
