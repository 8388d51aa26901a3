"""Keys in both databases: found while good, ended together, noted when used."""

from __future__ import annotations

from datetime import timedelta

from tests.make import NOW

from outreach.store import api_keys, changes
from outreach.store.api_keys import NewKey


def new(name: str = "crm", digest: bytes = b"d" * 32, **changes) -> NewKey:
    values = {
        "name": name, "digest": digest, "hint": "abcd", "scopes": frozenset({"ivr", "mutes:read"}),
        "per_minute": None, "created_by": "ana", "expires_at": None,
    }  # fmt: skip
    return NewKey(**(values | changes))


def test_a_key_lives_from_its_making_to_its_end(database):
    with database.write() as session:
        one = api_keys.add(session, new(expires_at=NOW + timedelta(days=1)), now=NOW)
        two = api_keys.add(session, new(digest=b"e" * 32, replaces=one.id), now=NOW)
        api_keys.end(session, one.id, at=NOW + timedelta(hours=1), now=NOW)
        api_keys.end(session, one.id, at=NOW + timedelta(hours=5), now=NOW)
        api_keys.used(session, {two.id: NOW + timedelta(minutes=2)})
        api_keys.used(session, {two.id: NOW + timedelta(minutes=1)})

    with database.read() as session:
        soon = api_keys.named(session, "crm", now=NOW)
        later = api_keys.named(session, "crm", now=NOW + timedelta(hours=1))
    assert [each.id for each in soon] == [one.id, two.id]
    assert [(each.id, each.last_used_at) for each in later] == [
        (two.id, NOW + timedelta(minutes=2))
    ]
    assert later[0].scopes == {"ivr", "mutes:read"}


def test_revoking_ends_all_of_a_name_once_and_tells_the_web_processes(database):
    with database.write() as session:
        api_keys.add(session, new(), now=NOW)
        api_keys.add(session, new(digest=b"e" * 32), now=NOW)
        api_keys.add(session, new("other", digest=b"f" * 32), now=NOW)
        before = changes.counters(session)["keys"]
        count = api_keys.revoke(session, "crm", by="ana", now=NOW)
        again = api_keys.revoke(session, "crm", by="ana", now=NOW)
        after = changes.counters(session)["keys"]

    with database.read() as session:
        good = [each.name for each in api_keys.good(session, now=NOW)]
        every = len(api_keys.every(session))
    assert (count, again, after - before, good, every) == (2, 0, 1, ["other"], 3)
