"""`outreach ivr`: hears what a caller is told now, by the very code that answers the contact center."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace

import click
from pydantic import ValidationError

from outreach.contactcenter import answer as answers, connect_map, twiml, vxml
from outreach.contactcenter.lookup import Lookup
from outreach.entry import wiring
from outreach.entry.cli.command import Context, Group, command, option
from outreach.entry.http.context import WebContext
from outreach.entry.http.ivr import PRESSED
from outreach.entry.http.questions import Question, Recognition
from outreach.entry.languages import N_, _
from outreach.entry.wiring import Clocks, Installation
from outreach.model.contactcenter import AnswerStatus, IvrAnswer, Match
from outreach.model.errors import InputRefused
from outreach.settings import Settings
from outreach.store.ivr import Callers

group = Group("ivr")
SHAPES = ("twiml", "vxml", "data", "connect")


@command(
    "answer",
    N_("Say what the IVR tells this caller now."),
    within=group,
    example="outreach ivr answer --from +56971234567\noutreach ivr answer --locality Providencia --lang en --as vxml",
)
@option("--from", "ani", default="", help=N_("Number of the caller, in any form."))
@option("--account", default="", help=N_("Account that the caller typed."))
@option("--locality", default="", help=N_("Locality that the caller named."))
@option("--lang", default="", help=N_("Language, such as es, pt or en; by default the caller's."))
@option(
    "--as",
    "shape",
    type=click.Choice(SHAPES),
    help=N_("Show the whole document that a platform gets: twiml, vxml, data or connect."),
)
def answered(
    context: Context, *, ani: str, account: str, locality: str, lang: str, shape: str | None
) -> None:
    question = _question(ani=ani, account=account, locality=locality, lang=lang)
    found = answer(_web(context), question)
    if shape is not None:
        whole = document(found, shape, context.settings)
        context.out.text(whole)
        if context.format != "table":
            context.out.record({"as": shape, "document": whole})
        return
    context.out.record(
        {"status": found.status, "text": found.text} | asdict(found), headings=_HEADINGS
    )
    if context.format == "table":
        for line in _remarks(found):
            context.say(line, essential=True)


def document(found: IvrAnswer, shape: str, settings: Settings) -> str:
    """The answer as a platform gets it; InputRefused for TwiML without a flow to go on to."""
    match shape:
        case "twiml":
            flow = settings.contactcenter.default_flow_url
            if not flow:
                raise InputRefused(_("set contactcenter.default_flow_url in outreach.toml"))
            pressed = f"{settings.http.public_url.rstrip('/')}{PRESSED}"
            return twiml.document(found, default_flow_url=flow, pressed_url=pressed)
        case "vxml":
            return vxml.document(found)
        case "data":
            return vxml.data(found)
        case _:
            return json.dumps(connect_map.flat(found), ensure_ascii=False, indent=2)


_HEADINGS = {
    "status": N_("status"),
    "match": N_("recognised by"),
    "safety": N_("says first"),
    "text": N_("says"),
    "menu": N_("offers"),
    "seconds": N_("seconds"),
    "as_of": N_("as of"),
    "expires_at": N_("expires"),
    "priority": N_("priority"),
    "outage_id": N_("occasion"),
}


def answer(web: WebContext, question: Question) -> IvrAnswer:
    """As the web side answers it, but from the database as it is at this moment."""
    lookup = Lookup(web.load_live(), large_from=web.rules.large_from)
    recognition = Recognition(
        Callers(web.database),
        keyring=web.keyring,
        normalise=web.normalise,
        locale=web.settings.company.locale,
        zone_keys=web.settings.contactcenter.zone_keys,
    )
    try:
        caller = asyncio.run(recognition.caller(question, lookup, is_away=False))
    finally:
        recognition.close()
    now = web.now()
    return answers.answer(
        caller,
        lookup.candidates(caller),
        web.speak,
        now=now,
        rules=web.rules,
        offers=replace(answers.offered(web.held(now)), report=web.pressed is not None),
    )


def _web(context: Context) -> WebContext:
    return wiring.web_context(
        Installation(
            settings=context.settings,
            database=context.database,
            keyring=context.keyring,
            clocks=Clocks(now=lambda: context.now),
        )
    )


def _question(**given: str) -> Question:
    if not (given["ani"] or given["account"] or given["locality"]):
        raise InputRefused(_("say who calls: --from, --account or --locality"))
    try:
        return Question.model_validate(given)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        option_name = {"ani": "--from"}.get(key, f"--{key}")
        raise InputRefused(_("{option}: not understood").format(option=option_name)) from None


def _remarks(found: IvrAnswer) -> list[str]:
    """What silence means, for who wonders at it."""
    remarks = []
    if found.match is Match.NONE:
        remarks.append(_("nobody is recognised by that; only large outages would be told"))
    if found.status is AnswerStatus.STALE:
        remarks.append(
            _("the promised news is overdue: the IVR says nothing until somebody updates it")
        )
    if found.status is AnswerStatus.NONE:
        remarks.append(_("nothing to tell: the call goes on in the contact center's own flow"))
    return remarks
