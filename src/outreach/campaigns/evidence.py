"""The evidence of one work or outage: who was told what when, by which channel, signed, to hand over and to verify."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from outreach.addresses import Keyring
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion, Revision, Scope
from outreach.model.pack import Rule
from outreach.store import evidence, occasions
from outreach.store.evidence import Row
from outreach.store.session import Database, Session

FORMAT = "outreach evidence 1"
MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_PERSONAL = re.compile(r"\+?\d[\d .()-]{6,}\d|[^\s@]+@[^\s@]+")
"""What looks like a number or an address in a provider's own words."""
_FREE = frozenset({"reason", "code"})
_IDS = {"customer_id": "cus", "message_id": "msg", "step_run_id": "wav", "run_id": "run"}
_DROPPED = frozenset({"contact_point_id", "occasion_id"})

Guard = Callable[[str], str]
"""Makes a cell harmless for a spreadsheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the evidence is of."""

    occasion: Occasion
    public_id: str
    about: Mapping[str, Any]
    """Of the manifest: company, program."""
    rules: tuple[Rule, ...] = ()
    """Of the country, as they are configured now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What was written."""

    folder: Path
    files: Mapping[str, Mapping[str, Any]]
    """Name -> sha256, bytes, and rows of a CSV."""
    signature: str


@dataclass(slots=True, kw_only=True)
class _Binder:
    """Writes the files of one bundle, one after the other."""

    folder: Path
    keyring: Keyring
    guard: Guard
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def table(self, name: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        path = self.folder / name
        count = 0
        with _private(path) as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(columns)
            for row in rows:
                writer.writerow([self._cell(column, row.get(column)) for column in columns])
                count += 1
        self.files[name] = {**_measured(path), "rows": count}

    def text(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _private(path) as file:
            file.write(text)
        self.files[name] = _measured(path)

    def shown(self, row: Row, own: str = "") -> Row:
        """A row with opaque ids: `id` is that of its own kind, as in msg_7kq2m4xa."""
        prefixes = _IDS | ({"id": own} if own else {})
        return {
            key: self._id(prefixes[key], value) if key in prefixes else value
            for key, value in row.items()
            if key not in _DROPPED
        }

    def _id(self, prefix: str, number: int | None) -> str:
        """Empty for a post on our own account, which is to nobody by name."""
        return self.keyring.public_id(prefix, number) if number else ""

    def _cell(self, column: str, value: Any) -> str:
        shown = _plain(value)
        return self.guard(_PERSONAL.sub("…", shown) if column in _FREE else shown)


def write(
    database: Database,
    subject: Subject,
    folder: Path,
    *,
    keyring: Keyring,
    guard: Guard,
    now: datetime,
) -> Bundle:
    """Writes the bundle into a folder that is not there yet or is empty; the manifest last.

    InputRefused where the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputRefused(f"{folder}: not empty; give a folder of its own for this evidence")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    occasion = subject.occasion
    binder = _Binder(folder=folder, keyring=keyring, guard=guard)
    with database.read() as session:
        _truth(binder, session, occasion, subject.public_id)
        _notices(binder, session, occasion)
        _people(binder, session, occasion)
        _texts(binder, session, occasion)
    binder.table("rules.csv", _RULE, (_rule(each) for each in subject.rules))
    head = {"of": subject.public_id, "name": occasion.name, "made_at": _plain(now)}
    return _signed(binder, {**head, **subject.about})


def _truth(binder: _Binder, session: Session, occasion: Occasion, public_id: str) -> None:
    head = {
        "id": public_id, "kind": occasion.kind, "service": occasion.service, "name": occasion.name,
        "source_ref": occasion.source_ref, "zone": occasion.zone, "opened_at": occasion.opened_at,
        "state": occasion.revision.state, "version": occasion.revision.version,
        "drill": occasion.drill,
    }  # fmt: skip
    binder.table("occasion.csv", tuple(head), [head])
    history = occasions.history(session, occasion.id)
    binder.table("revisions.csv", _REVISION, (_revision(each) for each in history))
    binder.table("promises.csv", _PROMISE, evidence.promises(session, occasion.id))
    approvals = (binder.shown(row, "apr") for row in evidence.approvals(session, occasion.id))
    binder.table("approvals.csv", _APPROVAL, approvals)


def _notices(binder: _Binder, session: Session, occasion: Occasion) -> None:
    runs = evidence.runs(session, occasion.id)
    subjects = [f"occasion:{occasion.id}", *(f"run:{run['id']}" for run in runs)]
    binder.table("audit.csv", _AUDIT, evidence.audit(session, subjects))
    binder.table("runs.csv", _RUN, (binder.shown(run, "run") for run in runs))
    waves = evidence.waves(session, occasion.id)
    binder.table("waves.csv", _WAVE, (binder.shown(wave, "wav") for wave in waves))
    binder.table("notices.csv", _DUE, evidence.dues(session, occasion.id))


def _people(binder: _Binder, session: Session, occasion: Occasion) -> None:
    """Each table in a pass of its own over the waves: nothing is held but one page."""
    waves = evidence.waves(session, occasion.id)
    binder.table("messages.csv", _MESSAGE, _messages(binder, session, waves))
    binder.table("receipts.csv", _RECEIPT, _of_pages(binder, session, waves, evidence.receipts))
    binder.table("attempts.csv", _ATTEMPT, _of_pages(binder, session, waves, evidence.attempts))
    binder.table("left_out.csv", _LEFT_OUT, _left_out(binder, session, waves))


def _messages(binder: _Binder, session: Session, waves: list[Row]) -> Iterator[Row]:
    for wave in waves:
        of_wave = {"step_run_id": wave["id"], "step": wave["step"], "version": wave["version"]}
        for page in evidence.messages(session, wave["id"]):
            for row in page:
                yield binder.shown({**row, **of_wave}, "msg")


def _of_pages(
    binder: _Binder,
    session: Session,
    waves: list[Row],
    read: Callable[[Session, int, int, int], list[Row]],
) -> Iterator[Row]:
    for wave in waves:
        for first, last in evidence.spans(session, wave["id"]):
            yield from (binder.shown(row) for row in read(session, wave["id"], first, last))


def _left_out(binder: _Binder, session: Session, waves: list[Row]) -> Iterator[Row]:
    for wave in waves:
        for page in evidence.left_out(session, wave["id"]):
            yield from (binder.shown({**row, "step_run_id": wave["id"]}) for row in page)


def _texts(binder: _Binder, session: Session, occasion: Occasion) -> None:
    """What was pinned, once each: a message names its run, the run its digest, the wave its template."""
    digests = [run["pinned"] for run in evidence.runs(session, occasion.id)]
    for digest, body in evidence.pinned(session, digests):
        place = PurePosixPath("texts") / digest
        binder.text(str(place / "campaign.toml"), str(body.get("campaign", "")))
        for template, by_locale in body.get("texts", {}).items():
            for locale, files in by_locale.items():
                for name, text in files.items():
                    binder.text(str(place / template / locale / name), text)


def _signed(binder: _Binder, about: Mapping[str, Any]) -> Bundle:
    body = {"format": FORMAT, **about, "files": dict(sorted(binder.files.items()))}
    signature = binder.keyring.sign(_canonical(body))
    with _private(binder.folder / MANIFEST) as file:
        json.dump({**body, "signature": signature}, file, ensure_ascii=False, indent=1)
    return Bundle(folder=binder.folder, files=binder.files, signature=signature)


# ── verify ───────────────────────────────────────────────────────────────────────────────────


def faults(folder: Path, keyring: Keyring) -> list[str]:
    """What is wrong with a bundle, a line each; empty: not a byte changed since we signed it.

    InputRefused where there is no bundle.
    """
    try:
        body = json.loads((folder / MANIFEST).read_bytes())
        signature, named = str(body.pop("signature")), dict(body["files"])
    except OSError:
        raise InputRefused(
            f"{folder / MANIFEST}: cannot be read; give a folder of evidence"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{MANIFEST}: damaged"]
    if keyring.sign(_canonical(body)) != signature:
        return [f"{MANIFEST}: changed, or signed by another installation"]
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and path != folder / MANIFEST
    }
    found = [f"{name}: missing" for name in sorted(named.keys() - there)]
    found += [f"{name}: not of this bundle" for name in sorted(there - named.keys())]
    found += [
        f"{name}: changed"
        for name in sorted(there & named.keys())
        if _measured(folder / name)["sha256"] != named[name]["sha256"]
    ]
    return found


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _measured(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _private(path: Path) -> Any:
    """A new file, readable by its owner only."""
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(made, "w", encoding="utf-8", newline="")


# ── cells ────────────────────────────────────────────────────────────────────────────────────


def _plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case bytes():
            return value.hex()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, sort_keys=True)
        case _:
            return str(value)


def _revision(revision: Revision) -> Row:
    row = {each.name: getattr(revision, each.name) for each in fields(revision)}
    return row | {"scope": _scope(revision.scope), "restored": _scope(revision.restored)}


def _scope(scope: Scope) -> dict[str, Any]:
    """Premises are counted: their refs are those of people's supplies."""
    parts = {name: value for name, value in asdict(scope).items() if value and name != "less"}
    if scope.premises:
        parts["premises"] = len(scope.premises)
    return parts | ({"less": _scope(scope.less)} if scope.less else {})


def _rule(rule: Rule) -> Row:
    row = {name: getattr(rule, name) for name in ("id", "value", "source", "as_of", "note", "file")}
    certainty = rule.certainty
    return row | {
        "certainty": certainty.value,
        "may_be_called_legal": certainty.may_be_called_legal,
    }


_REVISION = tuple(each.name for each in fields(Revision))
_PROMISE = ("version", "etr_at", "made_at", "settled_at", "kept", "missed_by_s")
_APPROVAL = ("id", "campaign", "pinned", "author", "asked_at", "audience", "approver", "approved_at",
             "emergency", "used_at", "void_at", "void_reason")  # fmt: skip
_AUDIT = ("id", "at", "actor", "action", "subject", "detail", "previous", "digest")
_RUN = ("id", "campaign", "state", "reason", "pinned", "purpose", "basis", "seed_hash", "launched_by", "launched_at",
        "approved_by")  # fmt: skip
_WAVE = ("id", "run_id", "campaign", "step", "version", "template", "audience", "classes", "created_at", "frozen_at",
         "frozen", "superseded_at")  # fmt: skip
_DUE = ("at", "what", "step", "too_late_at", "done_at", "outcome", "reason")
_MESSAGE = ("id", "step_run_id", "step", "version", "customer_id", "priority", "channel", "locale", "premises", "state",
            "reason", "lane", "provider", "provider_ref", "try", "segments", "body_hash", "not_before", "not_after",
            "claimed_at", "accepted_at", "delivered_at")  # fmt: skip
_RECEIPT = ("message_id", "provider", "state", "code", "at", "received_at", "applied_at")
_ATTEMPT = ("message_id", "try", "lane", "started_at", "ended_at", "outcome", "code", "settled_at",
            "settled_as")  # fmt: skip
_LEFT_OUT = ("step_run_id", "customer_id", "reason")
_RULE = ("id", "value", "source", "as_of", "certainty", "may_be_called_legal", "note", "file")
