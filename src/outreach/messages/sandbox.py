"""The small language of templates: fields, conditions and nothing that could loop, call or grow.

Templates belong to communications staff and are pinned at launch; still none may hang a sender or
look into the process. So a template may only print fields, test them, and extend the layout: its
time and size are bounded by its own length. Jinja's sandbox stands behind that as a second wall.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, TemplateError, nodes
from jinja2.exceptions import TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach.messages.fields import FIELDS, PERSONAL
from outreach.messages.texts import LAYOUT
from outreach.model.errors import InputRefused

MAX_CHARACTERS = 200_000
"""Of one rendered file; far above what any text needs."""
MAX_SOURCE = 100_000
"""Characters of one template: time and memory of reading it are bounded by this."""

_FILTERS = ("upper", "lower", "capitalize", "trim")
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Const,
    nodes.Filter,
    nodes.Extends,
    nodes.Block,
)


class Absent(StrictUndefined):
    """A field that this notice has no value for: false when tested, refused when printed."""

    def __bool__(self) -> bool:  # type: ignore[override]  # strict says it is never tested; ours is
        return False


class Frames(BaseLoader):
    """Finds only the layout, for {% extends %}."""

    def __init__(self, frames: dict[str, str]) -> None:
        self._frames = frames

    def get_source(self, environment: Any, template: str) -> tuple[str, str, None]:
        if template not in self._frames:
            raise TemplateSyntaxError(f"no layout {template!r}", 1)
        return self._frames[template], template, None


class Mistake(InputRefused):
    """A template is wrong at a line."""

    def __init__(self, line: int, rule: str, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line, self.rule, self.message = line, rule, message


@lru_cache(maxsize=64)
def environment(
    frames: tuple[tuple[str, str], ...], *, html: bool
) -> ImmutableSandboxedEnvironment:
    """An environment for text or for HTML over these (name, layout); HTML escapes every field.

    Kept, with what it compiled: the launches of a storm pin the same texts again and again.
    """
    made = ImmutableSandboxedEnvironment(
        loader=Frames(dict(frames)),
        undefined=Absent,
        autoescape=html,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=len(frames),
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in _FILTERS}
    made.tests.clear()
    for name, frame in frames:
        _check_frame(made, name, frame)
    return made


@lru_cache(maxsize=4096)
def compiled(jinja: ImmutableSandboxedEnvironment, source: str) -> Template:
    """A checked template; Mistake names line and rule, and the near match of an unknown field."""
    if len(source) > MAX_SOURCE:
        raise Mistake(1, "too-large", f"holds more than {MAX_SOURCE:,} characters")
    try:
        tree = jinja.parse(source)
        _check(tree)
        return jinja.from_string(tree)
    except TemplateSyntaxError as error:
        raise Mistake(error.lineno, "syntax", str(error.message)) from None
    except (RecursionError, MemoryError, SyntaxError):  # Python gives up a hundred levels deep
        raise Mistake(1, "too-deep", "too deeply nested; write it flatter") from None


def rendered(template: Template, values: dict[str, Any]) -> str:
    """The text; Mistake when a field has no value in this notice, or the text is too large."""
    try:
        text = template.render(values)
    except UndefinedError as error:
        raise Mistake(
            _line_of(error), "absent-field", f"{error.message}: this notice has none"
        ) from None
    except TemplateError as error:
        raise Mistake(1, "syntax", str(error)) from None
    if len(text) > MAX_CHARACTERS:
        raise Mistake(1, "too-large", f"renders more than {MAX_CHARACTERS} characters")
    return text


def _line_of(error: UndefinedError) -> int:
    """The template's line: Jinja writes it into the traceback."""
    line, trace = 1, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _check_frame(jinja: ImmutableSandboxedEnvironment, name: str, frame: str) -> None:
    """A layout that extended itself would never end."""
    if len(frame) > MAX_SOURCE:
        raise InputRefused(f"templates/{name}: holds more than {MAX_SOURCE:,} characters")
    try:
        tree = jinja.parse(frame)
        _check(tree)
    except TemplateSyntaxError as error:
        raise InputRefused(f"templates/{name} line {error.lineno}: {error.message}") from None
    except Mistake as mistake:
        raise InputRefused(f"templates/{name} {mistake}") from None
    except RecursionError:
        raise InputRefused(f"templates/{name}: too deeply nested; write it flatter") from None
    if extends := tree.find(nodes.Extends):
        raise InputRefused(f"templates/{name} line {extends.lineno}: a layout extends nothing")


def _check(tree: nodes.Template) -> None:
    _check_personal(tree)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            word = type(node).__name__.lower()
            raise Mistake(
                node.lineno, "not-allowed", f"{word} is not for templates: fields and if only"
            )
        _check_name(node)
        _check_filter(node)


def _check_personal(tree: nodes.Template) -> None:
    """Personal fields are filled in later: they can be printed as they are, not tested nor changed."""
    printed = {
        id(node.node)
        for output in tree.find_all(nodes.Output)
        for node in output.nodes
        if isinstance(node, nodes.Getattr)
    }
    for name in tree.find_all(nodes.Name):
        if name.name == "personal" and id(name) not in printed:
            raise Mistake(name.lineno, "not-allowed", "personal fields can only be printed, plain")


def _check_name(node: nodes.Node) -> None:
    match node:
        case nodes.Name(name=name) if name not in FIELDS and name != "personal":
            raise Mistake(node.lineno, "unknown-field", _unknown(name, FIELDS))
        case nodes.Getattr(node=nodes.Name(name="personal"), attr=attr):
            if attr not in PERSONAL:
                raise Mistake(node.lineno, "unknown-field", _unknown(f"personal.{attr}", PERSONAL))
        case nodes.Getattr():
            raise Mistake(node.lineno, "not-allowed", f".{node.attr} is not for templates")
        case _:
            pass


def _check_filter(node: nodes.Node) -> None:
    match node:
        case nodes.Filter(name=name) if name not in _FILTERS:
            raise Mistake(node.lineno, "not-allowed", f"|{name}: use one of {', '.join(_FILTERS)}")
        case nodes.Extends(template=nodes.Const(value=str() as frame)) if frame.startswith(LAYOUT):
            pass
        case nodes.Extends():
            raise Mistake(node.lineno, "not-allowed", f"extends only '{LAYOUT}/…'")
        case _:
            pass


def _unknown(name: str, known: dict[str, str]) -> str:
    short = name.removeprefix("personal.")
    near = difflib.get_close_matches(short, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
    return f"unknown field {name}{hint}"
