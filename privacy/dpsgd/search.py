"""A search on the patients: a drawn number of trials, each a private training by itself, and the best one released.

Laws, which are what the theorem rests on (Papernot and Steinke 2022, theorems 2 and 6): how many trials there are is
drawn before the first one, from the distribution that the ledger names, and told to nobody; each trial draws its
candidate, whom its steps take and its noise anew; a score is noised before anything is compared by it; equal scores are
told apart by a number that was drawn; of the trials that lose nothing is kept or told. The whole search is in the
ledger before the first trial. What a search that was cut off goes on from lies in the checkpoint's folder until the
checkpoint takes its place; a trial that was cut off goes on from its last state, and nobody saw what it had lost. A
search without such a state begins anew, and is counted anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from affidavit.digests import digest_of
from affidavit.errors import PlanError
from affidavit.files import replacing
from affidavit.protocols import Trainable
from affidavit.training_state import STATE
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.outcome import Outcome, Searched
from privacy.dpsgd.passes import Way
from privacy.dpsgd.scoring import noised_score
from privacy.dpsgd.search_account import SearchAccount, SearchNoise
from privacy.dpsgd.search_options import SearchOptions
from privacy.dpsgd.sources import Sources
from privacy.dpsgd.trials import drawn_trials
from privacy.dpsgd.units import ProtectedUnit

SEARCH: Final = ".training-search.pt"
"""What a search that was cut off goes on from: what was drawn for it, and the best trial so far."""
_KEPT: Final = {"digest", "counted", "candidates", "done", "best"}
_DRAWING: Final = 0
"""Of the sources: that of the number of trials; trials have those after it."""
Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What every trial has in common."""

    options: PrivateOptions
    noise: SearchNoise
    expected: float
    digest: str
    units: Sequence[ProtectedUnit]
    scored: Sequence[ProtectedUnit]
    way: Way
    folder: Path

    @property
    def search(self) -> SearchOptions:
        """The search."""
        if self.options.search is None:
            raise TypeError("the options name no search")
        return self.options.search


class SearchRun:
    """The trials, and what is needed to go on after an interruption."""

    def __init__(self, reasoner: Trainable, trials: Trials, account: SearchAccount, sources: Sources) -> None:
        self.reasoner, self.trials, self.account, self.sources = reasoner, trials, account, sources
        self.start = _weights(reasoner)
        self.path = trials.folder / SEARCH

    def run(self) -> Outcome:
        """Count the search, do its trials, and leave the best one's parameters in the reasoner.

        Raises:
            BudgetSpentError: there is no room for the search; no trial was done.
            PlanError: the drawn number of trials was none.
        """
        state = self._resumed() or self._drawn()
        if self.account.n_counted < state["counted"]:
            self.account.count()
        drawn: Sequence[int] = state["candidates"]
        if not drawn:
            raise _none_drawn(self.trials.search)
        for number in range(int(state["done"]), len(drawn)):
            tried = self._tried(number, drawn[number])
            if state["best"] is None or _rank(tried) < _rank(state["best"]):
                state["best"] = tried
            state["done"] = number + 1
            self._keep(state)
            (self.trials.folder / STATE).unlink(missing_ok=True)
        return self._released(state["best"])

    def _drawn(self) -> dict[str, Any]:
        """Draw how many trials there are and of which candidates; nothing of the patients was met so far."""
        search, source = self.trials.search, self.sources.trial(_DRAWING)(0)
        n_trials = drawn_trials(source, mean=search.mean_trials, shape=search.drawn_from)
        state = {
            "digest": self.trials.digest,
            "counted": self.account.n_counted + 1,
            "candidates": [source.below(len(search.candidates)) for _ in range(n_trials)],
            "done": 0,
            "best": None,
        }
        self._keep(state)
        return state

    def _tried(self, number: int, candidate: int) -> dict[str, Any]:
        """Do one trial; return what it came to."""
        _fill(self.reasoner, self.start)
        options = self.trials.options.trial(self.trials.search.candidates[candidate])
        plan = Plan(
            options=options,
            noise_multiplier=self.trials.noise.steps,
            expected=self.trials.expected,
            digest=digest_of([self.trials.digest, "trial", number]),
        )
        sources = self.sources.trial(_DRAWING + 1 + number)
        gradients = unit_gradients(self.trials.way, self.reasoner)
        try:
            course = Course(
                reasoner=self.reasoner, gradients=gradients, account=_Counted(), plan=plan, progress=_untold
            )
            course.run(self.trials.units, sources, self.trials.folder / STATE)
        finally:
            gradients.close()
        source, search = sources(options.n_steps), self.trials.search
        score = noised_score(
            self.reasoner, self.trials.scored, source, bound=search.score_bound, noise=self.trials.noise.score
        )
        return {
            "score": score,
            "tie": float(source.uniform(1)[0]),
            "candidate": candidate,
            "taken": course.taken,
            "noise_from": source.name,
            "clip_norm": course.clip_norm,
            "model": _weights(self.reasoner),
        }

    def _released(self, best: Mapping[str, Any]) -> Outcome:
        _fill(self.reasoner, best["model"])
        self.reasoner.module.eval()
        candidate = int(best["candidate"])
        return Outcome(
            options=self.trials.options.trial(self.trials.search.candidates[candidate]),
            noise_multiplier=self.trials.noise.steps,
            taken=int(best["taken"]),
            noise_from=str(best["noise_from"]),
            last_clip_norm=float(best["clip_norm"]),
            search=Searched(declared=self.trials.options, candidate=candidate, score_noise=self.trials.noise.score),
        )

    def _keep(self, state: Mapping[str, Any]) -> None:
        with replacing(self.path) as temporary:
            torch.save(dict(state), temporary)

    def _resumed(self) -> dict[str, Any] | None:
        """Return what this very search left, or None where there is nothing of use."""
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
        except Exception:  # none is there, or torch raises whatever the damage leads to
            return None
        if not isinstance(state, dict) or state.get("digest") != self.trials.digest or state.keys() != _KEPT:
            return None
        return dict(state) if _fits(state["best"], self.start) else None


@dataclass(frozen=True, slots=True)
class _Counted:
    """The account of a trial, whose search was counted as a whole."""

    def intend(self) -> int:
        return 0

    def confirm(self, number: int) -> None:
        """Do nothing."""

    def told(self) -> Mapping[str, Any]:
        return {}


def _untold(what: str, done: int, total: int | None) -> None:
    """Tell nobody how far a trial is: it would tell how many there are."""


def _rank(tried: Mapping[str, Any]) -> tuple[float, float]:
    return float(tried["score"]), float(tried["tie"])


def _weights(reasoner: Trainable) -> dict[str, Tensor]:
    """Return a copy of what training may change."""
    named = reasoner.module.named_parameters()
    return {name: value.detach().cpu().clone() for name, value in named if value.requires_grad}


def _fill(reasoner: Trainable, weights: Weights) -> None:
    names = dict(reasoner.module.named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            names[name].copy_(value)


def _fits(best: Mapping[str, Any] | None, start: Weights) -> bool:
    """Say whether a kept model is of the shape of this one."""
    if best is None:
        return True
    return {n: v.shape for n, v in best["model"].items()} == {n: v.shape for n, v in start.items()}


def _none_drawn(search: SearchOptions) -> PlanError:
    return PlanError(
        "the search drew no trial at all, so that nothing was trained; its budget is spent",
        slug="plan-impossible",
        where="trainer dp-sgd, search",
        found=f"distribution {search.distribution} of mean {search.mean_trials:g}, which draws none at times",
        allowed="logarithmic, geometric and negative-binomial draw one at least",
        remedy="another search needs a budget of its own; drawing again until there are trials would not be counted",
    )
