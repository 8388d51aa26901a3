"""Where: nodes, localities and premises as people type them, with near matches for what nobody knows."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from outreach.entry.cli.command import Context, option
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import InputRefused
from outreach.model.occasion import Scope
from outreach.store import network, record
from outreach.store.session import Session

_MOST_SHOWN = 5
_FIRST_LINES = 3


def where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options --node, --locality and --premises."""
    for given in reversed(_OPTIONS):
        function = given(function)
    return function


_OPTIONS = (
    option(
        "--node",
        "nodes",
        multiple=True,
        help=N_("Device of the network: feeder, section, transformer; can be repeated."),
    ),
    option("--locality", "localities", multiple=True, help=N_("Locality; can be repeated.")),
    option(
        "--premises",
        type=click.Path(dir_okay=False, path_type=Path),
        help=N_("File with the number of a premise on each line."),
    ),
)


def scope(
    context: Context,
    *,
    nodes: Iterable[str],
    localities: Iterable[str] = (),
    premises: Path | None = None,
) -> Scope:
    """The scope of these, under the record's own refs; InputRefused names what is unknown and what is near."""
    with context.database.read() as session:
        return Scope(
            nodes=known_nodes(session, nodes),
            localities=_known_localities(session, localities),
            premises=_premises(session, premises) if premises else (),
        )


def first_place(scope: Scope) -> str:
    """How an occasion is called that nobody named."""
    places = (*scope.nodes, *scope.localities)
    number = len(scope.premises)
    unnamed = ngettext("{count} premise", "{count} premises", number).format(count=number)
    return places[0] if places else unnamed


def known_nodes(session: Session, typed: Iterable[str]) -> tuple[str, ...]:
    """The refs of nodes named by ref or by name."""
    return tuple(dict.fromkeys(_node(session, name) for name in typed))


def _node(session: Session, typed: str) -> str:
    node = network.find_node(session, typed)
    if node is None:
        near = network.near_matches(session, typed, limit=_MOST_SHOWN)
        raise InputRefused(_unknown(_("{name!r}: no such node"), typed, near))
    return node.ref


def _known_localities(session: Session, typed: Iterable[str]) -> tuple[str, ...]:
    """In the record's own spelling: `nunoa` is Ñuñoa."""
    wanted = list(typed)
    if not wanted:
        return ()
    known = {plain(name): name for name in record.localities(session)}
    return tuple(dict.fromkeys(_locality(known, name) for name in wanted))


def _locality(known: dict[str, str], typed: str) -> str:
    if plain(typed) in known:
        return known[plain(typed)]
    near = get_close_matches(plain(typed), known, n=_MOST_SHOWN, cutoff=0.5)
    raise InputRefused(
        _unknown(_("{name!r}: no such locality"), typed, [known[one] for one in near])
    )


def _unknown(said: str, typed: str, near: list[str]) -> str:
    told = said.format(name=typed)
    return _("{told}; near: {near}").format(told=told, near=", ".join(near)) if near else told


def _premises(session: Session, path: Path) -> tuple[str, ...]:
    lines = _lines(path)
    known = record.known_premises(session, list(dict.fromkeys(lines.values())))
    strange = [number for number, ref in lines.items() if ref not in known]
    if strange:
        raise InputRefused(
            _("{path}: line {lines}: no such premise; mend the file ({count} in all)").format(
                path=path, lines=", ".join(map(str, strange[:_FIRST_LINES])), count=len(strange)
            )
        )
    if not lines:
        raise InputRefused(_("{path}: empty; write a premise on each line").format(path=path))
    return tuple(dict.fromkeys(lines.values()))


def _lines(path: Path) -> dict[int, str]:
    """Line number -> ref; blank lines and remarks after # are passed over."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused(
            _("{path}: not UTF-8; save it again as UTF-8").format(path=path)
        ) from None
    stripped = (
        (number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1)
    )
    return {number: ref for number, ref in stripped if ref}


def plain(name: str) -> str:
    """Lower case without accents, for comparing what was typed."""
    letters = unicodedata.normalize("NFKD", name.strip())
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
