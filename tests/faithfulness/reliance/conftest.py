"""A reasoner by vote of three modalities, asked under any condition, and findings by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.conditions import Condition
from affidavit.records import Finding
from affidavit.testing import case_of
from faithfulness.reliance.examination import EXAMINATION

LABELS = ("anger", "joy", "sadness")
LETTERS = "TAV"
Told = dict[tuple[str, str, str], Finding]


def donors(operator: str | None, speaker: Any, truth: Any, rng: np.random.Generator) -> Any:
    """Return whose evidence each utterance gets in place of its own."""
    n = len(truth)
    if operator == "resampled":
        return rng.integers(0, n, n)
    strata = {"permuted-within-label": truth, "permuted-within-speaker": speaker}.get(str(operator), np.zeros(n))
    dealt = np.arange(n)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        dealt[members] = rng.permutation(members)
    return dealt


def votes(shown: Sequence[Any], weights: Sequence[float]) -> Any:
    """Return votes [N, K] of what each modality tells, -1 for nothing."""
    told = np.zeros((len(shown[0]), len(LABELS)))
    for evidence, weight in zip(shown, weights, strict=True):
        told += weight * (evidence[:, None] == np.arange(len(LABELS)))
    return told


@pytest.fixture(scope="session")
def asked() -> Callable[..., pd.DataFrame]:
    def frame(
        conditions: Sequence[str],
        *,
        n_speakers: int = 24,
        each: int = 8,
        reliability: Sequence[float] = (0.9, 0.7, 0.5),
        weights: Sequence[float] = (1.0, 0.8, 0.6),
        deaf: str = "",
        repeats: int = 1,
        draws: int = 3,
        noise: float = 0.0,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return judgements; speakers of the accent `deaf` get text alone, and permutations are drawn `draws` times."""
        rng = np.random.default_rng(seed)
        n = n_speakers * each
        speaker = np.arange(n) // each
        accent = np.array(["Irish", "Welsh"])[speaker % 2]
        truth = rng.choice(3, n, p=(0.5, 0.3, 0.2))
        evidence = [np.where(rng.random(n) < r, truth, rng.integers(0, 3, n)) for r in reliability]
        parts = []
        for condition in conditions:
            read = Condition.parse(condition)
            permuted = (read.operator or "").startswith("permuted")
            for repeat in range(draws if permuted else repeats):
                donor = donors(read.operator, speaker, truth, rng)
                shown = []
                for letter, own in zip(LETTERS, evidence, strict=True):
                    told = own[donor] if letter in (read.level or "") else own
                    told = np.where((accent == deaf) & (letter != "T"), -1, told)
                    shown.append(told if letter in read.modalities else np.full(n, -1))
                scores = votes(shown, weights) + np.array([0.02, 0.01, 0.0])
                scores += 3.0 * noise * rng.random(scores.shape)
                chances = np.exp(3 * scores) / np.exp(3 * scores).sum(axis=1, keepdims=True)
                parts.append(
                    pd.DataFrame(
                        {
                            "utterance_id": [f"u{i}" for i in range(n)],
                            "speaker_id": [f"s{i}" for i in speaker],
                            "accent": accent,
                            "condition": condition,
                            "repeat": repeat,
                            "y_true": np.array(LABELS)[truth],
                            "y_pred": np.array(LABELS)[scores.argmax(axis=1)],
                            **{f"prob_{label}": chances[:, k] for k, label in enumerate(LABELS)},
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    return frame


@pytest.fixture(scope="session")
def told() -> Callable[..., Told]:
    def findings(frame: pd.DataFrame, by: Sequence[str] = ("accent",)) -> Told:
        """Return findings by metric, condition and group."""
        case = case_of(frame, by)
        assert EXAMINATION.refuses(case) is None
        found = {}
        for claim in EXAMINATION.examine(case).claims:
            finding = claim.finding
            group = ", ".join(finding.groups.values()) or ("gap" if finding.compared else "everybody")
            found[finding.metric, finding.condition, group] = finding
        return found

    return findings
