"""The example plan has what a price takes: a twin, three epsilons, three seeds each, judged by patients nobody met."""

from pathlib import Path

from affidavit.plan import read_plan
from privacy.price.models import FEWEST_EPSILONS, FEWEST_SEEDS

PLAN = Path(__file__).resolve().parents[3] / "examples" / "plans" / "clinic_privacy.yaml"


def test_the_example_plan_shows_a_price() -> None:
    plan = read_plan(PLAN)
    private = {name: each for name, each in plan.training.items() if each.trainer.name == "dp-sgd"}
    assert len({each.trainer.options["epsilon"] for each in private.values()}) >= FEWEST_EPSILONS
    starts = {str(each.reasoner.options.get("start")).removesuffix("/seed-0") for each in plan.training.values()}
    compared = {name: each for name, each in plan.training.items() if each.out not in starts}
    assert set(compared) - set(private)
    judged = {(run.trained.name, run.trained.seed) for run in plan.runs.values() if run.trained is not None}
    for name, training in compared.items():
        assert len(training.seeds) >= FEWEST_SEEDS
        assert {(name, seed) for seed in training.seeds} <= judged
    trained_on = {str(training.corpus.options["seed"]) for training in plan.training.values()}
    assert not trained_on & {str(run.corpus.options["seed"]) for run in plan.runs.values() if run.corpus is not None}
    assert plan.examinations is not None
    assert {"price-of-privacy", "gradient-clipping", "privacy-ledger"} <= {each.name for each in plan.examinations}


def test_each_private_run_names_the_ledger_that_its_training_leaves() -> None:
    plan = read_plan(PLAN)
    assert plan.examinations is not None
    ledgers = next(each.options["ledger"] for each in plan.examinations if each.name == "privacy-ledger")
    assert isinstance(ledgers, dict)
    for run, source in plan.runs.items():
        assert source.trained is not None
        training = plan.training[source.trained.name]
        if training.trainer.name == "dp-sgd":
            assert ledgers[run] == f"{training.out}/seed-{source.trained.seed}.ledger.jsonl"
