"""A policy that can bind nothing of an audit is refused before anything is trained, judged or examined."""

from pathlib import Path
from typing import Any

import pytest

import affidavit as af
from affidavit.errors import PolicyError
from affidavit.plan import AuditPlan
from affidavit.policy import Policy
from affidavit.run import run_plan
from affidavit.testing import predictions_frame


def policy(**criterion: Any) -> Policy:
    bound = {"id": "one", "metric": "accuracy_difference", "at_most": 0.1, "source": "house rule", **criterion}
    return Policy.model_validate(
        {
            "version": 1,
            "name": "house",
            "title": "House rules",
            "statement": "for tests",
            "frozen_before_results": True,
            "criteria": [bound],
        }
    )


def plan(**changed: Any) -> AuditPlan:
    """A plan whose model would have to be trained on a corpus that does not exist."""
    return AuditPlan.model_validate(
        {
            "training": {"tiny": {"corpus": "no-such-corpus", "reasoner": "no-such-reasoner"}},
            "runs": {"tiny": {"reasoner": "no-such-reasoner", "corpus": "no-such-corpus", "trained": "tiny"}},
            "by": ["accent", "age"],
            "examinations": ["performance"],
            **changed,
        }
    )


@pytest.mark.parametrize(
    ("criterion", "said"),
    [
        ({"compared": ["sex"]}, "compared sex"),
        ({"compared": ["acent"]}, "did you mean 'accent'"),
        ({"compared": []}, "compared of nothing"),
        ({"compared": ["accent", "age"], "intersections": False}, "with intersections: false"),
        ({"conditions": ["VA"]}, "did you mean 'AV'"),
        ({"conditions": ["TAV", "loud"]}, "condition 'loud'"),
        ({"metric": "accuracy_gap"}, "accuracy_gap"),
        ({"metric": "worst_group_accuracy"}, "worst_group_accuracy"),
    ],
)
def test_what_the_plan_alone_tells_is_refused_before_training(criterion: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        run_plan(plan(), folder=Path(), policy=policy(**criterion))


def test_more_features_than_the_plan_goes_deep_are_refused() -> None:
    with pytest.raises(PolicyError, match="up to 1, the depth of this audit"):
        run_plan(plan(depth=1), folder=Path(), policy=policy(compared=["age", "accent"]))


def test_groups_without_features_are_refused() -> None:
    with pytest.raises(PolicyError, match="scope groups, and no groups"):
        run_plan(plan(by=[]), folder=Path(), policy=policy(metric="accuracy", scope="groups"))


def test_a_policy_file_of_the_plan_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text(policy(compared=["sex"]).model_dump_json())
    with pytest.raises(PolicyError, match="can bind nothing"):
        run_plan(plan(policy="house.yaml"), folder=tmp_path)


def test_conditions_that_no_run_has_are_refused_before_anything_is_examined() -> None:
    with pytest.raises(PolicyError, match="allowed: TAV, A"):
        af.audit(predictions_frame(), by=["accent"], policy=policy(conditions=["V"]))


@pytest.mark.parametrize(
    "criterion",
    [
        {"compared": ["age", "accent"]},
        {"compared": ["accent"], "intersections": False},
        {"conditions": ["TAV", "V"]},
        {"conditions": "fullest"},
        {"metric": "accuracy", "scope": "groups"},
    ],
)
def test_what_can_be_bound_is_bound(criterion: dict[str, Any]) -> None:
    quick = AuditPlan.model_validate(
        {
            "runs": {"r": {"table": "t"}},
            "examinations": ["performance"],
            "statistics": {"n_resamples": 100, "n_permutations": 99},
        }
    )
    report = af.audit(predictions_frame(), by=["accent", "age"], policy=policy(**criterion), plan=quick)
    assert any(finding.criterion for finding in report.findings)
