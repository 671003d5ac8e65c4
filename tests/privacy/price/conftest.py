"""Tables as private and non-private models could have judged them, drawn from stated accuracies."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affidavit.case import Case, EvidenceBook
from affidavit.plan import Statistics
from affidavit.predictions import Reading, predictions_from
from affidavit.tables import from_frame

LABELS = np.array(["anger", "joy", "sadness"])
FAST = Statistics(n_resamples=200, n_permutations=99)
EPSILONS = (1.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True)
class World:
    """What is true of the models: accuracies by accent, what privacy takes, and how units and seeds spread."""

    units: Mapping[str, int] = field(default_factory=lambda: {"Irish": 40, "Scottish": 40, "Welsh": 20})
    per_unit: int = 12
    right: float = 0.75
    lost: Mapping[float, Mapping[str, float]] = field(default_factory=dict)
    """By epsilon and accent; the rest loses `lost_by_all`."""
    lost_by_all: Mapping[float, float] = field(default_factory=lambda: {1.0: 0.2, 4.0: 0.1, 8.0: 0.05})
    unit_spread: float = 0.05
    seed_spread: float = 0.02
    group_seed_spread: float = 0.0
    seeds: Sequence[int] = (0, 1, 2)
    twin_seeds: Sequence[int] = (0, 1, 2)

    def frames(self, rng: np.random.Generator, *, age: bool = True) -> dict[str, pd.DataFrame]:
        """Return a table a run: `twin-SEED` and `private-EPSILON-SEED`."""
        accents = np.repeat(list(self.units), list(self.units.values()))
        unit = np.repeat(np.arange(len(accents)), self.per_unit)
        easy = rng.normal(0, self.unit_spread, len(accents))
        hurt = {epsilon: rng.normal(0, self.unit_spread / 2, len(accents)) for epsilon in self.lost_by_all}
        truth = rng.integers(0, len(LABELS), len(unit))
        luck = rng.random(len(unit))
        frames = {}
        arms: list[tuple[str, float | None, Sequence[int]]] = [("twin", None, self.twin_seeds)]
        arms += [(f"private-{epsilon:g}", epsilon, self.seeds) for epsilon in self.lost_by_all]
        for name, epsilon, seeds in arms:
            for seed in seeds:
                whole = rng.normal(0, self.seed_spread)
                own = {accent: rng.normal(0, self.group_seed_spread) for accent in self.units}
                rate = self.right + easy + whole + np.array([own[accent] for accent in accents])
                if epsilon is not None:
                    some = self.lost.get(epsilon, {})
                    rate = rate - hurt[epsilon] - [some.get(a, self.lost_by_all[epsilon]) for a in accents]
                mixed = np.where(rng.random(len(unit)) < 0.5, luck, rng.random(len(unit)))
                wrong = (truth + rng.integers(1, len(LABELS), len(unit))) % len(LABELS)
                told = np.where(mixed < np.clip(rate, 0, 1)[unit], truth, wrong)
                frames[f"{name}-{seed}"] = pd.DataFrame(
                    {
                        "utterance_id": [f"u{i}" for i in range(len(unit))],
                        "speaker_id": [f"s{i}" for i in unit],
                        "accent": accents[unit],
                        **({"age": np.array(["18-39", "40+"])[unit % 2]} if age else {}),
                        "y_true": LABELS[truth],
                        "y_pred": LABELS[told],
                    }
                )
        return frames


def card(asked: float | None, seed: int, **changed: Any) -> dict[str, Any]:
    """Return the card of a model as a trainer leaves it."""
    if asked is None:
        return {"seed": seed, "trainer": "supervised", "options": {"max_turns": 16}} | changed
    privacy = {
        "epsilon": asked * 0.998,
        "delta": 1e-3,
        "unit": "patient",
        "clip_norm": 1.0,
        "noise_multiplier": 1.1,
        "sampler": "poisson",
        "ledger": "ledger.jsonl",
        "simulated": False,
    }
    options = {"epsilon": asked, "max_turns_per_patient": 16}
    return {"seed": seed, "trainer": "dp-sgd", "options": options, "privacy": privacy | changed}


def cards_for(runs: Sequence[str], **changed: Any) -> dict[str, dict[str, Any]]:
    """Return the cards of runs by their names, the part `privacy` of all private ones changed."""
    cards = {}
    for run in runs:
        *name, seed = run.split("-")
        cards[run] = card(None, int(seed)) if name == ["twin"] else card(float(name[1]), int(seed), **changed)
    return cards


def case_of_runs(
    frames: Mapping[str, pd.DataFrame],
    *,
    by: Sequence[str] = ("accent", "age"),
    cards: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    statistics: Statistics = FAST,
    readings: Mapping[str, Any] | None = None,
) -> Case:
    """Return a case of these tables, with cards in a file."""
    runs = {
        name: predictions_from(from_frame(frame), Reading(run=name, by=tuple(by), **(readings or {})))
        for name, frame in frames.items()
    }
    folder = Path(tempfile.mkdtemp())
    (folder / "cards.json").write_text(json.dumps(cards_for(list(frames)) if cards is None else cards))
    book = EvidenceBook(runs=runs, by=tuple(by), statistics=statistics, seed=0)
    return Case(
        runs=runs,
        by=tuple(by),
        depth=2,
        statistics=statistics,
        book=book,
        rng=np.random.default_rng(0),
        options={"cards": "cards.json", **(options or {})},
        folder=folder,
    )
