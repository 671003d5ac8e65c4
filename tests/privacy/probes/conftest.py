"""Tables whose rationales or vectors tell who speaks, by as much as a test asks for, and their clean twins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affidavit.case import Case
from affidavit.testing import case_of
from privacy.probes.roster import Roster

WORDS = ("calm", "quiet", "tone", "loud", "voice", "soft", "slow", "fast", "brow", "face", "smile", "tears", "sigh")


def roster_of(counts: np.ndarray, groups: np.ndarray, *, sessions: int | None = None) -> Roster:
    """Units with so many utterances each, in groups of the feature `g`, in turn over so many sessions of each."""
    unit = np.repeat(np.arange(len(counts)), counts)
    turn = np.concatenate([np.arange(n) for n in counts])
    names = None if sessions is None else tuple(f"{u}-{t % sessions}" for u, t in zip(unit, turn, strict=True))
    return Roster(
        utterance_ids=tuple(f"u{i:05d}" for i in range(len(unit))),
        unit=unit,
        groups={"g": np.repeat(groups, counts)},
        dialogues=names,
        rationales=None,
        n_utterances=len(unit),
        n_units=len(counts),
    )


def vectors(
    counts: np.ndarray, groups: np.ndarray, rng: np.random.Generator, *, shift: float, own: float = 0.7, width: int = 16
) -> np.ndarray:
    """Gaussian vectors [N, width]: units differ by `own`, groups by `shift` in the first number."""
    means = rng.normal(size=(len(counts), width)) * own
    means[:, 0] += shift * groups
    unit = np.repeat(np.arange(len(counts)), counts)
    return means[unit] + rng.normal(size=(len(unit), width))


def told_table(
    *, n_units: int = 40, counts: tuple[int, int] = (6, 6), tell: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Judgements of units in two accents, so many utterances each; `tell` of the northern rationales say `burr`."""
    rng = np.random.default_rng(seed)
    rows = []
    for u in range(n_units):
        north = u % 2
        for t in range(counts[north]):
            said = " ".join(rng.choice(WORDS, 10)) + (" burr" if north and rng.random() < tell else "")
            rows.append(
                {
                    "utterance_id": f"p{u:03d}-{t:02d}",
                    "speaker_id": f"p{u:03d}",
                    "dialogue_id": f"p{u:03d}-d{t % 3}",
                    "condition": "TAV",
                    "accent": ("south", "north")[north],
                    "y_true": ("joy", "anger")[int(rng.integers(2))],
                    "y_pred": ("joy", "anger")[int(rng.integers(2))],
                    "rationale": said,
                }
            )
    return pd.DataFrame(rows)


def leakage_case(
    frame: pd.DataFrame, *, folder: Path | None = None, by: tuple[str, ...] = ("accent",), **options: Any
) -> Case:
    case = case_of(frame, by=by, options={"hidden": 0, "permutations": 99, "components": 24, **options})
    return case if folder is None else replace(case, folder=folder)


def vector_table(frame: pd.DataFrame, **sources: np.ndarray) -> pd.DataFrame:
    columns = {f"{name}_{j}": values[:, j] for name, values in sources.items() for j in range(values.shape[1])}
    return pd.DataFrame({"utterance_id": frame["utterance_id"], **columns})
