"""Whatever loads came before, the record is what its last files say: any history, by hypothesis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from tests.databases import refilled
from tests.record.derived import derived, fresh
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.record.sync import sync_record
from outreach.store.session import Database

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOBILE, OTHER = "+56983737357", "+56983737358"

accounts = st.fixed_dictionaries(
    {"account": st.sampled_from(["1", "2", "3", "04", "5", "10"])},
    optional={
        "id": st.sampled_from(["A", "B"]),
        "phone": st.sampled_from([MOBILE, OTHER, "221234567"]),
        "email": st.sampled_from(["a@x.example", "b@x.example"]),
        "sms": st.sampled_from(["S", "N", ""]),
        "state": st.sampled_from(["gone", "dead"]),
        "life": st.just("S"),
        "since": st.sampled_from(["2025-06-13", "2026-06-14", "2026-02-01"]),
        "updated": st.sampled_from(["2026-01-01", "2026-01-02"]),
        "language": st.sampled_from(["pt", "??"]),
        "name": st.sampled_from(["Ana", "Eva"]),
    },
)
places = st.fixed_dictionaries(
    {
        "premise": st.sampled_from(["P1", "P2", "P3", "P4"]),
        "holder": st.sampled_from(["1", "2", "3", "04", ""]),
    },
    optional={
        "occupant": st.sampled_from(["5", "10", "1"]),
        "transformer": st.sampled_from(["T1", "T2", "T9", "T77"]),
        "locality": st.sampled_from(["Talca", "TALCA", "Ñuñoa", "nunoa"]),
        "updated": st.sampled_from(["2026-01-01", "2026-01-02"]),
    },
)
companies = st.tuples(st.lists(accounts, max_size=7), st.lists(places, max_size=6))


@pytest.fixture
def two(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Database, Database]]:
    """Two files for all histories, filled anew for each: what was compiled for one serves the next."""
    kept, new = (fresh(tmp_path, sqlite_template, name) for name in ("kept", "new"))
    yield kept, new
    kept.close()
    new.close()


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(companies, min_size=2, max_size=4), ignore=st.booleans())
def test_any_history_of_loads_gives_the_record_of_its_last_files(
    tmp_path: Path,
    sqlite_template: Path,
    two: tuple[Database, Database],
    keyring: Keyring,
    history: list[tuple[list[dict[str, str]], list[dict[str, str]]]],
    *,
    ignore: bool,
) -> None:
    rule = f'shared_by_more_than = 1\nshared = "{"ignore" if ignore else "one_message"}"\n[consent]'
    toml = TOML.replace("[consent]", rule)
    last = NOW + (len(history) - 1) * DAY

    kept, new = two
    for each in two:
        refilled(each, sqlite_template)

    for number, files in enumerate(history):
        _load(kept, keyring, tmp_path, files, toml=toml, now=NOW + number * DAY)
    _load(new, keyring, tmp_path, history[-1], toml=toml, now=last)
    said, expected = derived(kept), derived(new)

    for name in expected:
        assert said[name] == expected[name], name


def _load(
    database: Database,
    keyring: Keyring,
    folder: Path,
    files: tuple[list[dict[str, str]], list[dict[str, str]]],
    *,
    toml: str,
    now: datetime,
) -> None:
    """The last account is always there: a file without any is refused."""
    customers = [make_customer(**row) for row in files[0]] + [make_customer("77")]
    premises = [make_premise(**row) for row in files[1]] + [make_premise("P77", "77")]
    mapping = make_company(folder, customers, premises, toml=toml)
    sync_record(database, keyring, mapping, now=now, yes=True)
