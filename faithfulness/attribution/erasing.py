"""What becomes of the answer without the spans that an attribution ranks first, and with those alone.

Losses of the answer's probability, at five sizes, by the ranking and by as many spans drawn at random; what is erased
becomes the baseline, or what stands there in another utterance. An input with holes is unlike any of training: only
the difference to the random one, under the same filling, speaks of the attribution.

Source: DeYoung et al. 2020 (ERASER), equations 1 and 2; AOPC over 1, 5, 10, 20 and 50 % of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import emotion_target
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.explaining import game_of
from faithfulness.attribution.game import SpanGame
from faithfulness.attribution.targets import named_targets

SIZES: Final = (0.01, 0.05, 0.10, 0.20, 0.50)
N_RANDOM: Final = 3
"""Random sets of each size, whose losses are averaged."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Losses:
    """Losses of the answer's probability at each size, `[5]`, and without any input."""

    without_top: FloatArray
    without_random: FloatArray
    only_top: FloatArray
    only_random: FloatArray
    without_all: float

    def named(self, ending: str) -> dict[str, float]:
        """Return them as numbers of a judgement: means over sizes, and each size; `ending` names the filling."""
        kinds = {
            "comprehensiveness": (self.without_top, self.without_random),
            "sufficiency": (self.only_top, self.only_random),
        }
        found = {f"without_all{ending}": self.without_all}
        for test, (top, drawn) in kinds.items():
            name = f"attribution_{test}{ending}"
            found[name], found[f"{name}_random"] = float(top.mean()), float(drawn.mean())
            found[f"{name}_beyond_random"] = float((top - drawn).mean())
            for i, size in enumerate(SIZES):
                found[f"{name}@{size:.0%}"], found[f"{name}_random@{size:.0%}"] = float(top[i]), float(drawn[i])
        return found


def losses(
    turn: AttributableTurn, label: str, features: Sequence[Features], values: FloatArray, *, rng: np.random.Generator
) -> Losses:
    """Return what erasing does, ranked by `values` of the features' spans `[S]`, the largest first.

    What is erased becomes the features' baseline.
    """
    game = game_of(turn, named_targets(turn, [emotion_target(name) for name in turn.labels]), features)
    place = turn.labels.index(label)
    n_spans = len(values)
    tops, drawn = _sets(np.argsort(-values, kind="stable"), rng)
    chosen = np.concatenate([np.ones((1, n_spans), bool), np.zeros((1, n_spans), bool), ~tops, ~drawn, tops, drawn])
    chances = _chances(game, torch.from_numpy(chosen), place)
    lost = chances[0] - chances[2:]
    pieces = np.split(lost, np.cumsum([len(tops), len(drawn), len(tops)]))
    without_top, without_random, only_top, only_random = pieces
    return Losses(
        without_top=without_top,
        without_random=without_random.reshape(len(SIZES), N_RANDOM).mean(1),
        only_top=only_top,
        only_random=only_random.reshape(len(SIZES), N_RANDOM).mean(1),
        without_all=float(chances[0] - chances[1]),
    )


def _sets(order: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the first spans at each size, `bool[5, S]`, and random ones, `bool[5 N_RANDOM, S]`."""
    n_spans = len(order)
    counts = [max(1, round(size * n_spans)) for size in SIZES]
    orders = [order, *(rng.permutation(n_spans) for _ in counts for _ in range(N_RANDOM))]
    sets = np.zeros((len(SIZES) * (1 + N_RANDOM), n_spans), dtype=bool)
    for i, count in enumerate(counts):
        sets[i, orders[0][:count]] = True
        for k in range(N_RANDOM):
            row = i * N_RANDOM + k
            sets[len(SIZES) + row, orders[1 + row][:count]] = True
    return sets[: len(SIZES)], sets[len(SIZES) :]


def _chances(game: SpanGame, kept: Tensor, place: int) -> FloatArray:
    scores = game.scores(kept.to(game.everybody.device)).double()
    return np.asarray(scores.softmax(-1)[:, place].cpu().numpy())


def with_filling(features: Sequence[Features], donor: Mapping[str, Features]) -> tuple[Features, ...] | None:
    """Return the features with another utterance's values as the baseline; None where none of them fits.

    Along time the other's values are repeated or cut; an input that it does not have keeps its own baseline.
    """
    filled = [_filled(feature, donor.get(feature.name)) for feature in features]
    if all(other is None for other in filled):
        return None
    return tuple(feature if other is None else other for feature, other in zip(features, filled, strict=True))


def _filled(feature: Features, donor: Features | None) -> Features | None:
    if donor is None or donor.values.dim() != feature.values.dim() or not donor.values.shape[1]:
        return None
    if donor.values.shape[2:] != feature.values.shape[2:]:
        return None
    length = feature.values.shape[1]
    if feature.values.dim() == 2 and donor.values.shape[1] != length:
        return None  # descriptors have no time along which they could be repeated
    often = -(-length // donor.values.shape[1])
    baseline = torch.cat([donor.values] * often, dim=1)[:, :length]
    return replace(feature, baseline=baseline.to(feature.values))
