"""The mapping file of a feed: what may stand in it, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from outreach.model.errors import InputRefused
from outreach.model.intake import MessageKind
from outreach.outages.intake_mapping import FeedMapping, read_feed_mapping

GOOD = """
[fields]
outage = "id"
kind = "type"
event_key = "msg"
received = "rx"
[kinds]
created = ["NEW", "OPENED"]
"""


def mapped(folder: Path, text: str) -> FeedMapping:
    path = folder / "oms.toml"
    path.write_text(text, encoding="utf-8")
    return read_feed_mapping(path)


def test_a_mapping_names_fields_words_and_what_is_identity(tmp_path: Path):
    mapping = mapped(tmp_path, GOOD)

    assert mapping.fields["outage"] == "id"
    assert mapping.kinds == {"NEW": MessageKind.CREATED, "OPENED": MessageKind.CREATED}
    assert mapping.identity == ("msg", "rx")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "fields.outage: missing"),
        ("fields = 3", "fields: must be a table"),
        (GOOD + "[kind]\na = 1", "kind: unknown key; near: kinds"),
        (GOOD + "[file]\nzona = 'x'", "file.zona: unknown key; near: zone"),
        (GOOD + "[file]\nzone = 'Chile'", "file.zone: 'Chile' is no IANA zone"),
        (GOOD + "[file]\nwhole_list = 'yes'", "file.whole_list: must be true or false"),
        (GOOD + "[file]\ndelimiter = ';;'", "file.delimiter: must be one character"),
        (GOOD + "[causes]\nV = 3", "causes.V: must be text"),
        (GOOD + "opened = ['X']", "kinds.opened: unknown key; near: "),
        (GOOD + "etr = 'X'", "kinds.etr: must be a list of words"),
        ('[fields]\noutage = "id"', "fields.kind: events need it"),
        ('[fields]\noutage = "id"\nkind = "k"', "kinds: missing"),
        ("[fields", "Expected"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, text: str, said: str):
    with pytest.raises(InputRefused) as refused:
        mapped(tmp_path, text)

    assert said in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "oms.toml"))


def test_a_mapping_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(InputRefused, match="cannot be read"):
        read_feed_mapping(tmp_path / "none.toml")
