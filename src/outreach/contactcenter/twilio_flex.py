"""What Twilio Studio and TaskRouter are given: how a caller is routed, by the answer and the directives in force."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from outreach.contactcenter.speakable import speakable, speech_tag
from outreach.model.contactcenter import Directive, DirectiveKind, IvrAnswer

URGENT, NORMAL = 100, 0
"""Priority of a task: TaskRouter serves the higher one first, whenever it came."""
LONGEST_ATTRIBUTES = 4_096
"""Characters of a task's attributes; beyond it the task is refused."""


def widgets(answer: IvrAnswer, directives: Iterable[Directive], *, now: datetime) -> dict[str, str]:
    """Flat strings for Studio's `widgets.ask.parsed`: what is said, and which way the call goes.

    Expired directives and those of other classes count as absent: absent is the default flow.
    """
    routed = attributes(answer, directives, now=now)
    return {
        "say": speakable(answer.text),
        "language": speech_tag(answer.locale),
        "status": answer.status.value,
        "priority": answer.priority,
        "skip_upfront": _word(routed["skip_upfront"]),
        "offer_sms_link": _word(answer.offer_sms_link),
        "offer_callback": _word(answer.offer_callback),
        "wait_band": answer.wait_band,
        "expires": str(int(answer.expires_at.timestamp())),
        "task": json.dumps(routed, ensure_ascii=False, separators=(",", ":")),
        "task_priority": str(routed["priority"]),
    }


def attributes(
    answer: IvrAnswer, directives: Iterable[Directive], *, now: datetime
) -> dict[str, Any]:
    """Attributes of the task (JSON) that the workflow's filters read; nothing of them names a person.

    priority: of the task. queue: where the call should go instead, or empty. calm: least level of
    the skill wanted, 0 for none, for `calm_for_s` seconds. share: 0 to 1 of these calls to `queue`.
    """
    held = {each.kind: each for each in directives if each.expires_at > now}
    is_high = answer.priority == "high"
    calm = held.get(DirectiveKind.SKILL_CALM)
    target, share = _target(held, is_high=is_high)
    return {
        "outreach": 1,
        "status": answer.status.value,
        "outage": answer.outage_id,
        "priority": URGENT if is_high else NORMAL,
        "skip_upfront": answer.skip_upfront,
        "queue": target,
        "share": share,
        "calm": int(calm.params.get("min_level", 0)) if calm else 0,
        "calm_for_s": int(calm.params.get("prefer_s", 0)) if calm else 0,
        "generation": answer.generation,
    }


def _target(held: dict[DirectiveKind, Directive], *, is_high: bool) -> tuple[str, float]:
    """A priority caller never overflows: their queue is the priority queue, whole."""
    if is_high and (directive := held.get(DirectiveKind.PRIORITY_QUEUE)):
        return str(directive.params["target"]), 1.0
    if not is_high and (directive := held.get(DirectiveKind.OVERFLOW_QUEUE)):
        return str(directive.params["target"]), float(directive.params["share"])
    return "", 0.0


def _word(value: object) -> str:
    return "true" if value else "false"
