"""After a restore SQLite gives numbers away again: what named their first holder must not name the next."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

import pytest
from tests import make
from tests.campaigns.test_backups import LATER

from outreach.addresses import Keyring, read_keyring, write_keyring
from outreach.campaigns import backups, page_links
from outreach.campaigns.page_links import Page
from outreach.model.errors import InputRefused
from outreach.settings import Settings
from outreach.store.session import Database


def test_what_named_a_number_before_does_not_name_its_next_holder(
    sqlite_template: Path, tmp_path: Path
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "outreach.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{home / 'outreach.db'}"
    write_keyring(make.KEYRING, home / "outreach.key")
    settings = Settings(workspace=home, database_url=url)
    keyring = read_keyring(settings.keys)

    def told() -> tuple[int, int]:
        with closing(Database(url)) as database, database.write() as session:
            return make.make_message(session), make.make_customer(session, ref=f"K-{next(numbers)}")

    numbers = itertools.count(1)
    kept = told()
    backups.take(url, keyring, tmp_path / "night.backup", now=make.NOW)
    lost = told()
    old = [named(keyring, kept), named(keyring, lost)]

    backups.put_back(
        settings, keyring, tmp_path / "night.backup", by="ana", replace=True, now=LATER
    )
    after = read_keyring(settings.keys)

    assert told() == lost, "the numbers are given away again"
    assert [read(after, each) for each in old] == [kept_as(kept), (None, None, None)]
    assert read(after, named(after, lost)) == kept_as(lost)
    assert settings.keys.stat().st_mode & 0o077 == 0


def named(keyring: Keyring, numbers: tuple[int, int]) -> tuple[str, str, str]:
    """The token of a call, of an unsubscribe link, and of a person's own page."""
    message, customer = numbers
    return (
        keyring.token(message, 1),
        page_links.token(keyring, Page.UNSUBSCRIBE, message, now=LATER),
        page_links.token(keyring, Page.PREFERENCES, customer, now=LATER),
    )


def read(keyring: Keyring, shown: tuple[str, str, str]) -> tuple[object, ...]:
    call, unsubscribe, page = shown
    pages = [(Page.UNSUBSCRIBE, unsubscribe), (Page.PREFERENCES, page)]
    found = [page_links.read(keyring, kind, each, now=LATER) for kind, each in pages]
    return (keyring.read_token(call), *(one and one.number for one in found))


def kept_as(numbers: tuple[int, int]) -> tuple[object, ...]:
    return ((numbers[0], 1), *numbers)


@pytest.mark.parametrize(
    "token", ["", "1", "1.1", "x.1.mac", "1.1.1.mac", "٣.1.mac", f"{'9' * 40}.1.mac"]
)
def test_what_is_no_token_names_nothing(token: str):
    assert make.KEYRING.read_token(token) is None


def test_a_key_file_with_nonsense_about_restores_is_refused(tmp_path: Path):
    path = tmp_path / "outreach.key"
    write_keyring(make.KEYRING, path)
    path.write_text(path.read_text().replace('"ids"', '"restored": [[1]], "ids"'))

    with pytest.raises(InputRefused, match="not a key file"):
        read_keyring(path)
