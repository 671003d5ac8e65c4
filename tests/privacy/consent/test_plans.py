"""Consent from a plan to a verdict: a manifest says who declined, no reasoner is shown it, and a policy decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.judging import judge
from affidavit.plan import AuditPlan
from affidavit.policy import read_policy
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.records import Verdict
from affidavit.registry import Door, names, register
from affidavit.run import run_plan
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from affidavit.withdrawals import ENVIRONMENT
from privacy.consent.examination import EXAMINATION, VIOLATION

POLICY = """
version: 1
name: consent
title: Consent
statement: Nothing that was opted out of is used.
frozen_before_results: true
criteria:
  - {id: consent, metric: consent_violation_rate, at_most: 0, source: "Agreement with each speaker"}
"""


class Asked:
    """A reasoner that says joy; `careless` also says what it saw in every face."""

    name = "asked"

    def __init__(self) -> None:
        self.shown: list[Utterance] = []

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        assert corpus is not None

        def predict(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
            self.shown.append(utterance)
            return Judgement(label="joy", rationale="A smile." if options.get("careless") else "So it reads.")

        table = judge(predict, corpus, conditions=["T", "TA"])
        raw = from_arrow(table.side_tables["judgements"], name=corpus.name, format_name="judged")
        return replace(predictions_from(raw, reading), side_tables=table.side_tables)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "list").mkdir()
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "list"))
    rows = ["utterance_id,speaker_id,text,audio,label,consent_audio,consent_video,group_accent"]
    for i in range(24):
        (tmp_path / f"{i}.wav").write_bytes(b"RIFF")
        declines = "no" if i % 6 == 0 else "yes"
        rows.append(
            f"u{i},s{i % 12},words {i},{i}.wav,{'joy' if i % 2 else 'fear'},{declines},{declines},{'ab'[i % 2]}"
        )
    (tmp_path / "corpus.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "policy.yaml").write_text(POLICY)
    if EXAMINATION.name not in names(Door.EXAMINATIONS):
        register(Door.EXAMINATIONS, EXAMINATION.name, EXAMINATION)
    return tmp_path


@pytest.mark.parametrize(("careless", "verdict"), [(False, Verdict.PASS), (True, Verdict.FAIL)])
def test_a_policy_can_demand_that_consent_is_honoured(folder: Path, careless: bool, verdict: Verdict) -> None:
    asked = Asked()
    register(Door.REASONERS, "asked", asked)
    plan = AuditPlan.model_validate(
        {
            "runs": {
                "r": {
                    "corpus": {"name": "manifest", "options": {"path": "corpus.csv"}},
                    "reasoner": {"name": "asked", "options": {"careless": careless}},
                }
            },
            "by": ["accent"],
            "examinations": ["consent"],
            "statistics": {"n_resamples": 100, "n_permutations": 99},
        }
    )
    report = run_plan(plan, folder=folder, policy=read_policy("policy.yaml", folder=folder, by=("accent",)))
    found = [one for one in report.findings if one.metric == VIOLATION and one.estimate.value is not None]
    assert {one.verdict for one in found} == {verdict}
    assert not any(turn.audio for turn in asked.shown if turn.consent["audio"] is False)
    everybody = next(one for one in found if not one.groups)
    assert everybody.estimate.n == 4, "the four whose voice may not be heard, by their words alone"
    assert everybody.estimate.value == float(careless)
