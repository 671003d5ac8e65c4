"""Tables of three hospitals, read and counted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affidavit.plan import Statistics
from affidavit.predictions import Predictions, predictions_from
from affidavit.tables import from_frame
from federated.pooled.contribution import SiteCounts, contribution
from federated.pooled.counting import counted
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.totals import Totals, added
from federated.pooled.withholding import withheld_places

LABELS = ("anger", "joy", "sadness")
ACCENTS = ("Irish", "Scottish", "Welsh")
AGES = ("18-39", "40+")
SITES = ("north", "south", "west")


def hospital(
    name: str, *, n_patients: int, seed: int, most_rows: int = 14, rates: dict[str, float] | None = None
) -> pd.DataFrame:
    """Return one hospital's table: patients with 1 to `most_rows` turns, who differ, under two conditions."""
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(n_patients):
        accent, age = ACCENTS[int(rng.integers(3))], AGES[int(rng.integers(2))]
        skill = float(np.clip((rates or {}).get(accent, 0.7) + rng.normal(0, 0.12), 0.02, 0.98))
        for turn in range(int(rng.integers(1, most_rows + 1))):
            truth = int(rng.integers(3))
            for condition in ("TAV", "T"):
                right = rng.random() < (skill if condition == "TAV" else skill - 0.1)
                called = truth if right else (truth + int(rng.integers(1, 3))) % 3
                rows.append(
                    {
                        "utterance_id": f"{name}-{patient}-{turn}",
                        "unit_id": f"{name}-{patient}",
                        "condition": condition,
                        "accent": accent,
                        "age": age,
                        "room": ("quiet", "loud")[int(rng.integers(2))] if condition == "TAV" else "quiet",
                        "y_true": LABELS[truth],
                        "y_pred": LABELS[called],
                    }
                )
    return pd.DataFrame(rows)


def plan_of(**more: object) -> CountsPlan:
    """Return the plan that most tests count by."""
    options: dict[str, object] = {
        "run": "model",
        "sites": SITES,
        "labels": LABELS,
        "conditions": ("TAV", "T"),
        "features": {"accent": ACCENTS, "age": AGES},
        "statistics": Statistics(n_resamples=400, n_permutations=199),
        "floor": 2,
    }
    return CountsPlan.model_validate({**options, **more})


def read(frame: pd.DataFrame, plan: CountsPlan) -> Predictions:
    """Return a table as the site's command reads it."""
    from federated.pooled.reading import reading_of

    return predictions_from(from_frame(frame), reading_of(plan))


def counts_of(frame: pd.DataFrame, plan: CountsPlan, *, site: str = "north", floor: bool = True) -> SiteCounts:
    """Return what a site sends of its table; without the floor nothing is withheld."""
    blocks = counted(read(frame, plan), plan, rng=np.random.default_rng(0))
    gone = withheld_places(plan, blocks) if floor else frozenset()
    return contribution(plan, blocks, site=site, withheld=gone)


def three_hospitals(n_patients: int = 40, *, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Return the tables of three hospitals that differ in size."""
    sizes = (n_patients, n_patients // 2, 2 * n_patients)
    return {
        site: hospital(site, n_patients=size, seed=seed + i)
        for i, (site, size) in enumerate(zip(SITES, sizes, strict=True))
    }


def totals_of(tables: dict[str, pd.DataFrame], plan: CountsPlan, *, floor: bool = True) -> Totals:
    """Return the totals over hospitals."""
    return added(plan, [counts_of(frame, plan, site=site, floor=floor) for site, frame in tables.items()])
