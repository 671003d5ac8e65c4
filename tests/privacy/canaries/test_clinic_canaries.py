"""Canaries planted in the clinic: a model without privacy knows them by heart, a private one does not, and both say so.

Planted canaries beside as many that were drawn alike and never planted are pairs; the model is a softmax over words,
trained on the patients' sentences, once as it is and once on clipped and noised sums over patients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.records import Finding
from corpora.clinic.faults import planted, reserve_canaries, scripts, with_canaries
from corpora.clinic.options import LABELS, ClinicFaults, ClinicOptions
from privacy.canaries.examination import EXAMINATION
from privacy.canaries.inputs import canary_table
from privacy.canaries.measures import ACCURACY, DROP, EPSILON

N_CANARIES, STEPS, NOISE, CLIP = 60, 40, 8.0, 1.0
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """Counts of words over a fixed vocabulary."""

    vocabulary: dict[str, int]

    def of(self, text: str) -> FloatArray:
        found = np.zeros(len(self.vocabulary))
        for word in text.lower().replace(",", " ").replace(".", " ").split():
            if word in self.vocabulary:
                found[self.vocabulary[word]] = 1.0
        norm = float(np.linalg.norm(found))
        return found / norm if norm else found


def losses(weights: FloatArray, x: FloatArray, y: IntArray) -> FloatArray:
    scores = x @ weights
    scores = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y])


def trained(x: FloatArray, y: IntArray, unit: IntArray, *, noise: float, rng: np.random.Generator) -> FloatArray:
    """Full-batch steps over sums of patients' gradients; with noise, each is clipped as a whole first."""
    weights, target = np.zeros((x.shape[1], len(LABELS))), np.eye(len(LABELS))[y]
    n = int(unit.max()) + 1
    for _ in range(STEPS):
        scores = np.exp(x @ weights)
        residual = scores / scores.sum(axis=1, keepdims=True) - target
        total = x.T @ residual
        if noise:
            gradients = [x[unit == u].T @ residual[unit == u] for u in range(n)]
            total = sum(g * min(1.0, CLIP / max(float(np.linalg.norm(g)), 1e-12)) for g in gradients)
            total = total + noise * CLIP * rng.normal(0, 1, weights.shape)
        weights -= 20.0 / n * total
    return weights


def material() -> tuple[Words, list[tuple[str, str, str]], list[tuple[str, str]], list[tuple[str, str]]]:
    options = ClinicOptions(
        seed=5, n_utterances=600, media="none", faults=ClinicFaults(canaries=N_CANARIES, canary_repeats=1)
    )
    canaries = planted(options).canaries
    turns = with_canaries(scripts(options), canaries)
    said = [(t.line.text, t.beat.label, t.speaker.speaker_id) for t in turns if t.beat is not None]
    reserve = [(c.text, c.label) for c in reserve_canaries(options)]
    texts = [text for text, _, _ in said] + [text for text, _ in reserve]
    words = sorted({w for text in texts for w in text.lower().replace(",", " ").replace(".", " ").split()})
    return Words({word: i for i, word in enumerate(words)}), said, [(c.text, c.label) for c in canaries], reserve


@pytest.fixture(scope="module")
def scored() -> tuple[FloatArray, FloatArray]:
    """Scores (less the loss) of planted canaries and then of the others: without privacy, and with it."""
    words, said, inside, outside = material()
    x = np.array([words.of(text) for text, _, _ in said])
    y = np.array([LABELS.index(label) for _, label, _ in said])
    names = sorted({speaker for *_, speaker in said})
    unit = np.array([names.index(speaker) for *_, speaker in said])
    canaries = np.array([words.of(text) for text, _ in inside + outside])
    labels = np.array([LABELS.index(label) for _, label in inside + outside])
    rng = np.random.default_rng(0)
    public = trained(x, y, unit, noise=0.0, rng=rng)
    private = trained(x, y, unit, noise=NOISE, rng=rng)
    return -losses(public, canaries, labels), -losses(private, canaries, labels)


def audited(
    tmp_path: Path, case_with: Callable[..., Case], score: FloatArray, baseline: FloatArray | None
) -> dict[str, Finding]:
    n = N_CANARIES
    table = canary_table(
        [f"planted {i}" for i in range(n)] + [f"reserve {i}" for i in range(n)],
        included=np.arange(2 * n) < n,
        score=score,
        baseline=baseline,
        pair=[f"pair {i % n}" for i in range(2 * n)],
    )
    case = case_with(table.to_pandas(), by=(), k_plus=n // 2, k_minus=n // 2)
    assert EXAMINATION.refuses(case) is None
    return {claim.finding.metric: claim.finding for claim in EXAMINATION.examine(case).claims}


def test_planted_canaries_are_known_by_heart_without_privacy_and_the_drop_has_an_interval(
    tmp_path: Path, case_with: Callable[..., Case], scored: tuple[FloatArray, FloatArray]
) -> None:
    public, private = scored
    findings = audited(tmp_path, case_with, public, None)
    assert (findings[EPSILON].estimate.value or 0) > 1
    assert (findings[ACCURACY].estimate.value or 0) > 0.8
    findings = audited(tmp_path, case_with, private, public)
    assert (findings[EPSILON].estimate.value or 0) < 1
    drop = findings[DROP].estimate
    assert drop.interval is not None
    assert drop.interval.low > 0
    assert drop.n == N_CANARIES
