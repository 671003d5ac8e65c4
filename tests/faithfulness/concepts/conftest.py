"""Tables of transparent reasoners that are rendered as other people's, and a way to read findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from affidavit.case import Case, EvidenceBook
from affidavit.examinations import Testimony
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.testing.tables import FAST
from faithfulness.concepts.examination import EXAMINATION
from reasoners.transparent.door import REASONER

ACCENTS = ("northern", "southern", "coastal", "highland")
AGES = ("18-34", "35-54", "55-74", "75-and-over")
CONDITIONS = (
    "TAV",
    *(f"TAV/accent={level}" for level in ACCENTS),
    *(f"TAV/age={level}" for level in AGES),
    "TAV/sex=female",
    "TAV/sex=male",
)
PLANTED = {"feature": "accent", "level": "highland", "label": "anger", "shift": 2.0}
MakeCase = Callable[..., Case]
Told = Mapping[tuple[str, str, str], Finding]


def transparent_case(by: Sequence[str] = ("accent", "age", "sex"), *, seed: int = 0, **options: Any) -> Case:
    """Return a case of 40 speakers, each utterance rendered at every level of accent, age and sex."""
    told = {"n_speakers": 40, "conditions": list(CONDITIONS), "seed": seed, **options}
    reading = Reading(run="run", by=tuple(by))
    predictions = REASONER.judge(None, told, reading=reading, rng=np.random.default_rng(seed), progress=silent)
    runs = {"run": predictions}
    book = EvidenceBook(runs=runs, by=tuple(by), statistics=FAST, seed=0)
    return Case(runs=runs, by=tuple(by), depth=2, statistics=FAST, book=book, rng=np.random.default_rng(0))


def told_by(testimony: Testimony) -> Told:
    """Return findings by condition without its base, metric and group (`everybody`, `gap` or levels)."""
    found = {}
    for claim in testimony.claims:
        finding = claim.finding
        group = ", ".join(finding.groups.values()) or (
            f"gap {'x'.join(finding.compared)}" if finding.compared else "everybody"
        )
        found[finding.condition.partition("/")[2], finding.metric, group] = finding
    return found


@pytest.fixture(scope="session")
def transparent() -> MakeCase:
    return transparent_case


@pytest.fixture(scope="session")
def findings() -> Callable[[Case], Told]:
    def read(case: Case) -> Told:
        assert EXAMINATION.refuses(case) is None
        return told_by(EXAMINATION.examine(case))

    return read


@pytest.fixture(scope="session")
def planted() -> dict[str, Any]:
    return dict(PLANTED)
