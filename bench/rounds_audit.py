"""A federated audit of 100 sites and 24 cells, from each site's rows in memory to the sealed report.

Cells are accent x age (6 x 4); the plan has a level more of each, for whomever it does not name. Six labels, two
conditions. Sites count one after another here, as each does on its own machine elsewhere: the figure is all of that
added up. The server reads what came, adds it up and makes the report; in secure sums all five stages of all sites are
in the figure, the masks included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from affidavit.plan import Statistics
from affidavit.predictions import Predictions, predictions_from
from affidavit.tables import from_frame
from federated.pooled.at_site import SiteTerms, site_counts, site_vector
from federated.pooled.contribution import read_counts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.reading import reading_of
from federated.pooled.report import federated_report
from federated.pooled.secure_sums import counts_terms, totals_of_secure
from federated.pooled.totals import added
from federated.secure.rehearsal import clients_of, rehearse, roster_of, signing_keys
from federated.secure.topologies import topology

LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness")
ACCENTS: Final = tuple(f"accent {i}" for i in range(6))
AGES: Final = ("18-29", "30-44", "45-59", "60+")
CONDITIONS: Final = ("TAV", "T")
N_PATIENTS: Final = 240
N_TURNS: Final = 4
FLOOR: Final = 5
TOLD: Final = ("plain", "secure")


@dataclass(slots=True)
class Timed:
    """Processor and wall seconds by step."""

    steps: dict[str, tuple[float, float]] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        processor, wall = time.process_time(), time.perf_counter()
        yield
        self.steps[name] = (time.process_time() - processor, time.perf_counter() - wall)

    @property
    def total(self) -> tuple[float, float]:
        """Processor and wall seconds of all steps."""
        processor, wall = zip(*self.steps.values(), strict=True)
        return sum(processor), sum(wall)


def plan_of(n_sites: int, told: str) -> CountsPlan:
    """Return what is counted."""
    return CountsPlan.model_validate(
        {
            "run": "model",
            "sites": tuple(f"site-{i:03}" for i in range(n_sites)),
            "labels": LABELS,
            "conditions": CONDITIONS,
            "features": {"accent": ACCENTS, "age": AGES},
            "told": told,
            "floor": FLOOR,
            "statistics": Statistics(),
        }
    )


def table_of(at: int) -> pd.DataFrame:
    """Return one site's rows."""
    rng = np.random.default_rng(at)
    patient = np.repeat(np.arange(N_PATIENTS), N_TURNS * len(CONDITIONS))
    turn = np.tile(np.repeat(np.arange(N_TURNS), len(CONDITIONS)), N_PATIENTS)
    truth = rng.integers(0, len(LABELS), (N_PATIENTS, N_TURNS)).repeat(len(CONDITIONS))
    right = rng.random(len(patient)) < 0.7
    accent, age = rng.integers(0, len(ACCENTS), N_PATIENTS), rng.integers(0, len(AGES), N_PATIENTS)
    called = np.where(right, truth, rng.integers(0, len(LABELS), len(patient)))
    return pd.DataFrame(
        {
            "utterance_id": [f"{at}-{p}-{t}" for p, t in zip(patient, turn, strict=True)],
            "unit_id": [f"{at}-{p}" for p in patient],
            "condition": np.tile(CONDITIONS, N_PATIENTS * N_TURNS),
            "accent": np.array(ACCENTS)[accent[patient]],
            "age": np.array(AGES)[age[patient]],
            "y_true": np.array(LABELS)[truth],
            "y_pred": np.array(LABELS)[called],
        }
    )


def audited(n_sites: int) -> dict[str, Timed]:
    """Audit so many sites each way, and return how long each step took; what sites read is read once for both."""
    plain, secure = (plan_of(n_sites, told) for told in TOLD)
    found = {told: Timed() for told in TOLD}
    reading = Timed()
    tables = []
    for at in range(n_sites):
        frame = table_of(at)
        with reading.step(str(at)):
            tables.append(predictions_from(from_frame(frame), reading_of(plain)))
    for timed in found.values():
        timed.steps["sites read their rows"] = reading.total
    _plain(plain, tables, found["plain"])
    _secure(secure, tables, found["secure"])
    return found


def _plain(plan: CountsPlan, tables: list[Predictions], timed: Timed) -> None:
    with timed.step("sites count, withhold, write"):
        counts = [
            site_counts(table, plan, SiteTerms(site=site)) for site, table in zip(plan.sites, tables, strict=True)
        ]
        written = [each.to_json() for each in counts]
    with timed.step("server reads"):
        contributions = [read_counts(content, where="bench") for content in written]
    with timed.step("server adds"):
        totals = added(plan, contributions)
    with timed.step("server reports"):
        federated_report(totals)


def _secure(plan: CountsPlan, tables: list[Predictions], timed: Timed) -> None:
    with timed.step("sites count"):
        vectors = {site: site_vector(table, plan, site=site) for site, table in zip(plan.sites, tables, strict=True)}
    n_sites = len(plan.sites)
    keys = signing_keys(plan.sites)
    terms = counts_terms(
        plan, roster=roster_of(keys), topology=topology(n_sites, colluding=n_sites // 10, dropped=n_sites // 10)
    )
    with timed.step("five stages, sites and server"):
        total = rehearse(clients_of(keys, terms), vectors)
    with timed.step("server checks the total"):
        totals = totals_of_secure(plan, total)
    with timed.step("server reports"):
        federated_report(totals)
