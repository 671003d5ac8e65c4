"""The tiny instructed reasoner on the clinic: what its own update gives away, with the defaults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from affidavit.case import Case
from affidavit.live import Live
from affidavit.plan import Execution
from affidavit.protocols import silent
from affidavit.records import Finding
from affidavit.testing import case_of
from privacy.inversion.examination import EXAMINATION

pytestmark = pytest.mark.slow


def clinic_case(folder: Path, *, only: list[str] | None = None, **options: Any) -> Case:
    """Twenty patients of the clinic before an untrained tiny reasoner: what its first round would send."""
    from corpora.clinic.loader import LOADER
    from reasoners.instructed.attributable import AttributableReasoner
    from reasoners.instructed.door import REASONER

    corpus = LOADER.load({"n_utterances": 140, "seed": 3, "workers": 1}, folder=folder, progress=silent)
    chosen = {} if only is None else {"only": only}
    reasoner = REASONER.untrained(corpus, chosen, seed=1, execution=Execution(device="cpu", workers=0))
    opened = AttributableReasoner(reasoner=reasoner)
    rows = [
        {
            "utterance_id": turn.utterance_id,
            "speaker_id": turn.unit,
            "dialogue_id": turn.dialogue_id,
            "condition": "TAV",
            "y_true": turn.label,
            "y_pred": turn.label,
        }
        for turn in corpus.utterances
        if turn.label is not None
    ]
    live = Live(corpus=corpus, offers=frozenset({"gradients"}), reasoner=lambda: opened)
    return replace(case_of(pd.DataFrame(rows), by=(), options=options), live={"run": live})


def told(case: Case) -> tuple[dict[str, Finding], pd.Series, pd.Series]:
    """Return what was found, by setting, and by part; `pytest -s` shows both tables."""
    testimony = EXAMINATION.examine(case)
    settings, parts = (pd.DataFrame(exhibit.values) for exhibit in testimony.exhibits)
    print(settings.pivot_table(index="metric", columns=["batch", "update"], values="value").round(2).to_string())
    print(parts.pivot_table(index="part", columns="metric", values="value", sort=False).round(3).to_string())
    return (
        {claim.finding.metric: claim.finding for claim in testimony.claims},
        settings.set_index(["batch", "update", "metric"])["value"].sort_index(),
        parts.set_index(["part", "metric"])["value"].sort_index(),
    )


def test_a_plain_update_gives_away_words_labels_and_voices_and_a_protected_one_does_not(tmp_path: Path) -> None:
    findings, settings, parts = told(clinic_case(tmp_path))
    top = findings["inversion_input_match_rate"].estimate.value
    for batch in (1, 4, 16):
        plain, hidden = settings[batch, "plain"], settings[batch, "clipped and noised"]
        assert plain["word_recall"] == plain["word_precision"] == plain["label_recovery"] == 1.0
        assert plain["psnr"] > 80 > 30 > plain["control_psnr"]
        assert plain["match_rate"] == pytest.approx(top, abs=0.1)
        assert hidden["psnr"] <= hidden["control_psnr"] + 1
        assert hidden["word_recall"] <= hidden["control_word_recall"] + 0.1
        assert hidden["match_rate"] <= 0.2
    assert parts["model.text", "word_recall"] == parts["model.emotion", "label_recovered"] == 1.0
    assert parts["model.explain", "gradient_share"] == 0.0


def test_a_round_of_the_head_alone_sends_no_word_and_still_tells_whose_turn_it_was(tmp_path: Path) -> None:
    _, settings, parts = told(clinic_case(tmp_path, only=["head", "answers"], steps=5, batch_sizes=[1]))
    assert "word_recall" not in settings[1, "plain"].index
    assert settings[1, "plain"]["label_recovery"] == 1.0
    assert "model.text" not in parts.index.get_level_values(0)
    assert parts["all that is trained", "state_match_rate"] > 0.25
