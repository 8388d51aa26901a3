"""Asks an address for its feed: never inside our own network by mistake, never longer or more than allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from outreach.campaigns.feeds import Fetched
from outreach.entry import egress
from outreach.entry.egress import Answered, Question, Resolve, Rules, Target, resolved
from outreach.model.errors import InputRefused
from outreach.settings import Feed, Settings

DEADLINE_S = 20.0
MOST_BYTES = 64 * 1024 * 1024
_SAME, _GOOD = 304, 200
_MOVED = range(300, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """`campaigns.feeds.Fetch` over HTTP. No redirects, no proxies, no compression, one address."""

    monotonic: Callable[[], float]
    resolve: Resolve = resolved
    rules: Rules = field(default_factory=Rules)
    deadline_s: float = DEADLINE_S

    def __call__(self, feed: Feed, mark: str) -> Fetched:
        """InputRefused, without the address itself, which may hold a secret: what it answered instead."""
        goal = target(feed, resolve=self.resolve, rules=self.rules)
        question = Question(
            headers=_headers(feed, mark), most_bytes=MOST_BYTES, deadline_s=self.deadline_s
        )
        answer = egress.ask(goal, question, what=f"feed {feed.name}", monotonic=self.monotonic)
        if answer.status == _SAME:
            return Fetched(body=None, mark=mark)
        _refuse_odd(feed, answer)
        return Fetched(body=answer.body, mark=_mark(answer.headers))


def target(feed: Feed, *, resolve: Resolve, rules: Rules) -> Target:
    """InputRefused: no web address, or one that leads into our own network and is not named in `hosts`."""
    named = (*rules.private_hosts, *feed.hosts)
    own = replace(rules, private_hosts=named, hint="name it in `hosts`")
    return egress.guarded(feed.url, own, what=f"feed {feed.name}", resolve=resolve)


def _headers(feed: Feed, mark: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    if token := feed.token.get_secret_value():
        headers["authorization"] = f"Bearer {token}"
    name, _colon, value = mark.partition(":")
    if value:
        headers["if-none-match" if name == "etag" else "if-modified-since"] = value
    return headers


def _refuse_odd(feed: Feed, answer: Answered) -> None:
    status = answer.status
    if status in _MOVED:
        raise InputRefused(
            f"feed {feed.name}: it has moved ({status}); give its new address in url"
        )
    if status != _GOOD:
        raise InputRefused(f"feed {feed.name}: answered {status}; ask whoever runs it")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise InputRefused(f"feed {feed.name}: answered compressed, though asked not to")


def _mark(headers: Mapping[str, str]) -> str:
    if etag := headers.get("etag"):
        return f"etag:{etag}"
    modified = headers.get("last-modified")
    return f"modified:{modified}" if modified else ""


def fetcher(settings: Settings, monotonic: Callable[[], float]) -> Fetcher:
    """What asks the feeds of these settings."""
    return Fetcher(monotonic=monotonic, rules=egress.rules(settings))
