"""What a search costs, and the ledger that it is written into before its first trial.

A patient who is trained on loses by the steps of a trial, one who is set apart and scored on by the score; nobody by
both. The score's noise is therefore the least at which it gives away no more than the steps do. Where trained patients
are scored on, the score is one more step of each trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from privacy.accounting.calibration import search_noise_for
from privacy.accounting.mechanisms import Search, SubsampledGaussian
from privacy.accounting.renyi import noise_beside
from privacy.dpsgd.accounts import Simulated, ledger_path, opened_ledger, sampler_of, told_by
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.search_options import SearchOptions
from privacy.ledger.events import RunFacts, SearchEvent, StepEvent
from privacy.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchNoise:
    """Of every trial, whatever its candidate."""

    steps: float
    """Standard deviation of the noise over the clip norm."""
    score: float
    """Over the bound of a loss."""


class SearchAccount(Protocol):
    """What counts a search, and says what it costs."""

    @property
    def n_counted(self) -> int:
        """Searches of this training that were begun so far."""

    def count(self) -> None:
        """Write the whole search down before its first trial.

        Raises:
            BudgetSpentError: the budget has no room for it.
        """

    def told(self) -> Mapping[str, Any]:
        """Return what a checkpoint's card says of the cost."""


class SimulatedSearch(Simulated):
    """Counts in memory alone: a simulated search protects nobody."""

    def __init__(self) -> None:
        self._n = 0

    @property
    def n_counted(self) -> int:
        """Searches that this process has begun."""
        return self._n

    def count(self) -> None:
        """Count."""
        self._n += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgeredSearch:
    """Writes the search into a ledger."""

    ledger: Ledger
    event: SearchEvent
    options: PrivateOptions
    path: Path

    @property
    def n_counted(self) -> int:
        """Searches of this training that the ledger holds."""
        return self.ledger.n_searches

    def count(self) -> None:
        """Write the whole search down before its first trial.

        Raises:
            BudgetSpentError: the budget has no room for it.
        """
        self.ledger.search(self.event)

    def told(self) -> Mapping[str, Any]:
        """Return epsilon at the stated delta, for all that the site's ledger has counted, and what it rests on."""
        return told_by(self.ledger, self.options, self.path)


@contextmanager
def opened_search(
    options: PrivateOptions, *, noise: SearchNoise, run: str, facts: RunFacts, folder: Path
) -> Iterator[SearchAccount]:
    """Yield what counts a search: its ledger, or nothing where the noise is simulated.

    Raises:
        AffidavitError: the ledger is another process's at this moment, or does not hold.
    """
    if options.simulated:
        yield SimulatedSearch()
        return
    event = search_event(options, noise)
    with opened_ledger(options, run=run, facts=facts, folder=folder) as ledger:
        yield LedgeredSearch(ledger=ledger, event=event, options=options, path=ledger_path(options, folder))


def chosen_search_noise(options: PrivateOptions) -> SearchNoise:
    """Return the noise that the options state, or the least that keeps the whole search within the budget.

    Raises:
        PlanError: no noise keeps such a search within so small a budget.
    """
    search = _search(options)
    score = search.score_noise
    if score is None and search.score_on == "trained":
        alone = Search(steps=(_full(1.0),), mean=search.mean_trials, shape=search.drawn_from)
        score = _least(alone, options, share=search.score_share)
    steps = options.noise_multiplier
    if steps is None:
        trial = (_steps(options, 1.0), *([_full(score)] if score is not None and search.score_on == "trained" else ()))
        beside = _full(score) if score is not None and search.score_on == "development" else None
        whole = Search(steps=trial, mean=search.mean_trials, shape=search.drawn_from, beside=beside)
        steps = _least(whole, options)
    return SearchNoise(steps=steps, score=noise_beside((_steps(options, steps),)) if score is None else score)


def search_event(options: PrivateOptions, noise: SearchNoise) -> SearchEvent:
    """Return what the ledger writes down: the candidate with the most steps stands for all, and the largest bound."""
    search = _search(options)
    trial = _steps(options, noise.steps)
    clip_norm = max(options.trial(one).clip_norm for one in search.candidates)
    steps = _event(trial, clip_norm=clip_norm)
    score = _event(_full(noise.score), clip_norm=search.score_bound)
    apart = search.score_on == "development"
    return SearchEvent(
        steps=(steps,) if apart else (steps, score),
        mean=search.mean_trials,
        shape=search.drawn_from,
        score=score if apart else None,
    )


def _steps(options: PrivateOptions, noise: float) -> SubsampledGaussian:
    """Return the steps of the longest trial: those of a shorter one are among them, and lose less at every order."""
    return SubsampledGaussian(
        noise_multiplier=noise,
        sample_rate=options.sample_rate,
        sampler=sampler_of(options),
        neighbours="add-remove",
        n_times=max(options.trial(one).n_steps for one in _search(options).candidates),
    )


def _full(noise: float) -> SubsampledGaussian:
    return SubsampledGaussian(noise_multiplier=noise, sample_rate=1.0, sampler="full", neighbours="add-remove")


def _event(step: SubsampledGaussian, *, clip_norm: float) -> StepEvent:
    return StepEvent(
        noise_multiplier=step.noise_multiplier,
        sample_rate=step.sample_rate,
        clip_norm=clip_norm,
        sampler=step.sampler,
        neighbours=step.neighbours,
        n_times=step.n_times,
    )


def _least(search: Search, options: PrivateOptions, *, share: float = 1.0) -> float:
    if options.epsilon is None or options.delta is None:
        raise TypeError("the options were not validated")
    return search_noise_for(search, epsilon=share * options.epsilon, delta=options.delta)


def _search(options: PrivateOptions) -> SearchOptions:
    if options.search is None:
        raise TypeError("the options name no search")
    return options.search
