"""Who gives their input to whom: draws of another unit's utterance, and permutations without fixed points.

| operator | donor | without one |
|---|---|---|
| `resampled` | any utterance of another unit, the same whichever letters are exchanged | one unit alone |
| `permuted` | by one permutation of all; nobody gives to themself | one utterance alone |
| `permuted-within-label` | the same within each reference label | the only one of its label, or no label |
| `permuted-within-speaker` | the same within each speaker | the only one of its speaker |

Source: Gat and Schwing 2021 (perceptual score: permutations of a modality across samples).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.seeds import seed_of
from affidavit.utterances import Utterance

IntArray = NDArray[np.int64]
_ATTEMPTS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Donors:
    """Donors by utterance id, and of those without one the reason."""

    donor: Mapping[str, str]
    because: Mapping[str, str]


def drawn_donors(operator: str, utterances: Sequence[Utterance], usable: Collection[str], *, seed: int) -> Donors:
    """Return the donors of one exchange among the judged utterances, of whom only the `usable` ids give and take.

    What is drawn does not depend on the order of the utterances.
    """
    ordered = sorted(utterances, key=lambda utterance: utterance.utterance_id)
    names = [utterance.utterance_id for utterance in ordered]
    able = np.array([name in usable for name in names], dtype=bool)
    if operator == "resampled":
        places = resampled(names, [utterance.unit for utterance in ordered], able, seed=seed)
    else:
        strata = [_stratum(operator, utterance) for utterance in ordered]
        able &= np.array([stratum is not None for stratum in strata], dtype=bool)
        places = permuted(strata, able, rng=np.random.default_rng(seed_of(seed, operator)))
    found = {names[i]: names[place] for i, place in enumerate(places.tolist()) if place >= 0}
    lacking = {u.utterance_id: _why(operator, u) for u in ordered if u.utterance_id not in found}
    return Donors(donor=found, because=lacking)


def resampled(names: Sequence[str], units: Sequence[str], able: NDArray[np.bool_], *, seed: int) -> IntArray:
    """Return for each able utterance the place of an able one of another unit, [N]; -1 where there is none.

    Each draws for itself, with its own seed: with more who are able, most keep their donor.
    """
    unit = np.unique(np.asarray(units, dtype=object).astype(str), return_inverse=True)[1]
    donors = np.full(len(names), -1, dtype=np.int64)
    several = len(set(unit[able].tolist())) > 1
    for i in np.flatnonzero(able).tolist() if several else []:
        rng = np.random.default_rng(seed_of(seed, "donor", names[i]))
        drawn = rng.integers(len(names), size=_ATTEMPTS)
        fits = np.flatnonzero(able[drawn] & (unit[drawn] != unit[i]))
        donors[i] = drawn[fits[0]] if len(fits) else rng.choice(np.flatnonzero(able & (unit != unit[i])))
    return donors


def permuted(strata: Sequence[Hashable], able: NDArray[np.bool_], *, rng: np.random.Generator) -> IntArray:
    """Return a permutation of the able utterances within each stratum, [N], without fixed points; -1 where it is alone.

    All such permutations are equally likely.
    """
    donors = np.full(len(strata), -1, dtype=np.int64)
    members: dict[Hashable, list[int]] = {}
    for i in np.flatnonzero(able).tolist():
        members.setdefault(strata[i], []).append(i)
    for stratum in members.values():
        if len(stratum) > 1:
            places = np.array(stratum)
            donors[places] = places[derangement(len(places), rng)]
    return donors


def derangement(n: int, rng: np.random.Generator) -> IntArray:
    """Return a permutation of `n` things, two or more, that moves each of them, [n]; one in e is one."""
    while True:
        order = rng.permutation(n).astype(np.int64)
        if not (order == np.arange(n)).any():
            return order


def _stratum(operator: str, utterance: Utterance) -> Hashable:
    if operator == "permuted-within-label":
        return utterance.label
    if operator == "permuted-within-speaker":
        return utterance.speaker_id or utterance.unit
    return ""


def _why(operator: str, utterance: Utterance) -> str:
    if operator == "permuted-within-label" and utterance.label is None:
        return "no reference label to permute within"
    return {
        "resampled": "no utterance of another unit to take it from",
        "permuted": "no other utterance to exchange it with",
        "permuted-within-label": "no other utterance of its label to exchange it with",
        "permuted-within-speaker": "no other utterance of its speaker to exchange it with",
    }[operator]
