"""The trainer behind `trainers: dp-sgd`: fits any `Trainable` with differential privacy for the patient.

Each step takes every patient with one chance, clips each one's gradient as a whole and adds noise once (Abadi et al.
2016, with the patient as the unit). Steps are written into a ledger before they are taken, and training stops where the
budget does. Nobody looks at held-out or development patients to decide when to stop: that would tell of them. For the
same reason a model's `prepare_training`, by which other trainers let it learn scales and counts of the patients without
noise, is not called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from affidavit.corpus import Corpus, require_distinct
from affidavit.corpus_keys import corpus_key
from affidavit.digests import digest_of
from affidavit.files import replacing_folder
from affidavit.options import read_options
from affidavit.protocols import Progress, Trainable, Trainer
from privacy.dpsgd.accounts import StepAccount, chosen_noise, opened_account, require_delta
from privacy.dpsgd.card import training_card
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.randomness import Source, secret_source, simulated_source
from privacy.dpsgd.training_state import STATE
from privacy.dpsgd.units import Parts, parts_of
from privacy.dpsgd.validation import Chosen, chosen_way
from privacy.ledger.events import RunFacts


class PrivateTrainer:
    """Fits a reasoner to labels and reference rationales, with a stated protection of each patient."""

    name = "dp-sgd"
    spends_privacy = True

    def train(
        self,
        reasoner: Trainable,
        corpus: Corpus,
        options: Mapping[str, Any],
        *,
        folder: Path,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Trainable:
        """Fit, and leave the checkpoint in `folder`, its ledger beside it.

        Raises:
            PlanError: the options are at fault; the corpus has no labels to learn from, or no split is possible; the
                model has parts that make one unit's gradient depend on another's, or whose gradients cannot be told
                apart; no noise keeps the steps within the budget.
            BudgetSpentError: the ledger has no room for any step.
        """
        chosen = read_options(PrivateOptions, options, of=f"trainer {self.name}")
        require_distinct(corpus)
        parts = parts_of(corpus, chosen)
        require_delta(chosen, parts.units)
        plan = Plan(
            options=chosen,
            noise_multiplier=chosen_noise(chosen),
            expected=chosen.sample_rate * (chosen.expected_units or len(parts.units)),
            digest=_digest(chosen, corpus, parts),
        )
        folder.mkdir(parents=True, exist_ok=True)
        probes = parts.probes(chosen)
        reasoner.prepare([*parts.turns, *(turn for probe in probes for turn in probe)], progress=progress)
        way = chosen_way(chosen.gradients, reasoner, probes, seed=int(rng.integers(2**31)))
        key, made = corpus_key(corpus), _made(reasoner)
        facts = RunFacts(model=digest_of(dict(made)), corpus=key, n_units=chosen.expected_units or len(parts.units))
        named = chosen.training_digest or plan.digest
        with opened_account(
            chosen, noise_multiplier=plan.noise_multiplier, run=named, facts=facts, folder=folder
        ) as account:
            training = _Training(reasoner=reasoner, parts=parts, plan=plan, way=way, account=account, folder=folder)
            course = training.run(rng, progress)
            card = {
                **made,
                **training_card(course, parts, way=way, key=key, account=account),
                "trainer": self.name,
                "corpus": {"name": corpus.name, "digest": corpus.digest, "key": key, "licence": corpus.licence},
            }
        with replacing_folder(folder) as temporary:
            reasoner.save(temporary, card)
        return reasoner


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """What a course is made of."""

    reasoner: Trainable
    parts: Parts
    plan: Plan
    way: Chosen
    account: StepAccount
    folder: Path

    def run(self, rng: np.random.Generator, progress: Progress) -> Course:
        """Take the steps."""
        gradients = unit_gradients(self.way.way, self.reasoner)
        try:
            course = Course(
                reasoner=self.reasoner, gradients=gradients, account=self.account, plan=self.plan, progress=progress
            )
            course.run(self.parts.units, _sources(self.plan.options, rng), self.folder / STATE)
        finally:
            gradients.close()
        return course


def _digest(options: PrivateOptions, corpus: Corpus, parts: Parts) -> str:
    return digest_of([options.model_dump(mode="json"), corpus_key(corpus), list(parts.train), list(corpus.label_space)])


class _Sources:
    """Which source a step draws from: one secret for all, or one a step from the plan's seed."""

    def __init__(self, *, secret: Source | None, seed: int) -> None:
        self.secret, self.seed = secret, seed

    def __call__(self, step: int) -> Source:
        if self.secret is not None:
            return self.secret
        return simulated_source(np.random.default_rng([self.seed, step]))


def _sources(options: PrivateOptions, rng: np.random.Generator) -> _Sources:
    seed = int(rng.integers(2**62))
    return _Sources(secret=None if options.simulated else secret_source(), seed=seed)


def _made(reasoner: Trainable) -> Mapping[str, Any]:
    """Return what a new model says of how it was made (seed, options, pretrained parts, versions), where it does."""
    card: Mapping[str, Any] = getattr(reasoner, "card", {})
    return {} if "training_digest" in card else card


TRAINER: Final[Trainer] = PrivateTrainer()
