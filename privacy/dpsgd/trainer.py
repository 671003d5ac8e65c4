"""The trainer behind `trainers: dp-sgd`: fits any `Trainable` with differential privacy for the patient.

Each step takes every patient with one chance, clips each one's gradient as a whole and adds noise once (Abadi et al.
2016, with the patient as the unit). Steps are written into a ledger before they are taken, and training stops where the
budget does; a search (option `search`) is written down as a whole before its first trial. Nobody looks at held-out
patients to decide when to stop or what to keep: that would tell of them. For the same reason a model's
`prepare_training`, by which other trainers let it learn scales and counts of the patients without noise, is not called.
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
from affidavit.training_card import made, training_card
from affidavit.training_state import STATE
from privacy.dpsgd.accounts import chosen_noise, opened_account, require_delta
from privacy.dpsgd.card import private_card
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.outcome import Outcome
from privacy.dpsgd.search import SearchRun, Trials
from privacy.dpsgd.search_account import SearchNoise, chosen_search_noise, opened_search
from privacy.dpsgd.sources import Sources, sources_of
from privacy.dpsgd.units import Parts, parts_of, stated_units
from privacy.dpsgd.validation import Chosen, chosen_way
from privacy.ledger.events import RunFacts


class PrivateTrainer:
    """Fits a reasoner to labels and reference rationales, with a stated protection of each patient."""

    name = "dp-sgd"
    options = PrivateOptions
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
        require_delta(chosen, n_units=parts.n_protected)
        noise = chosen_noise(chosen) if chosen.search is None else chosen_search_noise(chosen)
        folder.mkdir(parents=True, exist_ok=True)
        probes = parts.probes(chosen)
        reasoner.prepare([*parts.turns, *(turn for probe in probes for turn in probe)], progress=progress)
        way = chosen_way(chosen.gradients, reasoner, probes, seed=int(rng.integers(2**31)))
        key = corpus_key(corpus)
        training = _Training(
            reasoner=reasoner,
            parts=parts,
            options=chosen,
            digest=_digest(chosen, corpus, parts),
            way=way,
            facts=RunFacts(
                model=digest_of(made(reasoner)), corpus=corpus_key(corpus), n_units=stated_units(chosen, parts)
            ),
            folder=folder,
        )
        sources = sources_of(rng, simulated=chosen.simulated)
        if isinstance(noise, SearchNoise):
            outcome, cost = training.search(noise, sources, progress)
        else:
            outcome, cost = training.steps(noise, sources, progress)
        card = {
            **training_card(reasoner, corpus, trainer=self.name, options=chosen),
            **private_card(outcome, parts, way=way, key=key, cost=cost),
        }
        with replacing_folder(folder) as temporary:
            reasoner.save(temporary, card)
        return reasoner


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """What is trained, how, and where it is counted."""

    reasoner: Trainable
    parts: Parts
    options: PrivateOptions
    digest: str
    way: Chosen
    facts: RunFacts
    folder: Path

    @property
    def run(self) -> str:
        """Its name in the ledger."""
        return self.options.training_digest or self.digest

    @property
    def expected(self) -> float:
        """Units in a step on average."""
        return self.options.sample_rate * (self.options.expected_units or len(self.parts.units))

    def steps(self, noise: float, sources: Sources, progress: Progress) -> tuple[Outcome, Mapping[str, Any]]:
        """Take the steps; return what became of it, and what it cost."""
        plan = Plan(options=self.options, noise_multiplier=noise, expected=self.expected, digest=self.digest)
        with opened_account(
            self.options, noise_multiplier=noise, run=self.run, facts=self.facts, folder=self.folder
        ) as account:
            gradients = unit_gradients(self.way.way, self.reasoner)
            try:
                course = Course(
                    reasoner=self.reasoner, gradients=gradients, account=account, plan=plan, progress=progress
                )
                course.run(self.parts.units, sources, self.folder / STATE)
            finally:
                gradients.close()
            return course.outcome, account.told()

    def search(self, noise: SearchNoise, sources: Sources, progress: Progress) -> tuple[Outcome, Mapping[str, Any]]:
        """Do the trials of a search; return what became of the best, and what all of them cost."""
        trials = Trials(
            options=self.options,
            noise=noise,
            expected=self.expected,
            digest=self.digest,
            units=self.parts.units,
            scored=self.parts.scored,
            way=self.way.way,
            folder=self.folder,
        )
        with opened_search(self.options, noise=noise, run=self.run, facts=self.facts, folder=self.folder) as account:
            progress("searching privately", 0, None)
            outcome = SearchRun(self.reasoner, trials, account, sources).run()
            return outcome, account.told()


def _digest(options: PrivateOptions, corpus: Corpus, parts: Parts) -> str:
    return digest_of([options.model_dump(mode="json"), corpus_key(corpus), list(parts.train), list(corpus.label_space)])


TRAINER: Final[Trainer] = PrivateTrainer()
