"""Noise for whole sites, as a plan asks for it: the server's own, or shares that the sites add under secure sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from federated.central.mechanism import ServerMechanism
from federated.central.server import CentralNoise
from federated.central.shares import DistributedNoise, NoiseShares, shares_of
from federated.rounds.terms import Terms
from federated.secure.fixed_point import FixedPoint
from federated.secure.identities import Roster
from federated.secured.agreement import Agreement, agreed
from federated.trainer.options import FederatedOptions


@contextmanager
def closing_mechanism(options: FederatedOptions, folder: Path, run: str) -> Iterator[ServerMechanism | None]:
    """Yield what protects sites in what the server makes of them; its ledger lies in `folder`. None where nothing does.

    Raises:
        AffidavitError: the ledger does not hold, or no noise keeps the rounds within the budget.
    """
    if options.central is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mechanism: ServerMechanism = (
        CentralNoise(options.central, folder=folder, run=run)
        if options.secure is None
        else DistributedNoise(options.central, _shares(options), folder=folder, run=run)
    )
    try:
        yield mechanism
    finally:
        mechanism.close()


def agreement_of(terms: Terms, options: FederatedOptions, roster: Roster) -> Agreement:
    """Return under what terms sums are made; the grid has room for the noise of sites where they add any.

    Raises:
        PlanError: no sum over these sites keeps what is asked.
    """
    if options.secure is None:
        raise TypeError("the options have no secure sums")
    grid = (
        None if options.central is None else _shares(options).grid(n_sites=len(roster.sites), bits=options.secure.bits)
    )
    return agreed(terms, options=options.secure, roster=roster, encoding=grid)


def site_noise(options: FederatedOptions, agreement: Agreement) -> Callable[[int], NDArray[np.int64]] | None:
    """Return what a site adds to all that it masks but the last number, which is public; None where it adds nothing."""
    grid = agreement.terms.encoding
    if options.central is None or not isinstance(grid, FixedPoint):
        return None
    return _shares(options).noise(grid, n_noised=agreement.terms.size - 1)


def _shares(options: FederatedOptions) -> NoiseShares:
    if options.central is None or options.secure is None:
        raise TypeError("the options have no noise that sites add")
    return shares_of(options.central, colluding=options.secure.colluding)
