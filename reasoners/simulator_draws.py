"""Who speaks, what is felt and what is answered: the draws behind a simulated table, each part from its own stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affidavit.conditions import MODALITIES, Condition
from reasoners.simulator_options import FEATURES, SimulatorOptions
from reasoners.simulator_truth import error_rates, is_attracted

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speakers:
    """Everybody's levels and accuracies."""

    level: dict[str, IntArray]
    """Feature to level code, hidden levels included, [S]."""
    hidden: dict[str, BoolArray]
    accuracy: FloatArray
    """[S, C]."""
    attracted: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterances:
    """What is said and felt."""

    speaker: IntArray
    """[U], ascending."""
    number: IntArray
    """Within the speaker, from 1."""
    label: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One row for each utterance and condition, the condition varying fastest."""

    truth: IntArray
    answer: IntArray
    shown: BoolArray
    """[N, 3]: text, audio, video."""


def draw(options: SimulatorOptions, streams: Sequence[np.random.Generator]) -> tuple[Speakers, Utterances, Judged]:
    """Return speakers, utterances and judgements, drawn from one stream each."""
    utterances = _utterances(options, streams[1])
    speakers = _speakers(options, np.bincount(utterances.speaker, minlength=options.n_speakers), streams[0])
    return speakers, utterances, _judge(options, speakers, utterances, streams[2])


def _speakers(options: SimulatorOptions, counts: IntArray, rng: np.random.Generator) -> Speakers:
    n, levels = options.n_speakers, options.levels
    level = {feature: _levels(options, feature, rng.random(n)) for feature in FEATURES}
    hidden = {feature: rng.random(n) < options.missing.get(feature, 0.0) for feature in FEATURES}
    cell = np.ravel_multi_index(tuple(level.values()), tuple(len(shares) for shares in levels.values()))
    cells = list(options.cells())
    means = np.array([[options.cell_accuracy(c, here) for c in options.conditions] for here in cells])[cell]
    if options.loss_per_doubling:
        means = means - options.loss_per_doubling * (np.log2(counts) - options.mean_doublings)[:, None]
    attracted = np.array([is_attracted(options, here) for here in cells])
    return Speakers(
        level=level,
        hidden=hidden,
        accuracy=_beta_quantiles(np.clip(means, 0.0, 1.0), options.icc, rng.random(n)),
        attracted=attracted[cell],
    )


def _levels(options: SimulatorOptions, feature: str, uniform: FloatArray) -> IntArray:
    shares = list(options.levels[feature].values())
    if options.exact_shares != feature:
        return _drawn(shares, uniform)
    ends = np.rint(np.cumsum(shares) * len(uniform))
    rank = np.empty(len(uniform), dtype=np.int64)
    rank[np.argsort(uniform)] = np.arange(len(uniform))
    return np.searchsorted(ends, rank, side="right").astype(np.int64)


def _beta_quantiles(mean: FloatArray, icc: float, quantile: FloatArray) -> FloatArray:
    """Return [S, C] draws with the stated means, variance mean (1 - mean) icc; a mean of 0 or 1 has no variance."""
    from scipy.special import betaincinv

    inside = (mean > 0) & (mean < 1)
    if icc == 0:
        return mean
    size = (1 - icc) / icc
    safe = np.where(inside, mean, 0.5)
    drawn: FloatArray = betaincinv(safe * size, (1 - safe) * size, quantile[:, None])
    return np.where(inside, drawn, mean)


def _utterances(options: SimulatorOptions, rng: np.random.Generator) -> Utterances:
    counts = _counts(options, rng)
    speaker = np.repeat(np.arange(options.n_speakers), counts)
    number = np.arange(len(speaker)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    label = _drawn(list(options.label_distribution.values()), rng.random(len(speaker)))
    return Utterances(speaker=speaker, number=number, label=label)


def _counts(options: SimulatorOptions, rng: np.random.Generator) -> IntArray:
    if options.utterance_counts is not None:
        shares = options.count_distribution
        return options.utterance_counts.least + _drawn(list(shares.values()), rng.random(options.n_speakers))
    mean, spread = options.utterances_per_speaker, options.utterances_spread
    return rng.integers(mean - spread, mean + spread, size=options.n_speakers, endpoint=True)


def _judge(options: SimulatorOptions, speakers: Speakers, utterances: Utterances, rng: np.random.Generator) -> Judged:
    n_conditions = len(options.conditions)
    truth, speaker = (np.repeat(of, n_conditions) for of in (utterances.label, utterances.speaker))
    right = rng.random(len(truth)) < speakers.accuracy[utterances.speaker].ravel()
    pattern = np.stack([error_rates(options, attracted=attracted) for attracted in (False, True)])
    reached = np.cumsum(pattern, axis=2)
    reached /= reached[:, :, -1:]  # so that no draw falls beyond the last label that can be drawn
    at = reached[speakers.attracted[speaker].astype(np.int64), truth]
    wrong = (rng.random(len(truth))[:, None] >= at).sum(axis=1)
    shown = np.array([[letter in Condition.parse(c).modalities for letter in MODALITIES] for c in options.conditions])
    return Judged(truth=truth, answer=np.where(right, truth, wrong), shown=np.tile(shown, (len(utterances.label), 1)))


def _drawn(shares: list[float], uniform: FloatArray) -> IntArray:
    """Return codes with the given shares from uniform draws."""
    reached = np.cumsum(shares)
    return np.searchsorted(reached / reached[-1], uniform, side="right").astype(np.int64)
