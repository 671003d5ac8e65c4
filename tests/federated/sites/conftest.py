"""Sites that train privately on the smallest patients there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from federated.sites.private import PrivateTraining
from federated.sites.private_options import PrivateSiteOptions, SitePolicy
from federated.updates.layout import Layout
from federated.updates.local import RoundOrder
from privacy.dpsgd.units import ProtectedUnit, pieces
from tests.privacy.dpsgd.conftest import new_toy, patient


def units_of(sizes: Sequence[int], *, max_turns: int = 16, name: str = "patient") -> tuple[ProtectedUnit, ...]:
    """Return patients with so many turns each."""
    return tuple(
        ProtectedUnit(pieces=pieces(patient(f"{name} {p}", n), max_turns=max_turns)) for p, n in enumerate(sizes)
    )


def site_at(
    place: Path,
    *,
    site: str = "east",
    folder: str = "",
    sizes: Sequence[int] = (3, 1, 5, 2, 4, 1, 2, 6),
    policy: SitePolicy | None = None,
    reasoner: Any = None,
    units: Sequence[ProtectedUnit] | None = None,
    **options: Any,
) -> PrivateTraining:
    """Return a site below a place; opened again there, it remembers what it kept."""
    read = {"rounds": 4, "steps": 3, "delta": 1e-4, "learning_rate": 0.1, "counted": "public", **options}
    if "epsilon" not in read and "noise_multiplier" not in read:
        read["noise_multiplier"] = 1.1
    toy: Any = reasoner or new_toy()
    return PrivateTraining(
        site=site,
        reasoner=toy,
        layout=Layout.of(toy),
        units=units_of(sizes) if units is None else units,
        way="loop",
        options=PrivateSiteOptions(**read),
        policy=policy or SitePolicy(),
        folder=place / (folder or site),
        ledger=place / f"{folder or site}.ledger.jsonl",
        corpus="sha256:corpus",
    )


@pytest.fixture
def private(tmp_path: Path) -> Callable[..., PrivateTraining]:
    return partial(site_at, tmp_path)


def order_of(site: PrivateTraining, *, number: int = 1, attempt: int = 1, run: str = "run", **more: Any) -> RoundOrder:
    return RoundOrder(run=run, round=number, attempt=attempt, layout=site.layout.digest, **more)
