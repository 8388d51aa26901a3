"""`outreach undo`: takes back the last command, and what has not left of it."""

from __future__ import annotations

from outreach.campaigns.undo import undo as take_back
from outreach.entry.cli import told
from outreach.entry.cli.command import Context, command
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id


@command(
    "undo",
    N_("Take back what was just started and not yet sent."),
    example="outreach undo",
    sends=True,
)
def undo(context: Context) -> None:
    with told.engine(context) as engine:
        undone = take_back(engine, actor=operator(), now=context.now)
    occasion = undone.occasion
    shown = shown_id(context.keyring, occasion)
    is_launch = undone.action == "campaign.launch"
    form = (
        _("{name} ({id}): launch taken back")
        if is_launch
        else _("{name} ({id}): as before, {state}")
    )
    counts = _("stopped: {stopped} · left already: {left}").format(
        stopped=context.out.count(undone.stopped), left=context.out.count(undone.left_already)
    )
    lines = [
        form.format(name=occasion.name, id=shown, state=_(told.STATES[occasion.revision.state])),
        counts,
    ]
    if undone.left_already:
        hint = _("who was told wrongly hears it by: outreach outage correct {id} --fact …")
        lines.append(hint.format(id=shown))
    record = {
        "id": shown,
        "name": occasion.name,
        "action": undone.action,
        "state": occasion.revision.state,
        "version": occasion.revision.version,
        "stopped": undone.stopped,
        "left_already": undone.left_already,
    }
    told.answer(context, record, lines)
