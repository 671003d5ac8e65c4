from __future__ import annotations

import pandas as pd
import pytest

import affidavit as af
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.privacy_promises import check_promises, promise_in

PROMISES = (
    "Differentially private emotion model",
    "trained with DP-SGD at epsilon 3",
    "It is not large. It is trained under differential privacy.",
    "an ε-DP reasoner",
    "采用差分隐私训练",
    "DP LoRA adapters",
    "satisfies (ε, δ)-DP",
    "It is (8, 1e-5)-DP.",
    "DP training at epsilon 8",
    "Not only fair but also differentially private",
    "No patient can be found in it, thanks to DP-SGD",
    "Never before was differential privacy so cheap",
)
DENIALS = (
    "Audit of the twin without differential privacy",
    "a non-differentially-private twin",
    "The price of differential privacy",
    "not trained with any differential privacy",
    "It never claimed to be differentially private.",
    "no formal differential privacy",
    "没有差分隐私",
    "No patient is named; privacy is kept by contract",
    "A differential diagnosis, in private practice",
)


@pytest.mark.parametrize("text", PROMISES)
def test_a_promise_is_seen(text: str) -> None:
    assert promise_in(text)


@pytest.mark.parametrize("text", DENIALS)
def test_a_denial_and_other_words_are_none(text: str) -> None:
    assert promise_in(text) is None


@pytest.mark.parametrize("part", ["title", "purpose"])
def test_a_plan_that_promises_reads_a_ledger(part: str) -> None:
    plan = AuditPlan.model_validate({"runs": {"a": RunSource(table="a.csv")}, part: PROMISES[0]})
    with pytest.raises(PlanError) as caught:
        check_promises(plan)
    assert caught.value.slug == "privacy-unfounded"
    assert caught.value.where == f"plan.{part}"
    check_promises(plan.model_copy(update={"examinations": (Choice(name="privacy-ledger"),)}))


def test_a_supplier_that_promises_is_named() -> None:
    plan = AuditPlan(runs={"a": RunSource(table="a.csv", supplier="Acme, DP-trained")})
    with pytest.raises(PlanError, match="differential privacy is promised") as caught:
        check_promises(plan)
    assert caught.value.where == "plan.runs.a.supplier"


def test_an_audit_refuses_before_it_computes(tmp_path: object) -> None:
    table = pd.DataFrame({"utterance_id": ["1", "2"], "y_true": ["joy", "fear"], "y_pred": ["joy", "joy"]})
    plan = AuditPlan(runs={"a": RunSource(table="a.csv")}, title="A differentially private model")
    with pytest.raises(PlanError, match="reads no ledger"):
        af.audit(table, plan=plan)
