"""What `outreach doctor` says of lanes: caps that are met, prefixes that run away, providers that fail."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.entry.cli.command import Context
from outreach.entry.lane_caps import caps
from outreach.entry.languages import _
from outreach.settings import Lane
from outreach.store import lanes, spent


def lane_limits(context: Context) -> Iterator[str]:
    """A sentence for each cap that is met, each prefix at its cap, and each lane that waits."""
    by_name = {lane.name: lane for lane in context.settings.lanes}
    with context.database.read() as session:
        rows = {row.name: row for row in lanes.every(session) if row.name in by_name}
        days = {name: spent.today(session, name, _caps(context, by_name[name]), now=context.now) for name in rows}  # fmt: skip
        tightest = [lane for lane in by_name.values() if lane.prefix_cap is not None]
        full: dict[str, int] = {}
        for lane in tightest:
            full |= spent.full_prefixes(session, _caps(context, lane), now=context.now)
    for name, row in rows.items():
        if capped := spent.met(_caps(context, by_name[name]), days[name]):
            yield _("lane {lane}: {cap}; the rest waits; raise it in outreach.toml").format(
                lane=name, cap=capped
            )
        elif row.cooled_until is not None and row.stopped_at is None:
            yield _("lane {lane}: its provider fails; it is asked again every minute").format(
                lane=name
            )
    for prefix, count in full.items():
        yield _(
            "prefix {prefix}: {count} messages this hour, the cap; is somebody pumping SMS?"
        ).format(prefix=prefix, count=count)


def _caps(context: Context, lane: Lane) -> spent.Caps:
    return caps(lane, context.settings)
