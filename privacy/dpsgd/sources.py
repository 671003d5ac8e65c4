"""Which source a step draws from: one secret for all of them, or one a step from the plan's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from privacy.dpsgd.randomness import Source, secret_source, simulated_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Gives each step of a training its source, by the step's number."""

    secret: Source | None
    """None where it is simulated."""
    key: tuple[int, ...]

    def __call__(self, step: int) -> Source:
        """Return the source of a step."""
        if self.secret is not None:
            return self.secret
        return simulated_source(np.random.default_rng([*self.key, step]))

    def trial(self, number: int) -> Sources:
        """Return those of one trial of a search."""
        return Sources(secret=self.secret, key=(*self.key, number))


def sources_of(rng: np.random.Generator, *, simulated: bool) -> Sources:
    """Return the sources of a training."""
    seed = int(rng.integers(2**62))
    return Sources(secret=None if simulated else secret_source(), key=(seed,))
