"""Each wall of the house stands: a breach of any import contract is caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BREACHES = {
    "Layers: entry > campaigns > stages > store > model": (
        "store/breach_layers.py", "from outreach.campaigns import engine"),
    "No cycles anywhere": ("messages/breach_one.py", "from outreach.messages import breach_two"),
    "model knows only the standard library": ("model/breach_model.py", "import jinja2"),
    "Click and APScheduler live in entry": ("outages/breach_click.py", "import click"),
    "SQLAlchemy lives in store": ("delivery/breach_sql.py", "import sqlalchemy"),
    "Provider SDKs live in channels, the TwiML builder also in contactcenter": (
        "deflection/breach_sdk.py", "import twilio"),
    "phonenumbers and AES live in addresses": ("record/breach_phone.py", "import phonenumbers"),
    "Jinja2 lives in messages, for web pages also in entry": (
        "audience/breach_jinja.py", "import jinja2"),
}  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the house with a hole in every wall, and a new room."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "src", house / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", house)
    package = house / "src" / "outreach"
    for file, line in BREACHES.values():
        (package / file).write_text(f'"""A breach."""\n\n{line}\n')
    (package / "messages" / "breach_two.py").write_text(
        "from outreach.messages import breach_one\n"
    )
    (package / "cellar").mkdir()
    (package / "cellar" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command; lint_imports_command()",
         "--no-logo", "--no-cache"],
        cwd=house, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_of_the_contract_is_caught(said, contract):
    assert f"{contract} BROKEN" in said


def test_a_room_that_nobody_placed_is_refused(said):
    assert "cellar" in said, said
