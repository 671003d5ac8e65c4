"""Sentences that the tests make, and readers that are tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from reasoners.verifier.emotions import EMOTIONS

CUES: Final = {
    "anger": ("the voice is loud and sharp", "the jaw is clenched hard", "he bangs on the door", "short cutting words"),
    "joy": ("the voice rises and dances", "the eyes are wide and bright", "she claps both hands", "quick light words"),
    "sadness": (
        "the voice is low and slow",
        "the eyes look at the floor",
        "he sighs and sits down",
        "long heavy pauses",
    ),
    "neutral": (
        "the chair is by the window",
        "it is half past nine",
        "the form has two pages",
        "a bus goes by outside",
    ),
}


@dataclass(frozen=True)
class Table:
    """A reader that knows the emotions of some sentences, and takes all others for neutral."""

    known: Mapping[str, Mapping[str, float]]

    def probabilities(self, sentences: Sequence[str]) -> NDArray[np.float64]:
        rows = np.zeros((len(sentences), len(EMOTIONS)))
        for row, sentence in zip(rows, sentences, strict=True):
            for name, share in self.known.get(sentence, {"neutral": 0.9}).items():
                row[EMOTIONS.index(name)] = share
        return rows


def write_table(path: Path, *, units: int = 24, noisy: frozenset[str] = frozenset(), seed: int = 0) -> Path:
    """Write sentences of people in two towns; those of the noisy towns have their emotions dealt at random."""
    rng = np.random.default_rng(seed)
    lines = ["text,emotion,speaker_id,town"]
    for unit in range(units):
        town = ("north", "south")[unit % 2]
        for emotion, cues in CUES.items():
            for cue in rng.choice(cues, 2, replace=False):
                named = str(rng.choice(list(CUES))) if town in noisy else emotion
                lines.append(f"{cue} in room {rng.integers(9)},{named},s{unit},{town}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "sentences.csv")
