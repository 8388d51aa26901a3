"""`outreach planned rules` and `waive`: the rules of a country with their sources, and who lets one be broken."""

from __future__ import annotations

from collections.abc import Iterable

from outreach.entry.cli import judged, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import found
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.pack import Rule
from outreach.model.words import OccasionKind
from outreach.outages import pack_check, packs
from outreach.store import scopes

_CERTAINTIES = {
    "D": N_("seen in a document"),
    "W": N_("seen in press or other secondary text"),
    "R": N_("recalled, not read"),
    "X": N_("sources disagree or are incomplete"),
}


@command(
    "rules",
    N_("List the rules of a country with number, source, date and certainty."),
    example="outreach planned rules\noutreach planned rules --country AR",
)
@option("--country", help=N_("Two letters, by default the company's; ALL lists every pack."))
def rules(context: Context, *, country: str | None) -> None:
    wanted = (country or context.settings.company.country).upper()
    workspace = context.settings.workspace
    known = packs.countries(workspace)
    if wanted not in {*known, "ALL"}:
        raise InputRefused(
            _("{country}: no pack; one of {known}, or write packs/{file}.toml").format(
                country=wanted, known=" ".join(known), file=wanted.lower()
            )
        )
    chosen = known if wanted == "ALL" else (wanted,)
    found_rules = [rule for one in chosen for rule in packs.read_pack(one, workspace).rules]
    context.out.rows((_row(rule) for rule in found_rules), headings=_HEADINGS, empty=_("no rules"))
    if context.format is Format.TABLE:
        for line in _legend(found_rules):
            context.out.text(line)


def _row(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.id,
        "value": rule.value,
        "is": judged.basis(rule),
        "effect": _effect(rule),
        "certainty": rule.certainty.value,
        "source": rule.source,
        "date": rule.as_of.isoformat(),
        "service": rule.service.value if rule.service else None,
        "legal": rule.certainty.may_be_called_legal,
        "note": rule.note,
        "file": rule.file,
    }


def _effect(rule: Rule) -> str:
    if rule.kind not in pack_check.CHECKED:
        return _("shown")
    return _("refuses") if rule.refuses else _("lists")


def _legend(found_rules: Iterable[Rule]) -> list[str]:
    used = sorted({rule.certainty.value for rule in found_rules})
    said = " · ".join(f"{letter} {_(_CERTAINTIES[letter])}" for letter in used)
    return [
        said,
        _("R and X are configured values, not confirmed; packs/<cc>.toml of the workspace wins."),
    ]


@command(
    "waive",
    N_("Let a work break rules of its country: two people and a reason, recorded."),
    example='outreach planned waive TP-2026-014 --because "urgent repair" --approver beto',
)
@argument("which")
@judged.waiving
def waived(context: Context, which: str, *, because: str | None, approver: str | None) -> None:
    work = found(context, which, OccasionKind.PLANNED)
    given = judged.waiver(context, because or "", approver or "")
    with context.database.read() as session:
        where = scopes.remaining(session, work)
        seen = judged.judge(context, session, work, where, pinned=judged.texts(context))
    with told.engine(context) as engine:
        judged.record(engine, work, seen.refused, given, context.now)
    names = [each.rule.id for each in seen.refused]
    line = (
        _("{name}: let pass for this start: {rules}; now launch it").format(
            name=work.name, rules=", ".join(names)
        )
        if names
        else _("{name}: breaks no rule that refuses it").format(name=work.name)
    )
    told.answer(context, {"name": work.name, "waived": names} | seen.facts(), [line])


_HEADINGS = {
    "rule": N_("rule"),
    "value": N_("value"),
    "effect": N_("effect"),
    "certainty": N_("certainty"),
    "source": N_("source"),
    "date": N_("date"),
}
