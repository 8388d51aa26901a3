"""What folding does to the texts of a preview: shown, never silent."""

from __future__ import annotations

from dataclasses import dataclass

from outreach.campaigns import pins, waves
from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import Preview, Sample
from outreach.campaigns.telling import facts, told_by
from outreach.messages.render import Renderer
from outreach.messages.sms_text import segments
from outreach.model.words import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An SMS sample as it is sent; `unfolded`: how it would read with its accents, empty if the same."""

    sample: Sample
    encoding: str
    characters: int
    unfolded: str = ""
    unfolded_segments: int = 0


def encoded(engine: Engine, shown: Preview) -> list[Encoded]:
    """The SMS samples of a preview with their encoding, and what folding spared."""
    pinned = pins.read(engine.settings, shown.campaign)
    with engine.database.read() as session:
        telling = told_by(session, shown.occasion.id, shown.occasion.revision.version)
    renderer = Renderer(
        pinned.texts, pins.words(engine.settings.company), main=engine.settings.company.locale
    )
    two_way = waves.two_way(Channel.SMS, engine.settings)
    found = []
    for step in shown.steps:
        for sample in step.samples:
            if sample.channel is Channel.SMS:
                area = sample.area or shown.occasion.name
                said = facts(telling, area=area, two_way=two_way)
                both = [
                    renderer.fill(
                        renderer.compose(
                            step.template, sample.locale, Channel.SMS, said, fold=fold
                        ),
                        {"premises": "1"},
                    ).text
                    for fold in (True, False)
                ]
                found.append(_encoded(sample, *both, folds=pinned.campaign.fold))
    return found


def _encoded(sample: Sample, folded: str, unfolded: str, *, folds: bool) -> Encoded:
    """The two are rendered alike but for the folding, so that nothing else tells them apart."""
    sent = segments(sample.content.text)
    changed = folds and folded != unfolded
    return Encoded(
        sample=sample,
        encoding=sent.encoding,
        characters=len(sample.content.text),
        unfolded=unfolded if changed else "",
        unfolded_segments=segments(unfolded).count if changed else 0,
    )
