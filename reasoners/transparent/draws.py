"""Who speaks, what is felt, what each modality tells of it: what a transparent reasoner is asked about, as draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reasoners.simulator_options import FEATURES
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import BoolArray, FloatArray, IntArray, pattern_code, telling_rates
from reasoners.transparent.showing import BY_LABEL, BY_SPEAKER, PERMUTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The utterances, ordered by speaker, and what is known of them."""

    level: dict[str, IntArray]
    """Feature to level code by speaker, [S]."""
    speaker: IntArray
    """[U], ascending."""
    number: IntArray
    """Within the speaker, from 1, [U]."""
    label: IntArray
    """What is felt, [U]."""
    told: IntArray
    """What the modalities tell, as a code of `reasoners.transparent.patterns`, [U]."""
    leading: IntArray
    """0 text, 1 audio, 2 video, [U]."""
    kind: IntArray
    """Of its rationales, a position in `reasoners.transparent.citing.KINDS`, [U]."""
    donor: IntArray
    """Another utterance for each repeat, whose evidence a resampled modality brings, [U, R]."""
    permuted: dict[str, IntArray]
    """The same by each permutation that was asked for, [U, R]; whoever has no partner stands for themself."""

    def donors(self, exchange: str | None) -> IntArray:
        """Return whose evidence is brought under an exchange, [U, R]."""
        return self.permuted.get(exchange or "", self.donor)

    def partnered(self, exchange: str | None) -> BoolArray:
        """Say who has a partner, [U]; all, where nobody needs one."""
        if exchange not in self.permuted:
            return np.ones(len(self.label), dtype=bool)
        there: BoolArray = self.permuted[exchange][:, 0] != np.arange(len(self.label))
        return there


def draw(options: TransparentOptions, streams: Sequence[np.random.Generator]) -> Drawn:
    """Return utterances, speakers and donors; each of seven streams serves one part."""
    cells = list(options.cells())
    level = _levels(options, streams[0])
    sizes = [len(options.levels[feature]) for feature in FEATURES]
    cell = np.ravel_multi_index([level[feature] for feature in FEATURES], sizes)
    speaker, number = _turns(options, streams[1])
    label = drawn_codes(np.array(list(options.label_distribution.values())), streams[1].random(len(speaker)))
    preferences = np.array([options.leading_in(here) for here, _ in cells])[cell]
    honesty = np.array([options.honesty_in(here) for here, _ in cells])[cell]
    return Drawn(
        level=level,
        speaker=speaker,
        number=number,
        label=label,
        told=_told(options, label, streams[2]),
        leading=_leading(options, preferences, speaker, streams[3]),
        kind=_by_row(honesty[speaker], streams[4].random(len(speaker))),
        donor=_donors(len(speaker), options.repeats, streams[5]),
        permuted=_permutations(options, label, speaker, streams[6]),
    )


def drawn_codes(shares: FloatArray, uniform: FloatArray) -> IntArray:
    """Return codes with the given shares, [K], from uniform draws of any shape; a share of zero is never drawn."""
    reached = np.cumsum(shares)
    last = int(np.flatnonzero(shares)[-1])
    return np.minimum(np.searchsorted(reached / reached[-1], uniform, side="right"), last).astype(np.int64)


def _by_row(shares: FloatArray, uniform: FloatArray) -> IntArray:
    """Return codes, [N], from shares that differ by row, [N, K]."""
    reached = np.cumsum(shares, axis=1)
    codes: IntArray = (uniform[:, None] * reached[:, -1:] >= reached).sum(axis=1)
    last = shares.shape[1] - 1 - (shares[:, ::-1] > 0).argmax(axis=1)
    least: IntArray = np.minimum(codes, last)
    return least


def _levels(options: TransparentOptions, rng: np.random.Generator) -> dict[str, IntArray]:
    return {
        feature: drawn_codes(np.array(list(options.levels[feature].values())), rng.random(options.n_speakers))
        for feature in FEATURES
    }


def _turns(options: TransparentOptions, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    mean, spread = options.utterances_per_speaker, options.utterances_spread
    counts = rng.integers(mean - spread, mean + spread, size=options.n_speakers, endpoint=True)
    speaker = np.repeat(np.arange(options.n_speakers), counts)
    return speaker, np.arange(len(speaker)) - np.repeat(np.cumsum(counts) - counts, counts) + 1


def _told(options: TransparentOptions, label: IntArray, rng: np.random.Generator) -> IntArray:
    rates = telling_rates(options)
    told = [_by_row(rates[modality][label], rng.random(len(label))) for modality in range(3)]
    return pattern_code(np.stack(told, axis=1), len(options.labels))


def _leading(
    options: TransparentOptions, preferences: FloatArray, speaker: IntArray, rng: np.random.Generator
) -> IntArray:
    """Draw who leads, [U], after each speaker's own shares, whose mean are `preferences`, [S, 3]."""
    uniform = rng.random(len(speaker))
    if options.icc > 0:
        preferences = _dirichlet(preferences * (1 - options.icc) / options.icc, rng)
    return _by_row(preferences[speaker], uniform)


def _dirichlet(alpha: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return one draw a row, [S, 3]; in logarithms, since gamma draws of a small shape underflow."""
    log_uniform = np.log1p(-rng.random(alpha.shape))
    with np.errstate(divide="ignore"):
        logs = np.where(
            alpha > 0, np.log(rng.standard_gamma(alpha + 1)) + log_uniform / np.maximum(alpha, 1e-300), -np.inf
        )
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    total: FloatArray = shares / shares.sum(axis=1, keepdims=True)
    return total


def _donors(n_utterances: int, repeats: int, rng: np.random.Generator) -> IntArray:
    """Draw another utterance for each, never itself."""
    drawn = rng.integers(n_utterances - 1, size=(n_utterances, repeats))
    return drawn + (drawn >= np.arange(n_utterances)[:, None])


def _permutations(
    options: TransparentOptions, label: IntArray, speaker: IntArray, rng: np.random.Generator
) -> dict[str, IntArray]:
    """Draw each permutation asked for, one a repeat; which others are asked for changes none."""
    within = {"permuted": np.zeros_like(label), BY_LABEL: label, BY_SPEAKER: speaker}
    asked = {showing.exchange for showing in options.showings}
    return {
        name: np.stack([_derangement(within[name], stream) for _ in range(options.repeats)], axis=1)
        for name, stream in zip(PERMUTED, rng.spawn(len(PERMUTED)), strict=True)
        if name in asked
    }


def _derangement(group: IntArray, rng: np.random.Generator) -> IntArray:
    """Return a permutation within groups that moves everybody, [U]; whoever is alone in a group stays.

    Groups in which somebody stayed are drawn again, so that all such permutations are equally likely.
    """
    donor = np.arange(len(group))
    left = np.bincount(group)[group] > 1
    while left.any():
        some = np.flatnonzero(left)
        place, order = np.argsort(group[some], kind="stable"), np.lexsort((rng.random(len(some)), group[some]))
        donor[some[place]] = some[order]
        left &= np.isin(group, group[some[donor[some] == some]])
    return donor
