"""`outreach db backup` and `restore`: a copy of the database at work, and the way back that sends nothing twice."""

from __future__ import annotations

from pathlib import Path

import click

from outreach.campaigns import backups
from outreach.campaigns.backups import Restored
from outreach.entry.cli import identity, times
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused

_STILLED = {
    "in_doubt": N_("may have left; their providers are asked, none is sent again without proof"),
    "unknown": N_("may have left, and nobody can be asked: they stay unknown"),
    "held": N_("wait for a later hour, in paused campaigns"),
    "class_a": N_("of them class A: call these people, `outreach task list`"),
    "unfinished": N_("waves were being laid out: say it to the rest with an update"),
    "due": N_("notices were due meanwhile, and are not sent late"),
    "runs": N_("campaigns are paused: `outreach campaign resume` when you have looked"),
    "disarmed": N_("campaigns are no longer armed: `outreach campaign arm`"),
    "carried": N_("newer opt-outs were taken over from the database that was there"),
    "erased": N_("people who were erased since were erased again"),
}


def add_to(group: Group) -> None:
    """Both commands under `outreach db`."""
    group.add_command(backup)
    group.add_command(restore)


@command(
    "backup",
    N_("Copy the database into FILE while everything goes on; the key is not in it."),
    example="outreach db backup /backups/outreach-2026-07-16.backup",
)
@argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(context: Context, file: Path) -> None:
    settings = context.settings
    if file.resolve() in (
        settings.keys.resolve(),
        Path(settings.workspace, "outreach.toml").resolve(),
    ):
        raise InputRefused(
            _("{file}: part of the installation; name another file").format(file=file)
        )
    taken = backups.take(
        settings.database, context.keyring, file, now=context.now, progress=context.progress
    )
    context.out.record(
        {
            "file": str(file),
            "at": taken.at,
            "schema": taken.revision,
            "bytes": taken.size,
            "sha256": taken.sha256,
            "rows": dict(taken.counts),
        },
        headings={
            "file": N_("backup"),
            "at": N_("as of"),
            "schema": N_("schema"),
            "bytes": N_("bytes"),
            "rows": N_("rows"),
        },
    )
    context.say(
        _("The key is not in it; without {key} nobody can read it: keep that apart.").format(
            key=settings.keys
        ),
        essential=True,
    )


@command(
    "restore",
    N_("Put the backup FILE back; nothing that may have left since is sent again."),
    example="outreach db restore /backups/outreach-2026-07-16.backup --replace",
)
@argument("file", type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--replace",
    is_flag=True,
    help=N_("In the place of a database that holds data; a copy of it is kept."),
)
@option(
    "--typed", default="", help=N_("Name of the database that is replaced, instead of typing it.")
)
def restore(context: Context, file: Path, *, replace: bool, typed: str) -> None:
    manifest = backups.checked(context.settings, context.keyring, file)
    if replace:
        _typed(context, typed, backups.name_of(context.settings))
    context.say(
        _("Putting back what was known at {at}.").format(
            at=times.wall(manifest.at, now=context.now, zone=context.zone)
        ),
        essential=True,
    )
    done = backups.put_back(
        context.settings, context.keyring, file,
        by=identity.account(), replace=replace, now=context.now,
    )  # fmt: skip
    if context.format is not Format.TABLE:
        context.out.record(_facts(done))
        return
    for line in _lines(context, done):
        context.out.text(line)


def _typed(context: Context, typed: str, name: str) -> None:
    """Typed in full, so that the wrong terminal is noticed."""
    if not typed and not context.interactive:
        raise InputRefused(
            _("{name} will be replaced; say so with --typed {name}").format(name=name)
        )
    question = _("Type the name of the database that will be replaced ({name})").format(name=name)
    if (typed or click.prompt(question, default="", show_default=False, err=True)) != name:
        raise InputRefused(_("not {name}; nothing was done").format(name=name))


def _facts(done: Restored) -> dict[str, object]:
    return {
        "backup_at": done.manifest.at,
        "restored_at": done.now,
        "lost_s": int(done.lost.total_seconds()),
        "kept": str(done.kept) if done.kept else None,
        "is_all_known": done.is_all_known,
        **done.stilled.facts(),
    }


def _lines(context: Context, done: Restored) -> list[str]:
    at = times.wall(done.manifest.at, now=context.now, zone=context.zone)
    lines = [
        _("restored as of {at}: what happened in the {span} since is not in it").format(
            at=at, span=spelled(done.lost)
        )
    ]
    facts = done.stilled.facts()
    lines += [
        f"{context.out.count(facts[name]):>9}  {_(what)}"
        for name, what in _STILLED.items()
        if facts[name]
    ]
    if not done.is_all_known:
        lines.append(
            _("what people said since is not known: take in again opt-outs (ask the provider), erasures, revoked keys")
        )  # fmt: skip
    if done.kept:
        lines.append(_("what was there is kept as {file}").format(file=done.kept))
    if done.manifest.kind == backups.SQLITE:
        lines.append(
            _("copy {key} once more: it notes which numbers are given away again").format(
                key=context.settings.keys.name
            )
        )
    lines.append(_("to go on: outreach doctor, then outreach serve"))
    return lines
