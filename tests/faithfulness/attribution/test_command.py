"""`affidavit explain`: a small model of words asked about one utterance; checks stand beside every value."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from affidavit.errors import PlanError, RowError, TableError
from affidavit.explanations import Explanation, read_explanation
from affidavit.judgements import to_judge
from affidavit.plan import read_plan
from affidavit.protocols import silent
from affidavit.sources import load_corpus
from affidavit.training import train_plan
from faithfulness.attribution.command import NAMES, explain
from faithfulness.attribution.one_judgement import METHODS

pytestmark = pytest.mark.skipif(
    find_spec("captum") is None or find_spec("transformers") is None, reason="needs the extras explain and train"
)
JUDGED = {"seed": 2, "n_utterances": 12, "media": "none"}
PLAN = {
    "training": {
        "tiny": {
            "corpus": {"name": "clinic", "options": {"seed": 1, "n_utterances": 90, "media": "none"}},
            "reasoner": {"name": "instructed", "options": {"size": "tiny", "audio": False, "visual": False}},
            "trainer": {"name": "supervised", "options": {"held_out": 0, "epochs": 1}},
            "out": "model",
        }
    },
    "runs": {
        "words": {"corpus": {"name": "clinic", "options": JUDGED}, "reasoner": "instructed", "trained": "tiny"},
        "table": {"table": "x.csv"},
    },
    "execution": {"threads": 1, "device": "cpu", "workers": 0},
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("asked") / "plan.yaml"
    place.write_text(yaml.safe_dump(PLAN))
    train_plan(read_plan(place), folder=place.parent, progress=silent)
    return place


@pytest.fixture(scope="module")
def utterance() -> str:
    return to_judge(load_corpus("clinic", JUDGED, progress=silent).utterances)[1].utterance_id


def asked(plan: Path, utterance: str, out: Path, **other: Any) -> Explanation:
    told: dict[str, Any] = {"run": "words", "conditions": (), "methods": (), "folder": None, "most_parameters": 10**8}
    assert explain(plan, utterance=utterance, out=out, **{**told, **other}) == 0
    return read_explanation(out)


def test_conditions_that_cannot_be_asked_say_why(plan: Path, utterance: str, tmp_path: Path) -> None:
    told = asked(plan, utterance, tmp_path / "a.json")
    assert [one.condition for one in told.answers] == ["TAV", "TA", "TV", "AV", "T", "A", "V"]
    given = [one.condition for one in told.answers if one.label is not None]
    assert given == ["T"]
    words = told.answer("T")
    assert words is not None
    assert sum(words.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert words.label == max(words.probabilities, key=lambda label: words.probabilities[label])
    because = {one.because for one in told.answers if one.label is None}
    assert because == {"no audio", "no video"}
    assert not told.attributions


def test_every_method_is_told_with_its_checks_or_refused(plan: Path, utterance: str, tmp_path: Path) -> None:
    told = asked(plan, utterance, tmp_path / "a.json", conditions=("T",), methods=("all",))
    found = {one.method: one for one in told.attributions}
    assert set(found) | {one.method for one in told.refused} == set(NAMES) == set(METHODS)
    assert [one.method for one in told.refused] == ["deep-lift"]
    assert "it has no rule for" in told.refused[0].because
    for one in found.values():
        values = [span.value for span in one.spans]
        if one.gap is not None:
            assert one.gap == pytest.approx(sum(values) - (one.output - one.baseline_output), abs=1e-6)
            assert one.sums
        assert {span.modality for span in one.spans} == {"text"}
        assert all(span.placebo is not None for span in one.spans)
        if len(values) > 1 and one.placebo_likeness is not None:
            placebo = np.array([span.placebo for span in one.spans])
            alike = np.dot(values, placebo) / np.linalg.norm(values) / np.linalg.norm(placebo)
            assert one.placebo_likeness == pytest.approx(alike)
    assert found["feature-ablation"].gap is None, "it promises no sum"
    assert found["feature-ablation"].erased is not None
    assert found["modality-shapley"].erased is None
    exact = found["modality-shapley"]
    assert exact.spans[0].value == pytest.approx(exact.output - exact.baseline_output)


def test_asking_twice_says_the_same_and_the_model_is_as_before(plan: Path, utterance: str, tmp_path: Path) -> None:
    """The placebo draws parameters anew, and gives them back."""
    first, second = (
        asked(plan, utterance, tmp_path / f"{i}.json", conditions=("T",), methods=("kernel-shap", "occlusion"))
        for i in range(2)
    )
    assert first == second


def test_a_large_reasoner_is_asked_and_not_attributed(plan: Path, utterance: str, tmp_path: Path) -> None:
    told = asked(plan, utterance, tmp_path / "a.json", conditions=("T",), methods=("occlusion",), most_parameters=10)
    assert told.answers[0].label is not None
    assert "--most-parameters" in told.refused[0].because


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"run": "nobody"}, PlanError),
        ({"run": None}, PlanError),
        ({"run": "table"}, PlanError),
        ({"utterance": "--out"}, PlanError),
        ({"methods": ("magic",)}, PlanError),
        ({"conditions": ("TAX",)}, RowError),
        ({"folder": Path("nowhere")}, PlanError),
    ],
)
def test_what_cannot_be_asked_is_refused_and_nothing_is_written(
    plan: Path, utterance: str, tmp_path: Path, other: dict[str, Any], error: type[Exception]
) -> None:
    out = tmp_path / "a.json"
    named = {"utterance": utterance, **other}
    with pytest.raises(error):
        asked(plan, named.pop("utterance"), out, **named)
    assert not out.exists()


@pytest.mark.parametrize("content", ["", "{}", '{"version": 2}', "[1]"])
def test_what_is_no_explanation_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(TableError):
        read_explanation(tmp_path / "a.json")
    with pytest.raises(TableError):
        read_explanation(tmp_path / "none.json")


def test_the_flags_lead_to_the_command(
    plan: Path, utterance: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from affidavit.cli import explaining
    from affidavit.cli.main import app

    called: list[tuple[Path, dict[str, Any]]] = []

    def command(path: Path, **told: Any) -> int:
        called.append((path, told))
        return 0

    monkeypatch.setattr(explaining, "command_of_room", lambda name: command)
    flags: Sequence[str] = ("--utterance=-u", "--run=r", "--condition=T", "--condition=A", "--method=all", "--out=o")
    result = CliRunner().invoke(app, ["explain", str(plan), *flags])
    assert result.exit_code == 0, result.output
    ((path, told),) = called
    assert path == plan
    assert told["utterance"] == "-u"
    assert told["conditions"] == ("T", "A")
    assert told["methods"] == ("all",)
