"""Where: the places of the record as people type them, with near matches for what nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from outreach.audience import areas, spelling
from outreach.entry.cli.command import Context, option
from outreach.entry.languages import N_, _, ngettext
from outreach.model.area import Area
from outreach.model.errors import InputRefused
from outreach.model.occasion import Scope
from outreach.model.spelling import plain
from outreach.store import areas as stored, network, record, scopes
from outreach.store.session import Session

__all__ = ["Typed", "in_words", "known_nodes", "named_by", "plain", "scope", "where"]

_FIRST_LINES = 3
_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A place as the options said it, not yet looked up."""

    nodes: tuple[str, ...] = ()
    localities: tuple[str, ...] = ()
    postal_codes: tuple[str, ...] = ()
    areas: tuple[Path, ...] = ()
    circles: tuple[str, ...] = ()
    premises: Path | None = None
    except_nodes: tuple[str, ...] = ()
    except_localities: tuple[str, ...] = ()
    except_postal_codes: tuple[str, ...] = ()
    except_areas: tuple[Path, ...] = ()
    except_premises: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is named; what is taken away names nothing."""
        return not (
            self.nodes
            or self.localities
            or self.postal_codes
            or self.areas
            or self.circles
            or self.premises
        )


_OPTIONS = (
    option(
        "--node",
        "nodes",
        multiple=True,
        help=N_("Device of the network: feeder, section, transformer; can be repeated."),
    ),
    option("--locality", "localities", multiple=True, help=N_("Locality; can be repeated.")),
    option(
        "--postal-code", "postal_codes", multiple=True, help=N_("Postal code; can be repeated.")
    ),
    option("--area", "areas", multiple=True, type=_FILE, help=N_("GeoJSON file with a polygon.")),
    option(
        "--circle",
        "circles",
        multiple=True,
        metavar="LAT,LON,RADIUS",
        help=N_("Circle: -33.43,-70.61,500m or 2km around a point."),
    ),
    option("--premises", type=_FILE, help=N_("File with the number of a premise on each line.")),
    option("--except-node", "except_nodes", multiple=True, help=N_("But not under this device.")),
    option(
        "--except-locality",
        "except_localities",
        multiple=True,
        help=N_("But not in this locality."),
    ),
    option(
        "--except-postal-code",
        "except_postal_codes",
        multiple=True,
        help=N_("But not at this postal code."),
    ),
    option(
        "--except-area",
        "except_areas",
        multiple=True,
        type=_FILE,
        help=N_("But not inside the polygon of this GeoJSON file."),
    ),
    option(
        "--except-premises",
        type=_FILE,
        help=N_("But not the premises of this file, a number on each line."),
    ),
)


def where(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where; the function gets them together, as `place`."""

    @wraps(function)
    def bundled(*args: Any, **given: Any) -> Any:
        place = Typed(**{each.name: given.pop(each.name) for each in fields(Typed)})
        return function(*args, place=place, **given)

    made: Callable[..., Any] = bundled
    for each in reversed(_OPTIONS):
        made = each(made)
    return made


def scope(context: Context, place: Typed) -> Scope:
    """The scope of a place, under the record's own refs; InputRefused names what is unknown and what is near.

    Areas are looked up once and kept by their digest, also in a trial: nothing refers to them yet.
    """
    less = _scope(
        context,
        Typed(
            nodes=place.except_nodes,
            localities=place.except_localities,
            postal_codes=place.except_postal_codes,
            areas=place.except_areas,
            premises=place.except_premises,
        ),
    )
    return _scope(context, place, less=None if less.is_empty else less)


def _scope(context: Context, place: Typed, *, less: Scope | None = None) -> Scope:
    with context.database.read() as session:
        named = Scope(
            nodes=known_nodes(session, place.nodes),
            localities=_known_localities(session, place.localities),
            postal_codes=_known_codes(session, place.postal_codes),
            premises=_premises(session, place.premises) if place.premises else (),
        )
    drawn = tuple(dict.fromkeys(_kept(context, area) for area in _drawn(place)))
    return Scope(
        nodes=named.nodes,
        localities=named.localities,
        postal_codes=named.postal_codes,
        premises=named.premises,
        areas=drawn,
        less=less,
    )


def named_by(context: Context, named: Scope) -> str:
    """How an occasion is called that nobody named: by its first place."""
    with context.database.read() as session:
        drawn = stored.names(session, named.areas[:1]).values()
    places = (*named.nodes, *named.localities, *named.postal_codes, *drawn)
    number = len(named.premises)
    unnamed = ngettext("{count} premise", "{count} premises", number).format(count=number)
    return places[0] if places else unnamed


def in_words(session: Session, named: Scope) -> str:
    """`ALM-F12 · Ñuñoa · postal code 7500000 · without Providencia`."""
    parts = list(_said(session, named))
    if named.less is not None:
        less = ", ".join(_said(session, named.less))
        parts.append(_("without {places}").format(places=less))
    return " · ".join(parts)


def _said(session: Session, named: Scope) -> Iterator[str]:
    yield from named.nodes
    yield from named.localities
    for code in named.postal_codes:
        yield _("postal code {code}").format(code=code)
    for name in stored.names(session, named.areas).values():
        yield _("area {name}").format(name=name)
    if named.premises:
        number = len(named.premises)
        said = ngettext("{count} premise by number", "{count} premises by number", number)
        yield said.format(count=number)


def known_nodes(session: Session, typed: Iterable[str]) -> tuple[str, ...]:
    """The refs of nodes named by ref or by name."""
    return tuple(dict.fromkeys(_node(session, name) for name in typed))


def _node(session: Session, typed: str) -> str:
    node = network.find_node(session, typed)
    if node is None:
        near = network.near_matches(session, typed, limit=spelling.MOST_SHOWN)
        known = network.outermost(session, limit=spelling.MOST_SHOWN)
        raise InputRefused(_unknown(_("{name!r}: no such node"), typed, near, known))
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
    near = spelling.near(typed, known.values())
    raise InputRefused(_unknown(_("{name!r}: no such locality"), typed, near, known.values()))


def _known_codes(session: Session, typed: Iterable[str]) -> tuple[str, ...]:
    """In the record's own spelling: `750 0000` is 7500000 where it is written so."""
    return tuple(dict.fromkeys(_code(session, name.strip()) for name in typed))


def _code(session: Session, typed: str) -> str:
    if typed and scopes.has_postal_code(session, typed):
        return typed
    known = scopes.postal_codes(session)
    for one in known:
        if spelling.code(typed) and spelling.code(one) == spelling.code(typed):
            return one
    if not known:
        raise InputRefused(
            _("{name!r}: no premise of the record has a postal code").format(name=typed)
        )
    near = spelling.near(typed, known)
    raise InputRefused(_unknown(_("{name!r}: no such postal code"), typed, near, known))


def _unknown(said: str, typed: str, near: Iterable[str], known: Iterable[str]) -> str:
    """With what is near, else with some that there are."""
    told = said.format(name=typed)
    if shown := ", ".join(near):
        return _("{told}; near: {near}").format(told=told, near=shown)
    some = ", ".join(sorted(known, key=plain)[: spelling.MOST_SHOWN])
    return (
        _("{told}; there are, for example: {some}").format(told=told, some=some) if some else told
    )


def _drawn(place: Typed) -> Iterator[Area]:
    for path in place.areas:
        area = areas.polygon(_text(path), name=path.name)
        yield area
    for typed in place.circles:
        yield areas.circle(typed)


def _kept(context: Context, area: Area) -> str:
    """Its digest; InputRefused where no premise lies inside, for then it is drawn elsewhere."""
    kept = stored.keep(context.database, area, areas.inside(area.shape))
    if not kept.premises:
        raise InputRefused(_nobody(context, area))
    if area.mended:
        said = _("{name}: its outline crosses itself at {place}; mended")
        context.say(said.format(name=area.name, place=area.mended), essential=True)
    with context.database.read() as session:
        unplaced, _every = stored.unplaced(session)
    if unplaced:
        said = ngettext(
            "{name}: {count} premise of the record has no coordinates and is in no area",
            "{name}: {count} premises of the record have no coordinates and are in no area",
            unplaced,
        )
        context.say(said.format(name=area.name, count=context.out.count(unplaced)), essential=True)
    return area.digest


def _nobody(context: Context, area: Area) -> str:
    turned = areas.swapped(area)
    if turned and (many := stored.count(context.database, turned, areas.inside(turned.shape))):
        return _(
            "{name}: no premise lies inside, but {count} would with latitude and longitude exchanged; "
            "GeoJSON has longitude first, --circle latitude first"
        ).format(name=area.name, count=context.out.count(many))
    with context.database.read() as session:
        unplaced, every = stored.unplaced(session)
    if unplaced == every:
        return _("{name}: no premise of the record has coordinates").format(name=area.name)
    return _("{name}: no premise of the record lies inside; look at it on a map").format(
        name=area.name
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused(
            _("{path}: not UTF-8; save it again as UTF-8").format(path=path)
        ) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputRefused(
            _("{path}: cannot be read ({why})").format(path=path, why=error.strerror)
        ) from None


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
    stripped = (
        (number, line.partition("#")[0].strip())
        for number, line in enumerate(_text(path).splitlines(), 1)
    )
    return {number: ref for number, ref in stripped if ref}
