"""Private training at a site: DP-SGD over its own patients, a few steps in each round, counted in its own ledger.

Laws: a round's steps are in the ledger, on disk, before the first of them; the answer is on disk before it leaves, and
asked again in the same round the site says the same and spends nothing. A site that was killed in a round has spent it,
and spends it again when it is asked again. Nothing is learnt from patients but through noised sums that are counted:
`prepare_training`, by which other trainers let a model learn scales of the patients, is not called, no loss leaves, and
the number of patients is noised and counted too unless the plan declares it public.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from affidavit.errors import BudgetSpentError, PlanError
from affidavit.protocols import Trainable, silent
from affidavit.seeds import seed_of
from federated.sites.account import SiteAccount, chosen_noise, round_event
from federated.sites.answers import Answers
from federated.sites.bounds import KeptBound
from federated.sites.numbers import PatientNumber, noised_number, public_number
from federated.sites.private_options import PrivateSiteOptions, SitePolicy
from federated.updates.layout import Layout, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, SiteLeavesError, UpdateFacts
from privacy.dpsgd.accounts import Simulated, require_delta, sampler_of
from privacy.dpsgd.card import NOT_COVERED
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import trained_parameters, unit_gradients
from privacy.dpsgd.passes import Way
from privacy.dpsgd.randomness import Source, secret_source, simulated_source
from privacy.dpsgd.units import ProtectedUnit
from privacy.ledger.events import Budget, RunFacts, StepEvent
from privacy.ledger.spending import Spent

SPENT: Final = "budget-spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateTraining:
    """A site's private training; everything that it remembers is in `folder` and `ledger`, which are the site's own."""

    site: str
    reasoner: Trainable
    layout: Layout
    units: Sequence[ProtectedUnit]
    """The patients who are trained on (`privacy.dpsgd.units.parts_of`)."""
    way: Way
    """How gradients of single patients are come by (`privacy.dpsgd.validation.chosen_way`)."""
    options: PrivateSiteOptions
    policy: SitePolicy
    folder: Path
    """The answer, the bound and the noised count of patients."""
    ledger: Path
    """Outside of whatever a training replaces: it outlives every run."""
    corpus: str | None = None
    """Digest of the site's corpus."""
    seed: int = 0
    """Looked at only where the noise is simulated."""

    def facts(self) -> SiteFacts:
        """Return what the site tells of itself, within its policy.

        Raises:
            SiteLeavesError: there is no budget for the noised number of patients.
            PlanError: no noise keeps the rounds within the budget, or delta is too large.
        """
        told = self._number().told if self.policy.tells_units else None
        left = self._rounds_left() if self.policy.tells_rounds_left else None
        return SiteFacts(site=self.site, layout=self.layout.digest, n_units=told, rounds_left=left)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        """Train from the received parameters; asked again in the same round, answer the same.

        Raises:
            SiteLeavesError: the budget has no room for a whole round, or what is asked would tell of patients.
            AffidavitError: the ledger is in use or does not hold, or the plan is at fault.
        """
        answers = Answers(self.folder)
        known = answers.to(order, self.layout)
        if known is not None:
            return known
        self._require_answerable(order)
        number = self._number()
        require_delta(self.options.training_options(self.site), n_units=number.at_most)
        bound = KeptBound(
            folder=self.folder, run=order.run, start=self.options.clip_norm, adaptive=self.options.adaptive_clipping
        )
        a_round = round_event(self.options, noise_multiplier=self._noise_in(order.run), clip_norm=bound.read())
        with self._counted(order, number, a_round) as spent:
            update, clip_norm = self._trained(received, order, a_round, expected=number.told)
            answer = LocalUpdate(update=update, facts=UpdateFacts(epsilon=self._told_epsilon(spent)))
            bound.keep(clip_norm)
            answers.keep(order, answer)
        return answer

    def told(self) -> Mapping[str, Any]:
        """Return what a card says of this site's protection, and what its patients have lost by all in its ledger."""
        options = self.options
        told: dict[str, Any] = {
            "site": self.site,
            "simulated": options.simulated,
            "unit": "patient",
            "neighbours": "add-remove",
            "mechanism": "noised sums of clipped gradients (DP-SGD), some steps in each round",
            "sampler": sampler_of(options.training_options(self.site)),
            "sample_rate": options.sample_rate,
            "noise_multiplier": self.noise_multiplier,
            "clip_norm": options.clip_norm,
            "rounds_planned": options.rounds,
            "steps_in_a_round": options.steps,
            "n_units": options.counted,
            "gradients": self.way,
            "not_covered": list(NOT_COVERED),
        }
        if self._account is None:
            return {**told, "epsilon": None, "why_no_epsilon": "the noise was drawn from a seed that is known"}
        spent = self._account.spent()
        return {
            **told,
            "ledger": self.ledger.name,
            "steps_counted": spent.n_steps,
            "unconfirmed": spent.unconfirmed,
            "epsilon": spent.epsilon,
            "delta": spent.delta,
            "accountant": ", ".join(spent.accountants) or "none",
            "caveats": list(spent.caveats),
        }

    @property
    def noise_multiplier(self) -> float:
        """The noise of each step over the clipping bound, chosen for every round of the plan."""
        return chosen_noise(self.options, self._epsilon)

    @property
    def _epsilon(self) -> float | None:
        """The plan's budget or the site's own, whichever is less."""
        said = [one for one in (self.options.epsilon, self.policy.most_epsilon) if one is not None]
        return min(said, default=None)

    @property
    def _account(self) -> SiteAccount | None:
        """The site's ledger; None where nothing is protected, and nothing counted."""
        if self.options.simulated:
            return None
        if self.options.delta is None:
            raise TypeError("the options were not validated")
        budget = None if self._epsilon is None else Budget(epsilon=self._epsilon, delta=self.options.delta)
        return SiteAccount(path=self.ledger, site=self.site, budget=budget, delta=self.options.delta)

    def _rounds_left(self) -> int | None:
        account = self._account
        if account is None or account.budget is None:
            return None
        if not account.path.exists() and self.options.noise_multiplier is None:
            return self.options.rounds  # the noise is chosen so that they fit
        a_round = round_event(self.options, noise_multiplier=self.noise_multiplier, clip_norm=self.options.clip_norm)
        return account.rounds_left(a_round, most=self.options.rounds)

    def _noise_in(self, run: str) -> float:
        """Return the noise of a run's steps: the one that its earlier rounds had."""
        before = None if self._account is None else self._account.noise_of(run)
        return self.noise_multiplier if before is None else before

    def _require_answerable(self, order: RoundOrder) -> None:
        """Refuse what no ledger allows, whoever asks for it.

        Raises:
            SiteLeavesError: more rounds than the plan's, where no budget says when it is enough; or a loss.
            PlanError: nobody to train on.
        """
        account = self._account
        if account is not None and account.budget is None:
            taken = account.read().runs.get(order.run)
            if taken is not None and taken.n_steps + self.options.steps > self.options.all_steps:
                words = f"the site agreed to {self.options.rounds} rounds, and has trained so many"
                raise SiteLeavesError("plan-over", words)
        if order.loss_wanted:
            raise SiteLeavesError("loss-kept", "the loss on a site's patients is no noised sum, and does not leave it")
        if not self.units:
            raise PlanError(
                "the site has no patients to train on",
                slug="plan-impossible",
                where=self.site,
                remedy="leave the site out of the plan, or look whether its table says which patients are trained on",
            )

    def _number(self) -> PatientNumber:
        if self.options.counted == "public":
            return public_number(len(self.units))
        with _leaving():
            return noised_number(
                len(self.units),
                options=self.options,
                corpus=self.corpus,
                account=self._account,
                folder=self.folder,
                source=self._source("count"),
            )

    @contextmanager
    def _counted(
        self, order: RoundOrder, number: PatientNumber, a_round: StepEvent
    ) -> Iterator[Callable[[], Spent] | None]:
        if self._account is None:
            yield None
            return
        known = order.run in self._account.read().runs  # with the number that was noised then: it may have been lost
        facts = RunFacts(corpus=self.corpus, n_units=None if known else number.at_most)
        with _leaving(), self._account.counted(order.run, facts, a_round) as spent:
            yield spent

    def _told_epsilon(self, spent: Callable[[], Spent] | None) -> float | None:
        return spent().epsilon if spent is not None and self.policy.tells_epsilon else None

    def _trained(
        self, received: Vector, order: RoundOrder, a_round: StepEvent, *, expected: int
    ) -> tuple[Vector, float]:
        """Take the round's steps, and return the update and the bound after them."""
        self.layout.scatter(received, self.reasoner)
        plan = Plan(
            options=self.options.training_options(self.site),
            noise_multiplier=a_round.noise_multiplier,
            expected=self.options.sample_rate * expected,
            digest=order.run,
        )
        gradients = unit_gradients(self.way, self.reasoner)
        try:
            course = Course(
                reasoner=self.reasoner, gradients=gradients, account=Simulated(), plan=plan, progress=silent
            )
            course.clip_norm = a_round.clip_norm
            _hold(course, order.proximal)
            self.reasoner.module.train()
            with torch.random.fork_rng(devices=[]):
                for step in range(self.options.steps):
                    course.step(self.units, self._source("step", order.run, order.round, step))
        finally:
            gradients.close()
            self.reasoner.module.eval()
        return self.layout.gathered(self.reasoner) - received, course.clip_norm

    def _source(self, *what: str | int) -> Source:
        if not self.options.simulated:
            return secret_source()
        return simulated_source(np.random.default_rng(seed_of(self.seed, self.site, *what)))


@contextmanager
def _leaving() -> Iterator[None]:
    """Turn a spent budget into a polite leave; what the ledger says of it stays in the site's own log."""
    try:
        yield
    except BudgetSpentError as error:
        words = "the site's privacy budget has no room for another whole round, and what was spent stays spent"
        raise SiteLeavesError(SPENT, words) from error


def _hold(course: Course, mu: float) -> None:
    """Hold the parameters to where they are now (FedProx): the pull knows nothing of patients, and needs no noise."""
    if not mu:
        return
    parameters = trained_parameters(course.reasoner)
    anchors = [value.detach().clone() for value in parameters]

    def pull(*_: object) -> None:
        for value, anchor in zip(parameters, anchors, strict=True):
            if value.grad is not None:
                value.grad += mu * (value.detach() - anchor)

    course.optimizer.register_step_pre_hook(pull)
