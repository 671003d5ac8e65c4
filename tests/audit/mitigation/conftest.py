"""Tables whose probabilities lean to one label in one group, by as much as a test says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

LABELS = ("anger", "fear", "joy", "sadness")


def leaning_frame(
    *, lean: float = 1.2, n_labels: int = 3, n_speakers: int = 180, per_speaker: int = 10, seed: int = 0
) -> pd.DataFrame:
    """Return a table in which the score of `anger` is higher for Welsh speakers, whatever they feel."""
    rng = np.random.default_rng(seed)
    n, labels = n_speakers * per_speaker, np.array(LABELS[:n_labels])
    speaker = np.arange(n) // per_speaker
    accent = np.array(["Irish", "Scottish", "Welsh"])[speaker % 3]
    truth = rng.integers(0, n_labels, n)
    scores = rng.normal(0, 1, (n, n_labels))
    scores[np.arange(n), truth] += 1.8
    scores[accent == "Welsh", 0] += lean
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = {
        "utterance_id": [f"u{i}" for i in range(n)],
        "speaker_id": [f"s{i}" for i in speaker],
        "condition": "TAV",
        "accent": accent,
        "age": np.array(["18-39", "40+"])[speaker // 3 % 2],
        "y_true": labels[truth],
        "y_pred": labels[shares.argmax(axis=1)],
    }
    return pd.DataFrame(table | {f"prob_{label}": shares[:, k] for k, label in enumerate(labels)})


@pytest.fixture(scope="session")
def leaning() -> Callable[..., pd.DataFrame]:
    """The maker of tables."""
    return leaning_frame
