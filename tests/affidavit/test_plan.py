from pathlib import Path

import pytest

from affidavit.errors import AffidavitError, PlanError, PolicyError
from affidavit.plan import AuditPlan, Choice, RunSource, read_plan
from affidavit.policy import read_policy

GOOD = """
version: 1
title: T
runs:
  vendor: {table: predictions.csv, columns: {y_true: gold}}
by: [age, accent]
features:
  age: {bands: [30, 50]}
examinations: [performance, {name: demographic-parity, options: {}}]
seed: 3
execution: {batch_rows: 4096}
"""


def plan_of(tmp_path: Path, text: str) -> AuditPlan:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path)


def test_reads_a_plan_and_prints_it_back(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, GOOD)
    assert plan.feature("age").bands == (30, 50)
    assert [choice.name for choice in plan.examinations or ()] == ["performance", "demographic-parity"]
    assert AuditPlan.model_validate(plan.model_dump(mode="json")) == plan


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seed: 3", "sede: 3"), "did you mean 'seed'"),
        (("by: [age, accent]", "by: [age, age]"), "twice"),
        (("by: [age, accent]", "by: [accent]"), "features.age"),
        (("table: predictions.csv, columns: {y_true: gold}", "supplier: x"), "exactly one of table and reasoner"),
        (("seed: 3", "seed: -1"), "seed"),
        (("bands: [30, 50]", "bands: []"), "features.age.bands"),
        (("bands: [30, 50]", "bands: [30, 30]"), "twice"),
        (("bands: [30, 50]", "bands: [.nan]"), "finite"),
        (("version: 1", "version: 2"), "version"),
        (("runs:", "run:"), "unknown key"),
    ],
)
def test_names_what_is_wrong(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(tmp_path, GOOD.replace(*change))
    assert said in str(caught.value)
    assert caught.value.slug == "plan-invalid"


@pytest.mark.parametrize("text", ["a: [", "\t- x", "just words", ""])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(AffidavitError):
        plan_of(tmp_path, text)


def test_how_fast_and_from_where_do_not_enter_the_claim() -> None:
    plan = AuditPlan(runs={"r": RunSource(table="/somewhere/t.csv")})
    moved = plan.model_copy(update={"runs": {"r": RunSource(table="/elsewhere/t.csv")}})
    quick = plan.model_copy(update={"execution": plan.execution.model_copy(update={"batch_rows": 2048})})
    assert plan.claims() == moved.claims() == quick.claims()
    assert plan.claims() != plan.model_copy(update={"seed": 9}).claims()


def test_a_policy_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("version: 1\nname: p\nthreshold: 3\n")
    with pytest.raises(PolicyError, match="threshold: unknown key"):
        read_policy("p.yaml", folder=tmp_path)


TRAINED = """
training:
  m: {corpus: clinic, reasoner: instructed, seeds: [0, 3]}
runs:
  r: {corpus: clinic, reasoner: instructed, trained: m}
"""


def test_a_run_names_a_trained_model_and_its_seed(tmp_path: Path) -> None:
    first = plan_of(tmp_path, TRAINED).runs["r"].trained
    assert first is not None
    assert (first.name, first.seed) == ("m", None)
    second = plan_of(tmp_path, TRAINED.replace("trained: m", "trained: {name: m, seed: 3}"))
    chosen = second.runs["r"].trained
    assert chosen is not None
    assert (chosen.name, chosen.seed) == ("m", 3)
    assert AuditPlan.model_validate(second.model_dump(mode="json")) == second


@pytest.mark.parametrize(
    ("trained", "said"),
    [("n", "not under training"), ("{name: m, seed: 1}", "only [0, 3]"), ("{name: m, sead: 3}", "unknown key")],
)
def test_a_model_that_is_not_trained_is_refused(tmp_path: Path, trained: str, said: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_of(tmp_path, TRAINED.replace("trained: m", f"trained: {trained}"))
    assert said in str(caught.value)


def test_where_a_model_is_served_is_no_claim_and_which_one_is() -> None:
    def served(**options: str) -> AuditPlan:
        corpus = Choice(name="clinic", options={})
        reasoner = Choice(name="served", options={"url": "http://127.0.0.1:8000/v1", "model": "omni", **options})
        return AuditPlan(runs={"omni": RunSource(corpus=corpus, reasoner=reasoner)})

    assert served().claims() == served(url="http://10.0.0.5/v1", key_variable="KEY").claims()
    assert served().claims() != served(model="other").claims()
