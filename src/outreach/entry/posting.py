"""Posts signed webhooks: never inside our own network by mistake, never after a redirect, never longer than allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from outreach.campaigns.webhooks import DEADLINE_S, Answer
from outreach.entry import egress
from outreach.entry.egress import LOCAL, Question, Resolve, Rules, Target, resolved
from outreach.model.errors import InputRefused
from outreach.settings import Settings
from outreach.settings_contactcenter import Endpoint

_LONGEST_S = 86_400
_MOVED = range(300, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """`campaigns.webhooks.Post` over HTTP. The address that was looked at is the one that is asked."""

    monotonic: Callable[[], float]
    resolve: Resolve = resolved
    rules: Rules = field(default_factory=Rules)
    deadline_s: float = DEADLINE_S

    def __call__(self, endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> Answer:
        """Reads the status alone: whatever the body says, we have no use for it."""
        what = f"endpoint {endpoint.name}"
        question = Question(
            method="POST", headers=headers, content=body, most_bytes=0, deadline_s=self.deadline_s
        )
        try:
            goal = target(endpoint, resolve=self.resolve, rules=self.rules)
            answer = egress.ask(goal, question, what=what, monotonic=self.monotonic)
        except InputRefused as error:
            return Answer(status=0, said=str(error).removeprefix(f"{what}: "))
        if answer.status in _MOVED:
            said = f"{answer.status}: it has moved; give its new address in url"
            return Answer(status=answer.status, said=said)
        wait = _seconds(answer.headers.get("retry-after"))
        return Answer(status=answer.status, retry_after_s=wait)


def target(endpoint: Endpoint, *, resolve: Resolve, rules: Rules) -> Target:
    """InputRefused: no address, or one inside our own network that the settings do not allow.

    An endpoint on this machine is allowed by its own spelling: the operator wrote it.
    """
    host = urlsplit(endpoint.url).hostname or ""
    named = (host,) * (endpoint.private or host in LOCAL)
    own = replace(
        rules, private_hosts=(*rules.private_hosts, *named), hint="set private = true"
    )  # fmt: skip
    return egress.guarded(endpoint.url, own, what=f"endpoint {endpoint.name}", resolve=resolve)


def _seconds(written: str | None) -> int:
    """Retry-After in seconds; a date, or nonsense, counts as none."""
    return min(int(written), _LONGEST_S) if written and written.isdecimal() else 0


def poster(settings: Settings, monotonic: Callable[[], float]) -> Poster:
    """What posts to the endpoints of these settings."""
    return Poster(monotonic=monotonic, rules=egress.rules(settings))
