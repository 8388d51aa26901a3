"""What a launch pins: the campaign file and the texts of its templates, by content hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from outreach.campaigns import withholding
from outreach.campaigns.files import parse_campaign, read_text
from outreach.messages.texts import pinned, read_texts
from outreach.model.campaign import Campaign
from outreach.model.errors import InputRefused
from outreach.model.notice import Texts, Words
from outreach.settings import Company, Settings
from outreach.store import runs
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A campaign with the exact texts it will send; `digest` is the hash of both."""

    digest: str
    campaign: Campaign
    texts: Texts
    body: dict[str, Any]


def read(settings: Settings, name: str) -> Pinned:
    """Reads a campaign of the workspace with its texts; InputRefused names file, key and mend."""
    path = settings.workspace / "campaigns" / f"{name}.toml"
    if not path.exists():
        raise InputRefused(
            f"{path}: no such campaign; `outreach campaign list` shows what there is"
        )
    every = read_texts(settings.workspace / "templates")
    text = read_text(path)
    campaign = parse_campaign(text, path=path, templates=every, country=settings.company.country)
    withholding.refuse_unlawful(campaign, settings)
    texts = pinned(every, {step.template for step in campaign.steps})
    body = {"campaign": text, "name": name, "country": settings.company.country, "texts": texts}
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return Pinned(digest=digest, campaign=campaign, texts=texts, body=body)


def of_run(session: Session, run: runs.Run) -> Pinned:
    """What this run was launched with."""
    return _stored(run.pinned, json.dumps(runs.pinned(session, run.pinned), sort_keys=True))


def stored(session: Session, digest: str) -> Pinned:
    """What was pinned under a digest."""
    return _stored(digest, json.dumps(runs.pinned(session, digest), sort_keys=True))


def campaign(session: Session, digest: str) -> Campaign:
    """The campaign of a digest, kept: a digest's content never changes, and clocks ask every second."""
    if digest not in _CAMPAIGNS:
        if len(_CAMPAIGNS) >= _MOST_KEPT:
            _CAMPAIGNS.clear()
        _CAMPAIGNS[digest] = stored(session, digest).campaign
    return _CAMPAIGNS[digest]


_MOST_KEPT = 500
_CAMPAIGNS: dict[str, Campaign] = {}


@lru_cache(maxsize=64)
def _stored(digest: str, body_text: str) -> Pinned:
    body = json.loads(body_text)
    path = Path(f"{body['name']}.toml")
    campaign = parse_campaign(
        body["campaign"], path=path, templates=body["texts"], country=body["country"]
    )
    return Pinned(digest=digest, campaign=campaign, texts=body["texts"], body=body)


def words(company: Company) -> Words:
    """How the company names itself in texts."""
    return Words(
        sender=company.sender,
        company=company.name,
        link=company.link.removeprefix("https://"),
        phone=company.phone,
        priority_line=company.priority_line,
        emergency=company.emergency,
    )
