"""Transparent reasoners on the stand: faithful rationales and planted decoration are told apart, table by table."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from affidavit.case import Case, EvidenceBook
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.testing.tables import FAST
from faithfulness.citation.examination import EXAMINATION
from reasoners.transparent.door import REASONER
from reasoners.transparent.expectations import expected_citing, removals
from reasoners.transparent.options import TransparentOptions

N_TABLES = 20
CONDITIONS = ["TAV", "TA", "TV", "AV"]


def phi(honesty: dict[str, float], seed: int, **told: object) -> float:
    """Return the citation phi of one table of 30 speakers."""
    options = {"n_speakers": 30, "conditions": CONDITIONS, "honesty": honesty, "seed": seed, **told}
    reading = Reading(run="run", by=())
    predictions = REASONER.judge(None, options, reading=reading, rng=np.random.default_rng(seed), progress=silent)
    runs = {"run": predictions}
    book = EvidenceBook(runs=runs, by=(), statistics=FAST, seed=0)
    case = Case(runs=runs, by=(), depth=1, statistics=FAST, book=book, rng=np.random.default_rng(0))
    found = {claim.finding.metric: claim.finding.estimate.value for claim in EXAMINATION.examine(case).claims}
    value = found["citation_phi"]
    assert value is not None
    return value


@pytest.mark.slow  # a simulation
@pytest.mark.parametrize("unfaithful", ["decorative", "inverted"])
def test_a_planted_share_of_unfaithful_rationales_is_ranked_below_faithful_twins(unfaithful: str) -> None:
    faithful = [phi({"faithful": 1.0}, seed) for seed in range(N_TABLES)]
    planted = [phi({"faithful": 0.7, unfaithful: 0.3}, 1000 + seed) for seed in range(N_TABLES)]
    assert roc_auc_score([1] * N_TABLES + [0] * N_TABLES, faithful + planted) >= 0.95


def test_two_faithful_halves_are_not_told_apart() -> None:
    first = [phi({"faithful": 1.0}, seed) for seed in range(N_TABLES)]
    second = [phi({"faithful": 1.0}, 1000 + seed) for seed in range(N_TABLES)]
    assert 0.25 < roc_auc_score([1] * N_TABLES + [0] * N_TABLES, first + second) < 0.75


def test_phi_is_what_the_rules_of_the_reasoner_make_it() -> None:
    honesty = {"faithful": 0.6, "decorative": 0.4}
    options = TransparentOptions.model_validate({"conditions": CONDITIONS, "honesty": honesty})
    alone = [
        expected_citing(options, before="TAV", after={modality: condition}, groups={}).phi
        for modality, condition in removals(operator="absent").items()
    ]
    assert phi(honesty, 7, n_speakers=600) == pytest.approx(
        np.mean([each for each in alone if each is not None]), abs=0.03
    )
