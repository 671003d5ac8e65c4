"""Noise that the server adds to the sum of what sites sent: central differential privacy of sites and patients.

The server sees every update and is trusted with it; what leaves it is protected. The noise of a round belongs to the
bound that its updates were clipped to, and to the weights of those who really replied: with fewer replies the mean is
divided by less, and its noise grows. Only afterwards does an adaptive bound move, by the noised share of updates that
were *not* clipped (Andrew et al. 2021). One that is clipped raises it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affidavit.errors import FederationError
from affidavit.files import replacing
from federated.central.account import CentralAccount, chosen_noise
from federated.central.mechanism import RoundNoise
from federated.central.options import CentralOptions
from federated.central.sensitivity import noise_on_sum, require_weights
from federated.sites.clipped import ROUNDING, clipped
from federated.strategies.additive import Total
from federated.updates.arrays import UnusableVectorError
from federated.updates.layout import Vector
from privacy.dpsgd.clipping import moved, shares
from privacy.dpsgd.randomness import Source, secret_source


class CentralNoise:
    """All rounds of a run (`federated.central.mechanism.ServerMechanism`)."""

    def __init__(self, options: CentralOptions, *, folder: Path, run: str, source: Source | None = None) -> None:
        """Open the server's ledger in `folder`, which outlives every run; `source` is another one in tests alone.

        Raises:
            AffidavitError: the ledger is another process's at this moment, or does not hold; or no noise keeps the
                rounds within the budget.
        """
        self.options, self.noise_multiplier = options, chosen_noise(options)
        self.source = source or secret_source()
        self._run, self._state = run, folder / "bound.json"
        self.account = CentralAccount(options, path=folder / "federation.ledger.jsonl", run=run)
        self.clip_norm = self._kept()

    @property
    def least(self) -> int:
        """With fewer contributors a round is not released."""
        return self.options.least

    def begin(self, number: int) -> RoundNoise:
        """Begin a round under the bound that the one before left."""
        return CentralRound(self, number)

    def told(self) -> Mapping[str, Any]:
        """Return what a card says of the protection and its cost up to here."""
        return {
            "mechanism": "noise at the server on the weighted sum of clipped updates",
            "protects": self.options.protects,
            "neighbours": self.options.neighbours,
            "sampler": "full",
            "noise_multiplier": self.noise_multiplier,
            "noise_from": self.source.name,
            "clip_norm": self.options.clip_norm,
            "last_clip_norm": self.clip_norm,
            "least": self.least,
            "sites_per_patient": self.options.sites_per_patient,
            **self.account.told(),
            "not_covered": [
                "the server, which sees every update, and its own record of their norms",
                "who takes part in a round, and the weights",
            ],
        }

    def close(self) -> None:
        """Let another process write to the ledger."""
        self.account.close()

    def keep(self, clip_norm: float) -> None:
        """Keep the bound of the next round, on disk."""
        self.clip_norm = clip_norm
        if self.options.adaptive_clipping is not None:
            with replacing(self._state) as temporary:
                temporary.write_text(json.dumps({"run": self._run, "clip_norm": clip_norm}), encoding="utf-8")

    def _kept(self) -> float:
        """Return the bound to go on with; one that cannot be read begins anew: all of it came out of noised counts."""
        adaptive = self.options.adaptive_clipping
        if adaptive is None:
            return self.options.clip_norm
        try:
            kept = json.loads(self._state.read_text(encoding="utf-8"))
            bound = float(kept["clip_norm"]) if kept["run"] == self._run else self.options.clip_norm
        except (OSError, ValueError, KeyError, TypeError):
            return self.options.clip_norm
        return bound if adaptive.floor <= bound <= adaptive.ceiling else self.options.clip_norm


class CentralRound:
    """One round."""

    def __init__(self, mechanism: CentralNoise, number: int) -> None:
        self._mechanism, self.number = mechanism, number
        self.clip_norm = mechanism.clip_norm
        self._reach = mechanism.options.sites_per_patient
        """How many updates one patient can move."""
        self._n_admitted, self._n_whole = 0, 0
        self._weights: tuple[float, ...] | None = None
        self._intent: int | None = None

    def admit(self, update: Vector) -> Vector:
        """Return a reply within the bound, whatever the site sent; a site may have cut it already.

        Raises:
            UnusableVectorError: it is not finite.
        """
        try:
            cut, whole = clipped(update, self.clip_norm)
        except ValueError as error:
            raise UnusableVectorError(str(error)) from None
        self._n_admitted += 1
        self._n_whole += whole and not _at(update, self.clip_norm)
        return cut

    def intend(self, weights: Sequence[float]) -> None:
        """Write into the ledger that a sum over contributors of these weights is released.

        Raises:
            FederationError: they are fewer than `least`.
            BudgetSpentError: the budget has no room for the round.
        """
        require_weights(weights)
        require_least(len(weights), self._mechanism.least, number=self.number)
        self._intent = self._mechanism.account.intend(
            noise_multiplier=self._mechanism.noise_multiplier, clip_norm=self._reach * self.clip_norm
        )
        self._weights = tuple(weights)

    def release(self, total: Total) -> Total:
        """Return the total with noise on all of it but its last number; then move an adaptive bound.

        Raises:
            RuntimeError: nothing was intended, or it was released before.
        """
        if self._weights is None or self._intent is None:
            raise RuntimeError("a round is released once, after it was intended")
        mechanism, weights = self._mechanism, self._weights
        self._weights = None
        noises = shares(mechanism.noise_multiplier, mechanism.options.adaptive_clipping)
        deviation = noise_on_sum(weights, noise_multiplier=noises.gradients, clip_norm=self._reach * self.clip_norm)
        released = total.copy()
        released[:-1] += deviation * mechanism.source.normal(len(total) - 1)
        self._move(self._reach * noises.count, n=len(weights))
        mechanism.account.confirm(self._intent)
        return released

    def _move(self, count_noise: float, *, n: int) -> None:
        """Move the bound by the noised share of updates that were not clipped; the sum above has had its noise."""
        adaptive = self._mechanism.options.adaptive_clipping
        if adaptive is None:
            return
        if self._n_admitted != n:
            raise RuntimeError("an adaptive bound needs to see each contributor once")
        count = self._n_whole - 0.5 * n + count_noise * float(self._mechanism.source.normal(1)[0])
        self._mechanism.keep(moved(self.clip_norm, adaptive, noised_count=count, expected=n))


def require_least(n: int, least: int, *, number: int) -> None:
    """Refuse a round of too few.

    Raises:
        FederationError: there are fewer contributors than the mechanism was planned for.
    """
    if n < least:
        raise FederationError(
            "too few replies for a round under noise at the server",
            slug="quorum-missed",
            where=f"round {number}",
            found=f"{n} contributors",
            allowed=f"{least} or more",
            remedy="wait for more sites, or plan for fewer (least) before the first round",
        )


def _at(update: Vector, bound: float) -> bool:
    """Return whether an update is as long as one that its site has cut: it counts as cut."""
    norm = math.sqrt(float(np.square(update.astype(np.float64)).sum()))
    return norm >= (1 - 2 * ROUNDING) * bound
