"""Random people asking, editing, approving and launching: never a live send on its author's own word."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings as tuned
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import sampled_from
from tests import make
from tests.campaigns import controlled
from tests.campaigns.controlled import UNPLANNED
from tests.campaigns.opened import open_outage

from outreach.campaigns import approving, people
from outreach.model.errors import OutreachError
from outreach.store import approvals, audit, runs

NAMES = sampled_from(["ana", " Ana", "A N A", "beto", "BETO ", "carla", "eve"])
ROLES = {"approvers": ("ana", "beto", "carla"), "emergency": ("carla",)}


class Control(RuleBasedStateMachine):
    """One outage at a time above the threshold; every launch opens the next."""

    template: Path

    @initialize()
    def open(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name) / "w"
        self.database = controlled.copied(self.template, self.folder)
        self.engine = controlled.on(self.database, self.folder, roles=ROLES, approve_above=3)
        self.minute = 0
        self.asked: dict[int, str] = {}
        """Asking -> digest when it was asked for."""
        self.edited: set[int] = set()
        self.emergencies: list[str] = []
        self.next()

    def next(self) -> None:
        self.occasion = open_outage(self.engine).occasion.id

    @property
    def now(self):
        self.minute += 1
        return make.NOW + timedelta(minutes=self.minute)

    @rule(who=NAMES)
    def ask(self, who: str) -> None:
        asking = approving.ask(self.engine, self.occasion, UNPLANNED, author=who, now=self.now)
        self.asked.setdefault(asking.id, asking.pinned)
        self.edited.discard(asking.id)

    @rule()
    def edit(self) -> None:
        controlled.edit(self.folder, f" {self.minute}")
        self.edited |= self.asked.keys()

    @precondition(lambda self: self.asked)
    @rule(who=NAMES)
    def approve(self, who: str) -> None:
        number = max(self.asked)
        launched = self._tried(
            lambda: approving.approve(self.engine, number, approver=who, now=self.now)
        )
        assert not (launched and number in self.edited)

    @rule(who=NAMES)
    def launch(self, who: str) -> None:
        assert not self._tried(
            lambda: self.engine.launch(self.occasion, UNPLANNED, actor=who, now=self.now)
        )

    @rule(who=NAMES, reason=sampled_from(["", "gas smell"]))
    def emergency(self, who: str, reason: str) -> None:
        launched = self._tried(
            lambda: approving.emergency(
                self.engine, self.occasion, UNPLANNED, actor=who, reason=reason, now=self.now
            )
        )
        assert launched is (who == "carla" and bool(reason))
        self.emergencies += [reason] * launched

    @invariant()
    def nobody_launches_alone(self) -> None:
        with self.database.read() as session:
            every = runs.every(session)
            given = [
                each.detail["reason"]
                for each in audit.newest(session, 500, action="campaign.emergency")
            ]
            waiting = {each.id for each in approvals.waiting(session)}
        own = [
            run
            for run in every
            if not run.approved_by or (people.same_person(run.launched_by, run.approved_by))
        ]
        assert own == []
        assert given == self.emergencies[::-1]
        assert len(waiting) <= 1

    def _tried(self, act) -> bool:
        """Whether it launched; then the next outage opens."""
        with self.database.read() as session:
            before = len(runs.every(session))
        try:
            act()
        except OutreachError:
            return False
        with self.database.read() as session:
            launched = len(runs.every(session)) > before
        if launched:
            self.asked.clear()
            self.edited.clear()
            self.next()
        return launched

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self._folder.cleanup()


def test_no_order_of_people_edits_and_approvals_sends_on_one_persons_word(sqlite_template):
    Control.template = sqlite_template

    run_state_machine_as_test(
        Control,
        settings=tuned(
            max_examples=6,
            stateful_step_count=14,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
