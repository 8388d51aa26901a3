"""What `outreach doctor` says of the texts themselves: whether any left that contradicted the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _, ngettext
from outreach.store import occasions
from outreach.store.contradictions import Rule, contradictions

_LATELY = timedelta(days=7)
RULES = {
    Rule.OLDER_AFTER_NEWER: N_("older after newer"),
    Rule.SUPERSEDED: N_("overtaken"),
    Rule.PAST_ESTIMATE: N_("past estimate"),
    Rule.AFTER_THE_END: N_("after the end"),
    Rule.RESTORED_WHILE_OUT: N_("restored while out"),
}


def one_truth(context: Context) -> Iterator[str]:
    """A sentence for each occasion of the last week with such texts; there should be none, ever."""
    with context.database.read() as session:
        lately = {one.id: one for one in occasions.since(session, context.now - _LATELY)}
        found = contradictions(session, occasions_of=list(lately))
    for number, occasion in lately.items():
        rules = Counter(one.rule for one in found if one.occasion == number)
        if rules:
            count = sum(rules.values())
            yield ngettext(
                "{name}: {count} text contradicted the truth as it left ({rules});"
                " look at it with `outreach message list`, correct it with `outreach campaign correct`",
                "{name}: {count} texts contradicted the truth as they left ({rules});"
                " look at them with `outreach message list`, correct them with `outreach campaign correct`",
                count,
            ).format(
                name=occasion.name,
                count=context.out.count(count),
                rules=", ".join(f"{_(RULES[rule])} {times}" for rule, times in rules.items()),
            )
