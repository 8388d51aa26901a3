"""Where the rows of one entity come from: a file of some form, or a query to the company's database."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, ClassVar, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a mapping file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_encoding(name: str) -> str:
    if name == "auto":
        return name
    try:
        "".encode(name)  # not every codec is one for text
        codecs.getincrementaldecoder(name)
    except (LookupError, UnicodeError):
        raise ValueError(f"unknown encoding `{name}`; for example utf-8, cp1252, latin-1") from None
    return name


def _delimiter(text: str) -> str:
    if text == "auto" or (len(text) == 1 and text not in '"\r\n\0'):
        return text
    raise ValueError(f"`{text}`; one character, such as `;` or a tab, or `auto`")


def _no_password(url: str) -> str:
    """A mapping is passed around and kept in version control: secrets stay in the environment."""
    if url.startswith("env:") or not _PASSWORD.search(unquote(url)):
        return url
    raise ValueError("holds a password; keep it in the environment: `env:CRM_URL` or `${CRM_URL}`")


_PASSWORD = re.compile(
    r"^[^:]+://[^/@]*:(?!\$\{\w+\}@)[^@]*@|(?:password|passwd|pwd|token|secret)=(?!\$\{\w+\})",
    re.IGNORECASE,
)


def _one_select(query: str) -> str:
    bare = re.sub(r"'[^']*'|--[^\n]*|/\*.*?\*/", "", query, flags=re.DOTALL).strip()
    if not query or (re.match(r"(?i)(select|with)\b", bare) and ";" not in bare.rstrip(";\n ")):
        return query
    raise ValueError("must be one SELECT; nothing is ever written to the company's database")


class SourceForm(Part):
    """Where the rows of one entity come from: a file, or a query to the company's own database."""

    entity: ClassVar[str] = "rows"
    """What a row is, for messages."""

    file: str = ""
    format: Literal["auto", "csv", "json", "jsonl", "parquet"] = "auto"
    """`auto`: by the suffix (.json, .jsonl, .ndjson, .parquet), else CSV."""
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    """A codec's name, or `auto`: by byte order mark, else UTF-8 or cp1252, whichever fits."""
    delimiter: Annotated[str, AfterValidator(_delimiter)] = ","
    footer: str = ""
    """A CSV record beginning with this is the file's own count, not data."""
    list_key: str = ""
    """Key of the list of objects in a JSON file; empty: the file is the list."""

    url: Annotated[str, AfterValidator(_no_password)] = Field(default="", repr=False)
    """Any SQLAlchemy URL; a password only by `env:NAME` or `${NAME}`."""
    query: Annotated[str, AfterValidator(_one_select)] = ""
    """One SELECT; `:since` in it is the latest change already read."""
    beginning: str = "1900-01-01"
    """What `:since` is when everything is read; for a column that counts, `0`."""
    batch: int = Field(default=5_000, ge=1, le=100_000)
    """Rows a fetch."""
    statement_timeout_s: float = Field(default=120, gt=0)
    """How long the database may work on one fetch."""
    booleans: tuple[str, str] = ("1", "0")
    """How a typed source's true and false are written in our cells."""
