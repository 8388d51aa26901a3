"""What operations.md lists is all there is: settings, states, fields, and files that the documents name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from tests.docs.commands import DOCUMENTS, ROOT

from outreach.messages.fields import FIELDS, PERSONAL
from outreach.model.words import LeftOut, MessageState
from outreach.settings import Lane, Settings

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting by its key in outreach.toml."""
    for name, field in model.model_fields.items():
        part = field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield from names(part, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


SETTINGS = [name for name in names(Settings) if name not in {"workspace", "lanes"}]


@pytest.mark.parametrize("name", [*SETTINGS, *(f"lanes.{name}" for name in Lane.model_fields)])
def test_every_setting_stands_in_the_operations_manual(name):
    assert f"`{name}`" in OPERATIONS


@pytest.mark.parametrize("state", [*MessageState, *LeftOut])
def test_every_state_of_a_message_is_explained(state):
    assert f"| `{state}` |" in OPERATIONS


@pytest.mark.parametrize("field", [*FIELDS, *(f"personal.{name}" for name in PERSONAL)])
def test_every_field_of_the_texts_is_explained(field):
    assert f"| `{field}` |" in OPERATIONS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_to_a_file_of_ours_leads_somewhere(path):
    links = _LINK.findall(path.read_text(encoding="utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []
