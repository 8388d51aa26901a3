"""Rows of the company's own database by one query, as if they stood in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.cells import Row, Typed, refuse_missing
from outreach.record.source_form import SourceForm
from outreach.settings import environment
from outreach.store.foreign import Answer, Question

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


class SqlSource:
    """An answered query. Iterating gives a Row, or a RowRefused that says why; `name` has no secret.

    Refused: `undecodable`, `nul_byte`, `nested_value`. Raises InputRefused when the database does not
    answer, refuses the query, or goes away in the middle; then what was read does not count.
    """

    def __init__(
        self,
        folder: Path,
        form: SourceForm,
        wanted: Iterable[str] = (),
        *,
        since: str | None = None,
    ) -> None:
        url = expanded(form.url, f"{form.entity}.url", environment(folder))
        question = Question(
            url=url,
            folder=folder,
            entity=form.entity,
            query=form.query,
            since=form.beginning if since is None else since,
            batch=form.batch,
            timeout_s=form.statement_timeout_s,
        )
        self.records = 0
        self._answer = Answer(question)
        self.name = self._answer.name
        self.columns = self._answer.columns
        try:
            refuse_missing(f"{self.name}: query", self.columns, wanted)
        except InputRefused:
            self.close()
            raise
        self._typed = Typed(name=self.name, columns=tuple(self.columns), booleans=form.booleans)

    def __iter__(self) -> Iterator[Row | RowRefused]:
        for values in self._answer:
            self.records += 1
            yield self._typed.row(self.records, self.records, values)

    def close(self) -> None:
        self._answer.close()


def expanded(url: str, key: str, environment: Mapping[str, str | None]) -> str:
    """The URL with its secrets: `env:NAME` is one whole, `${NAME}` a part, escaped as URLs want it."""
    if url.startswith("env:"):
        return _named(url.removeprefix("env:"), key, environment)
    if whole := _PLACEHOLDER.fullmatch(url):
        return _named(whole[1], key, environment)
    return _PLACEHOLDER.sub(lambda found: quote(_named(found[1], key, environment), safe=""), url)


def _named(name: str, key: str, environment: Mapping[str, str | None]) -> str:
    if value := environment.get(name):
        return value
    raise InputRefused(f"{key}: the environment has no {name}; set it to reach the database")
