"""One plan trains two models with two seeds each, judges, and prints their table; and the examples read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from affidavit.plan import AuditPlan, read_plan
from affidavit.run import run_plan

PLANS: Final = Path(__file__).resolve().parents[3] / "examples" / "plans"
pytestmark = pytest.mark.usefixtures("no_shards")


@pytest.mark.parametrize("name", ["meld_models", "clinic_tables"])
def test_every_run_of_an_examples_tables_is_there_and_is_its_rows(name: str) -> None:
    plan = read_plan(PLANS / f"{name}.yaml")
    options: Any = next(each.options for each in plan.examinations or () if each.name == "seed-tables")
    named = [run for table in options["tables"].values() for runs in table["rows"].values() for run in runs]
    assert sorted(set(named)) == sorted(plan.runs)
    for table in options["tables"].values():
        for runs in table["rows"].values():
            models = [plan.runs[run].trained for run in runs]
            assert len({model.name for model in models if model}) == 1
            assert sorted(model.seed or 0 for model in models if model) == [0, 1, 2]


@pytest.mark.slow
def test_a_plan_trains_judges_and_sets_the_table_beside_the_papers(tmp_path: Path) -> None:
    corpus = {"name": "clinic", "options": {"seed": 3, "n_utterances": 300, "media": "none"}}
    words = {"audio": False, "visual": False, "words": "convolutions", "hidden": 16}
    names = ("bc-lstm", "early-fusion")
    plan = AuditPlan.model_validate(
        {
            "training": {
                name: {
                    "corpus": corpus,
                    "reasoner": {"name": name, "options": words},
                    "trainer": {"name": "supervised", "options": {"epochs": 1}},
                    "seeds": [0, 1],
                }
                for name in names
            },
            "runs": {
                f"{name}-{seed}": {
                    "corpus": corpus,
                    "reasoner": {"name": name, "options": {"conditions": ["T"]}},
                    "trained": {"name": name, "seed": seed},
                }
                for name in names
                for seed in (0, 1)
            },
            "examinations": [
                {
                    "name": "seed-tables",
                    "options": {
                        "tables": {
                            "models": {
                                "rows": {name: [f"{name}-0", f"{name}-1"] for name in names},
                                "against": "early-fusion",
                                "published": "models-meld",
                            }
                        }
                    },
                }
            ],
            "execution": {"device": "cpu", "workers": 0, "threads": 1},
        }
    )
    report = run_plan(plan, folder=tmp_path)
    (exhibit,) = (each for each in report.exhibits if each.id == "seed-tables")
    columns = [column.name for column in exhibit.columns]
    rows = [dict(zip(columns, row, strict=True)) for row in exhibit.rows or ()]
    assert [row["row"] for row in rows] == list(names)
    assert [row["published"] for row in rows] == [0.648, 0.669]
    assert all(row["low"] < row["value"] < row["high"] and row["seeds"] == 2 for row in rows)
    metrics = {finding.metric for finding in report.findings if finding.examination == "seed-tables"}
    assert metrics == {"weighted_f1", "weighted_f1_difference"}
