"""Asks at the IVR as its platform does: a number comes in, what is said comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from outreach.contactcenter import answer as answers
from outreach.contactcenter.lookup import Lookup
from outreach.entry import wiring
from outreach.entry.http.questions import Question, Recognition
from outreach.entry.wiring import Installation
from outreach.model.contactcenter import IvrAnswer
from outreach.store.ivr import Callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One caller and the answer; the number is known to nobody but the question."""

    who: str
    at: datetime
    answer: IvrAnswer


async def ask(of: Installation, numbers: Mapping[str, str], *, now: datetime) -> tuple[Asked, ...]:
    """The answers to callers from these numbers (who -> number), by the code behind `/v1/ivr/answer`."""
    context = wiring.web_context(of)
    lookup = Lookup(context.load_live(), large_from=context.rules.large_from)
    recognition = Recognition(
        Callers(of.database),
        keyring=of.keyring,
        normalise=context.normalise,
        locale=of.settings.company.locale,
        zone_keys=of.settings.contactcenter.zone_keys,
    )
    try:
        return tuple(
            [
                Asked(
                    who=who,
                    at=now,
                    answer=answers.answer(
                        caller := await recognition.caller(
                            Question(ani=number), lookup, is_away=False
                        ),
                        lookup.candidates(caller),
                        context.speak,
                        now=now,
                        rules=context.rules,
                        offers=answers.offered(context.held(now)),
                    ),
                )
                for who, number in numbers.items()
            ]
        )
    finally:
        recognition.close()
