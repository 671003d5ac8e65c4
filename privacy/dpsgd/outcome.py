"""What became of a private training: how many steps it took, with what noise, and what a search chose."""

from __future__ import annotations

from dataclasses import dataclass

from privacy.dpsgd.options import PrivateOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What is told of a search; of the trials that lost, and of how many there were, nothing is."""

    declared: PrivateOptions
    """The options as they were said, with the search among them."""
    candidate: int
    """Which candidate the released trial was of, from 0; the choice is part of what is released."""
    score_noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A training, or the trial of a search that was released."""

    options: PrivateOptions
    noise_multiplier: float
    taken: int
    """Steps."""
    noise_from: str
    last_clip_norm: float
    stopped_by_budget: bool = False
    not_resumed: str | None = None
    """Why the state of an interrupted training was of no use, where one was left."""
    search: Searched | None = None

    @property
    def declared(self) -> PrivateOptions:
        """The options as they were said."""
        return self.options if self.search is None else self.search.declared
