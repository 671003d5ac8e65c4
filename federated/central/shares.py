"""Noise that the sites add, each a share, so that nobody sees a sum without it: for sums that hide their parts.

Each site adds normal noise, rounded to the grid of the secure sum, of a standard deviation that makes `least` sites
less `known` ones enough: those who collude know their own shares, and subtract them, and so does each single site, for
all of them are given the model. With n in the sum the noise multiplier is z * sqrt((n - known) / (least - known)),
`known` being 1 where nobody colludes, and never below z; that is what the ledger counts.

Rounding costs nothing. A sum of n normal variables, each rounded, has the law of one normal variable plus n - 1
uniform ones on (-1/2, 1/2), rounded: Fourier series that differ by terms of exp(-pi^2 s^2 / 2), s being a share's
deviation in steps, or less than 1e-500 from 16 steps on. Rounding whole numbers plus a normal variable plus what knows
nothing of anybody only looks at the normal mechanism's answer. The updates' own rounding is toward zero, and does not
lengthen them (`federated.secure.fixed_point`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.errors import PlanError
from federated.central.account import CentralAccount, chosen_noise
from federated.central.mechanism import RoundNoise
from federated.central.options import CentralOptions
from federated.central.sensitivity import require_weights
from federated.central.server import require_least
from federated.secure.fixed_point import FixedPoint
from federated.strategies.additive import Total
from federated.updates.layout import Vector
from privacy.dpsgd.randomness import Source, secret_source

FINE: Final = 16
"""A share's standard deviation in steps of the grid, at the least."""
_END: Final = 9
"""Standard deviations within which all of a share lies: the generator ends at 8.6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseShares:
    """How much noise each site adds; the same at all of them, from the plan."""

    noise_multiplier: float
    """z: what the sum has at the least, over the bound times the largest weight that there may be, which is 1."""
    clip_norm: float
    least: int
    """With fewer sites in the sum it is not opened: the secure sum's quorum is at least this."""
    colluding: int = 0
    """Sites that may tell the server their own shares."""
    sites_per_patient: int = 1
    """How many updates one patient can move."""

    def __post_init__(self) -> None:
        """Refuse shares that no number of sites makes enough."""
        if self.colluding < 0 or self.least <= self.known:
            raise PlanError(
                "so many sites may collude that nobody is left whose noise is a secret",
                slug="plan-impossible",
                where="noise of sites",
                found=f"colluding {self.colluding} of at least {self.least}",
                allowed=f"0 to {self.least - 1}, of two or more",
                remedy="expect fewer to collude, or sum over more",
            )

    @property
    def known(self) -> int:
        """How many shares somebody may know: the colluding sites' together, or each site's its own."""
        return max(1, self.colluding)

    @property
    def deviation(self) -> float:
        """Standard deviation of one site's share, in the values' own unit."""
        reach = self.sites_per_patient * self.clip_norm
        return self.noise_multiplier * reach / math.sqrt(self.least - self.known)

    def effective(self, n_contributors: int) -> float:
        """Return the noise multiplier of a sum over so many, to whoever knows `known` of the shares.

        Raises:
            ValueError: they are fewer than `least`.
        """
        if n_contributors < self.least:
            raise ValueError(f"{n_contributors} sites, where the noise is for {self.least} at the least")
        return self.noise_multiplier * math.sqrt((n_contributors - self.known) / (self.least - self.known))

    def grid(self, *, n_sites: int, bits: int = 32) -> FixedPoint:
        """Return the finest grid whose sum over `n_sites`, each with its share, cannot overflow.

        Raises:
            PlanError: it would be too coarse for the updates, or for the noise.
        """
        most = ((1 << (bits - 1)) - 1) // n_sites
        reach = self.clip_norm + _END * self.deviation
        exponent = math.frexp(reach / most)[1] - 1
        while math.ldexp(reach, -exponent) + 2 > most:  # two roundings
            exponent += 1
        step = math.ldexp(1.0, exponent)
        room = math.ceil(_END * self.deviation / step) + 1
        grid = FixedPoint(max_norm=self.clip_norm, max_value=self.clip_norm, step=step, bits=bits, noise_room=room)
        if self.deviation < FINE * step or self.clip_norm < 1024 * step:
            raise PlanError(
                "the grid of the secure sum is too coarse for the noise of its sites",
                slug="plan-impossible",
                where="noise of sites",
                found=f"a share of {self.deviation / step:.3g} steps, a bound of {self.clip_norm / step:.3g}",
                allowed=f"{FINE} and 1024 steps or more",
                remedy="use more bits",
            )
        return grid

    def noise(
        self, grid: FixedPoint, *, n_noised: int, source: Source | None = None
    ) -> Callable[[int], NDArray[np.int64]]:
        """Return what a site gives its `SecureClient` as `noise`; what comes after `n_noised` numbers is public.

        `source` is another one in tests alone.
        """
        drawn = source or secret_source()

        def share(size: int) -> NDArray[np.int64]:
            steps = np.zeros(size, dtype=np.int64)
            steps[:n_noised] = np.rint(drawn.normal(min(n_noised, size)) * (self.deviation / grid.step))
            return steps

        return share


class DistributedNoise:
    """All rounds of a run under secure sums (`ServerMechanism`): the server adds nothing, and counts who came."""

    def __init__(self, options: CentralOptions, shares: NoiseShares, *, folder: Path, run: str) -> None:
        """Open the server's ledger in `folder`.

        Raises:
            PlanError: an adaptive bound, or shares that are not those of the options.
            AffidavitError: the ledger is another process's at this moment, or does not hold.
        """
        _require_fit(options, shares)
        self.options, self.shares = options, shares
        self.account = CentralAccount(options, path=folder / "federation.ledger.jsonl", run=run)

    @property
    def least(self) -> int:
        """With fewer contributors a round is not released."""
        return max(self.options.least, self.shares.least)

    def begin(self, number: int) -> RoundNoise:
        """Begin a round."""
        return _DistributedRound(self, number)

    def told(self) -> Mapping[str, Any]:
        """Return what a card says of the protection and its cost up to here."""
        return {
            "mechanism": "noise of the sites, summed with their clipped updates; the server sees the sum alone",
            "protects": self.options.protects,
            "neighbours": self.options.neighbours,
            "sampler": "full",
            "noise_multiplier": self.shares.noise_multiplier,
            "clip_norm": self.shares.clip_norm,
            "least": self.least,
            "colluding": self.shares.colluding,
            "sites_per_patient": self.shares.sites_per_patient,
            **self.account.told(),
            "not_covered": [
                "who takes part in a round, and the weights",
                f"sites that tell each other or the server their noise, where they are more than {self.shares.known}",
                "sites that add less noise than they agreed to",
            ],
        }

    def close(self) -> None:
        """Let another process write to the ledger."""
        self.account.close()


class _DistributedRound:
    """One round."""

    def __init__(self, mechanism: DistributedNoise, number: int) -> None:
        self._mechanism, self.number = mechanism, number
        self.clip_norm = mechanism.shares.clip_norm
        self._intent: int | None = None

    def admit(self, update: Vector) -> Vector:
        """Refuse: a server that sees an update sees it without the others' noise."""
        raise RuntimeError("under noise of the sites no update is seen by itself")

    def intend(self, weights: Sequence[float]) -> None:
        """Write into the ledger what a sum over these contributors tells, before it is opened.

        Raises:
            FederationError: they are fewer than `least`.
            BudgetSpentError: the budget has no room for the round.
        """
        require_weights(weights)
        if max(weights) > 1:
            raise ValueError("a weight above 1, for which the sites' noise is too little")
        require_least(len(weights), self._mechanism.least, number=self.number)
        self._intent = self._mechanism.account.intend(
            noise_multiplier=self._mechanism.shares.effective(len(weights)),
            clip_norm=self._mechanism.shares.sites_per_patient * self.clip_norm,
        )

    def release(self, total: Total) -> Total:
        """Return the total: its noise is in it.

        Raises:
            RuntimeError: nothing was intended, or it was released before.
        """
        if self._intent is None:
            raise RuntimeError("a round is released once, after it was intended")
        self._mechanism.account.confirm(self._intent)
        self._intent = None
        return total


def shares_of(options: CentralOptions, *, colluding: int = 0) -> NoiseShares:
    """Return the shares of a plan.

    Raises:
        PlanError: no noise keeps the rounds within the budget, or all sites may collude.
    """
    return NoiseShares(
        noise_multiplier=chosen_noise(options),
        clip_norm=options.clip_norm,
        least=options.least,
        colluding=colluding,
        sites_per_patient=options.sites_per_patient,
    )


def _require_fit(options: CentralOptions, shares: NoiseShares) -> None:
    if options.adaptive_clipping is not None:
        raise PlanError(
            "an adaptive bound needs to see which updates were clipped",
            slug="plan-impossible",
            where="adaptive_clipping",
            found="secure sums",
            remedy="fix the bound, or let the server see updates",
        )
    ours = (shares.noise_multiplier, shares.clip_norm, shares.sites_per_patient)
    if ours != (chosen_noise(options), options.clip_norm, options.sites_per_patient):
        raise PlanError(
            "the sites' shares are not those of the plan",
            slug="plan-impossible",
            where="noise of sites",
            remedy="make the sites' noise from the same plan as the server's",
        )
