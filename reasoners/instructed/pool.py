"""The states of everybody who is judged, from which donors, means and sums are taken: nothing is encoded for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affidavit.conditions import MODALITIES
from affidavit.interventions.donors import Donors, drawn_donors
from affidavit.interventions.operators import Intervention
from affidavit.seeds import seed_of
from affidavit.utterances import Utterance
from reasoners.instructed.batches import Row
from reasoners.instructed.model import Encoded

SEED: Final = 0
"""Of what interventions draw: the same donors and words whichever model judges a corpus, so that models compare."""
ADDITIVE_DONORS: Final = 32
"""Donors over which the additive projection takes its means: fewer where fewer are judged."""


def to_arrays(encoded: Encoded) -> dict[str, NDArray[Any]]:
    """Return what encoders made of a batch, to be kept on disk."""
    return {
        "states": encoded.states.float().cpu().numpy(),
        "present": encoded.present.cpu().numpy(),
        "instruction": encoded.instruction.float().cpu().numpy(),
    }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Encoded:
    """Return it as it was, on the CPU."""
    return Encoded(**{name: torch.from_numpy(arrays[name]) for name in ("states", "present", "instruction")})


def on_device(encoded: Encoded, device: torch.device) -> Encoded:
    """Return it on a device."""
    return replace(
        encoded,
        states=encoded.states.to(device),
        present=encoded.present.to(device),
        instruction=encoded.instruction.to(device),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """N judged utterances, ordered by id."""

    utterances: tuple[Utterance, ...]
    places: Mapping[str, int]
    states: Tensor
    """`[N, 3, D]`"""
    present: Tensor
    """`bool[N, 3]`"""
    seed: int = SEED

    @classmethod
    def of(cls, batches: Sequence[Sequence[Row]], encoded: Sequence[Encoded], *, judged: Collection[str]) -> Pool:
        """Gather those who are judged."""
        found = {
            turn.utterance_id: (turn, kept.states[p, u], kept.present[p, u])
            for rows, kept in zip(batches, encoded, strict=True)
            for p, row in enumerate(rows)
            for u, turn in enumerate(row)
            if turn.utterance_id in judged
        }
        names = sorted(found)
        return cls(
            utterances=tuple(found[name][0] for name in names),
            places={name: i for i, name in enumerate(names)},
            states=torch.stack([found[name][1] for name in names]),
            present=torch.stack([found[name][2] for name in names]),
        )

    def usable(self, letters: frozenset[str]) -> Tensor:
        """Return who has all of some modalities, `bool[N]`."""
        wanted = torch.tensor([letter in letters for letter in MODALITIES])
        return (self.present | ~wanted).all(-1)

    def donors(self, item: Intervention) -> Donors:
        """Draw who gives to whom under an exchange."""
        able = self.usable(item.letters).tolist()
        names = {u.utterance_id for u, can in zip(self.utterances, able, strict=True) if can}
        return drawn_donors(item.operator, self.utterances, names, seed=self.seed)

    def taken(self, names: Sequence[str], letter: str) -> Tensor:
        """Return the states of one modality of some utterances, `[n, D]`."""
        return self.states[[self.places[name] for name in names], list(MODALITIES).index(letter)]

    def mean(self, letter: str) -> Tensor:
        """Return the mean state of one modality over those who have it, `[D]`."""
        at = list(MODALITIES).index(letter)
        return self.states[self.present[:, at], at].double().mean(0).to(self.states.dtype)

    def design(self, modalities: frozenset[str]) -> dict[str, Tensor]:
        """Return for each modality the states of R donors, `[R, D]`, in an order of its own.

        All have the same donors, so that sums over one modality cancel exactly; the orders make pairs and triples of
        donors that differ.
        """
        rng = np.random.default_rng(seed_of(self.seed, "additive"))
        able = np.flatnonzero(self.usable(modalities).numpy())
        chosen = rng.permutation(able)[:ADDITIVE_DONORS]
        return {
            letter: self.states[rng.permutation(chosen), at]
            for at, letter in enumerate(MODALITIES)
            if letter in modalities
        }
