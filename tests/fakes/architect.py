"""Runs an Architect flow as Archy's YAML writes it: as much of it as our example uses, in a clock of our own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any, Literal

Rows = Mapping[str, Mapping[str, Any]]
Ask = Callable[[dict[str, Any]], "dict[str, Any] | None"]
"""Inputs of the data action -> its outputs; None for its failure and timeout paths."""
_NAME = re.compile(r"\b(Flow|Task|Call)\.(\w+)\b")
_REF = re.compile(r"\[(.+)\]$")


@dataclass(kw_only=True)
class Heard:
    """What one caller went through."""

    said: list[str] = field(default_factory=list)
    queue: str = ""
    asked: bool = False
    looked_up: list[str] = field(default_factory=list)


class Moved(Exception):
    """The call went elsewhere: to a task, or out of the flow."""

    def __init__(self, task: str = "") -> None:
        self.task = task


class Flow:
    """One published flow; `call` is one caller."""

    def __init__(self, path: Path) -> None:
        loaded: Any = import_module("yaml").safe_load(path.read_text(encoding="utf-8"))
        self.flow = loaded["inboundCall"]
        self.tasks = {each["task"]["refId"]: each["task"] for each in self.flow["tasks"]}
        self.menus = {each["menu"]["refId"]: each["menu"] for each in self.flow["menus"]}
        start = {}
        for each in self.flow["variables"]:
            (variable,) = each.values()
            start[variable["name"]] = variable["initialValue"].get("lit")
        self.start = start

    def call(
        self,
        rows: Rows,
        *,
        now: datetime,
        ask: Ask,
        ani: str = "tel:+56922223355",
        zone: str = "",
        key: str = "",
    ) -> Heard:
        """zone: what the caller types when asked; key: what they press in the menu, or nothing."""
        caller = _Caller(self, rows, now, ask, zone, {**self.start, "Call.Ani": ani})
        task = self._menu(caller, key)
        while task:
            try:
                caller.act(self.tasks[task]["actions"])
                break
            except Moved as moved:
                task = moved.task
        return caller.heard

    def _menu(self, caller: _Caller, key: str) -> str:
        menu = self.menus[_ref(self.flow["startUpRef"])]
        caller.heard.said.append(menu["audio"]["tts"])
        by_key, by_ref = {}, {}
        for each in menu["choices"]:
            ((kind, choice),) = each.items()
            by_key[choice["dtmf"].removeprefix("digit_")] = (kind, choice)
            by_ref[choice["refId"]] = (kind, choice)
        kind, choice = by_key.get(key) or by_ref[_ref(menu["defaultChildMenuRef"])]
        if kind == "menuTransferToAcd":
            caller.heard.queue = choice["targetQueue"]["lit"]["name"]
            return ""
        return _ref(choice["targetTaskRef"])

    def actions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every action of every task, however deep."""
        for task in self.tasks.values():
            yield from _every(task["actions"])


@dataclass
class _Caller:
    flow: Flow
    rows: Rows
    now: datetime
    ask: Ask
    zone: str
    v: dict[str, Any]
    heard: Heard = field(default_factory=Heard)

    def act(self, actions: list[dict[str, Any]]) -> None:
        for each in actions:
            ((kind, given),) = each.items()
            getattr(self, f"_{kind}")(given)

    def _collectInput(self, given: dict[str, Any]) -> None:  # noqa: N802  Archy's names
        digits = given["digits"]["range"]
        is_taken = digits["min"] <= len(self.zone) <= digits["max"]
        self.v[given["inputData"]["var"]] = self.zone if is_taken else None

    def _decision(self, given: dict[str, Any]) -> None:
        word = "yes" if self._value(given["condition"]) else "no"
        self.act(given["outputs"].get(word, {}).get("actions", []))

    def _dataTableLookup(self, given: dict[str, Any]) -> None:  # noqa: N802
        key = self._value(given["lookupValue"])
        self.heard.looked_up.append(key)
        ((_name, table),) = given["dataTable"].items()
        row = self.rows.get(key)
        if row is not None:
            for column, into in table["foundOutputs"].items():
                self.v[into["var"]] = row[column]

    def _updateData(self, given: dict[str, Any]) -> None:  # noqa: N802
        for each in given["statements"]:
            (statement,) = each.values()
            self.v[statement["variable"]] = self._value(statement["value"])

    def _callData(self, given: dict[str, Any]) -> None:  # noqa: N802
        ((_category, found),) = given["category"].items()
        ((_action, wired),) = found["dataAction"].items()
        self.heard.asked = True
        answer = self.ask({name: self._value(value) for name, value in wired["inputs"].items()})
        for name, into in wired["successOutputs"].items():
            if answer is not None:
                self.v[into["var"]] = answer[name]

    def _playAudio(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.heard.said.append(self._value(given["audio"]))

    def _transferToAcd(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.heard.queue = given["targetQueue"]["lit"]["name"]
        raise Moved

    def _jumpToTask(self, given: dict[str, Any]) -> None:  # noqa: N802
        raise Moved(_ref(given["targetTaskRef"]))

    def _value(self, given: dict[Literal["lit", "exp"], Any]) -> Any:
        if "lit" in given:
            return given["lit"]
        # our own example's expressions, which are a subset of Python once the names are quoted
        return eval(_compiled(given["exp"]), {**_FUNCTIONS, "v": self.v, "now": self.now})  # noqa: S307


_FUNCTIONS: dict[str, Any] = {
    "__builtins__": {},
    "IsNotSetOrEmpty": lambda value: not value,
    "ToDateTime": lambda text: datetime.fromisoformat(text).astimezone(UTC),
    "ToAudioTTS": str,
    "ToInt": int,
    "Right": lambda text, count: text[-count:],
    "Length": len,
}


@cache
def _compiled(expression: str) -> CodeType:
    named = _NAME.sub(r'v["\1.\2"]', expression).replace("GetCurrentDateTimeUtc()", "now")
    return compile(named, expression, "eval")


def _ref(path: str) -> str:
    found = _REF.search(path)
    assert found
    return found[1]


def _every(actions: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in actions:
        ((kind, given),) = each.items()
        yield kind, given
        for output in given.get("outputs", {}).values():
            yield from _every(output["actions"])
