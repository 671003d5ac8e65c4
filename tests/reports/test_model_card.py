"""The model card: read by the hub's own classes, says what nobody supplied, and holds hostile texts as texts."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from affidavit.protocols import Renderer
from affidavit.report import AuditReport
from reports.formats.model_card import RENDERER
from reports.law.testimony import Testimony
from reports.papers.papers import Papers


@pytest.fixture(scope="module")
def card(small: AuditReport) -> ModelCard:
    return ModelCard(RENDERER.render(small).decode())


def _front_matter(report: AuditReport) -> dict[str, Any]:
    text = RENDERER.render(report).decode()
    assert text.startswith("---\n")
    read: dict[str, Any] = yaml.safe_load(text[4:].partition("\n---\n")[0])
    return read


def test_it_is_a_renderer() -> None:
    assert isinstance(RENDERER, Renderer)
    assert (RENDERER.name, RENDERER.suffix) == ("model-card", ".model-card.md")


def test_the_hubs_own_classes_read_it(card: ModelCard, small: AuditReport) -> None:
    assert card.data.model_name == "listener"
    results = card.data.eval_results
    by_place = {(result.dataset_config, result.metric_type): result for result in results}
    for finding in small.findings:
        if finding.metric == "accuracy" and not finding.groups:
            result = by_place[finding.condition, "accuracy"]
            interval = finding.estimate.interval
            assert interval is not None
            assert result.metric_value == finding.estimate.value
            assert result.dataset_revision == small.data[0].digest
            assert result.metric_args["low"] == interval.low
            assert result.metric_args["high"] == interval.high
            assert result.metric_args["units"] == finding.estimate.n_clusters
            assert result.verified is False


def test_it_is_written_again_by_the_hubs_classes_without_loss(card: ModelCard) -> None:
    again = ModelCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()
    assert again.text.strip() == card.text.strip()


def test_decided_gaps_stand_beside_everybody(card: ModelCard, small: AuditReport) -> None:
    decided = [f for f in small.findings if f.compared is not None and f.criterion is not None]
    told = [result for result in card.data.eval_results if result.metric_type == "accuracy_difference"]
    assert sorted(r.metric_value for r in told) == sorted(f.estimate.value for f in decided)  # type: ignore[type-var]
    assert "18.35 points \\[13.35, 24.35\\]".replace("\\", "") in card.text.replace("\\", "")


def test_undefined_values_are_no_metric(small: AuditReport) -> None:
    estimate = small.findings[0].estimate.model_copy(
        update={"value": None, "interval": None, "why_no_interval": "nobody was asked"}
    )
    first = small.findings[0].model_copy(update={"estimate": estimate})
    changed = small.model_copy(update={"findings": (first, *small.findings[1:])})
    metrics = [m for r in _front_matter(changed)["model-index"][0]["results"] for m in r["metrics"]]
    assert all(metric["value"] is not None for metric in metrics)
    assert "undefined" in RENDERER.render(changed).decode()


def test_what_only_people_can_say_is_said_to_be_missing(card: ModelCard) -> None:
    text = card.text
    for title in ("Model details", "Uses", "Bias, risks and limitations", "Training details", "Evaluation"):
        assert f"\n## {title}\n" in text
    assert "Helps a nurse see distress in telephone triage. No signed dossier confirms it." in text
    assert text.count("not stated in a signed dossier") == 5
    assert "whoever puts the model to use must supply it" in text


def test_every_run_is_a_model(samples: Any) -> None:
    report = samples.sample_report(conditions=("TAV",), runs=("first", "second"))
    index = _front_matter(report)["model-index"]
    assert [model["name"] for model in index] == ["first", "second"]
    assert all(model["results"] for model in index)


def test_hostile_texts_are_texts(hostile: AuditReport, samples: Any) -> None:
    run = hostile.data[0].model_copy(update={"source": "--- \n---\nevil: true\n<script>=cmd"})
    report = hostile.model_copy(update={"data": (run,)})
    matter = _front_matter(report)
    assert "evil" not in matter
    assert set(matter) == {"tags", "metrics", "model-index"}
    text = ModelCard(RENDERER.render(report).decode()).text
    assert "<script" not in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [part for token in tokens for part in token.children or ()]
    assert not [part for part in inline if part.type in {"html_inline", "link_open", "image", "code_inline"}]
    assert not [token for token in tokens if token.type == "html_block"]
    assert samples.HOSTILE in {part.content for part in inline if part.type == "text"}


def test_the_same_report_gives_the_same_bytes(small: AuditReport, samples: Any) -> None:
    assert RENDERER.render(samples.small_report()) == RENDERER.render(small)


def test_a_signed_dossier_fills_the_card(
    full: AuditReport, signed: Callable[..., Testimony], today: datetime.date
) -> None:
    text = RENDERER.render_with(full, Papers(filed_on=today, testimony=signed())).decode()
    for name in ("intended_purpose", "foreseeable_misuse", "oversight_person", "oversight_means", "provider"):
        assert f"What is said of {name}. (A. Example, head of clinic, 2026-11-20)" in text.replace("\\_", "_")
    assert text.count("not stated in a signed dossier") == 2  # description, licence, contact
    unsigned = Papers(filed_on=today, testimony=Testimony(dossier=signed().dossier))
    assert RENDERER.render_with(full, unsigned) == RENDERER.render(full)
