"""A forecast as the command line, HTTP and the metrics tell it: one set of facts."""

from __future__ import annotations

from outreach.deflection import agents
from outreach.deflection.agents import Desk
from outreach.model.forecast import QUARTER, Forecast


def facts(found: Forecast, *, desk: Desk, skills: dict[str, float]) -> dict[str, object]:
    """All of it, with agents by skill where the queue has some."""
    return {
        "id": found.id,
        "queue": found.queue,
        "made_at": found.made_at,
        "status": found.status.value,
        "falling": found.falling,
        "out": found.out,
        "calls_seen": found.calls_seen,
        "unexplained": found.unexplained,
        "kappa": found.kappa,
        "handling_s": found.handling_s,
        "quarters": [
            {
                "start_at": each.start_at,
                "end_at": each.start_at + QUARTER,
                "mean": each.mean,
                "p05": each.p05,
                "p50": each.p50,
                "p80": each.p80,
                "p95": each.p95,
                "agents": each.agents,
                "agents_by_skill": agents.by_skill(each.p80, skills, desk),
                "staffed": each.staffed,
                "wait_p80_s": each.wait_p80_s,
                "wait_p90_s": each.wait_p90_s,
            }
            for each in found.quarters
        ],
    }
