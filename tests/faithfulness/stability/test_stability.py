"""Changed instructions and histories: slow twins, a reasoner that reads the dialogue and one that does not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from affidavit.records import Finding
from affidavit.testing import case_of, findings_of, value_of
from faithfulness.stability.examination import EXAMINATION

LABELS = ("anger", "joy", "sadness")
HISTORY, REWORDED = "TAV/history=0", "TAV/instruction-paraphrase"


def judged(
    *, reads: float | Mapping[str, float] = 0.5, wavers: float = 0.05, repeats: int = 1, noise: float = 0.0
) -> pd.DataFrame:
    """Return answers of a reasoner of whose utterances a share hangs on the dialogue before them."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(300):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = reads if isinstance(reads, float) else reads[accent]
        answer = int(rng.integers(3))
        told = {
            "TAV": answer,
            HISTORY: (answer + 1) % 3 if rng.random() < share else answer,
            REWORDED: (answer + 1) % 3 if rng.random() < wavers else answer,
        }
        for condition, now in told.items():
            for repeat in range(repeats):
                said = int(rng.integers(3)) if rng.random() < noise else now
                likely = np.where(np.arange(3) == said, 0.6, 0.2)
                words = float(rng.uniform(0.2, 0.6))
                rows.append(
                    {
                        "utterance_id": f"u{i}",
                        "speaker_id": f"s{i // 10}",
                        "accent": accent,
                        "condition": condition,
                        "repeat": repeat,
                        "y_pred": LABELS[said],
                        "weight_text": words,
                        "weight_audio": 0.9 - words,
                        "weight_video": 0.1,
                        **{f"prob_{label}": float(p) for label, p in zip(LABELS, likely, strict=True)},
                    }
                )
    return pd.DataFrame(rows)


def findings(frame: pd.DataFrame, condition: str) -> dict[tuple[str, str], Finding]:
    return findings_of(EXAMINATION, case_of(frame, ("accent",)), condition=condition)


def test_numbers_equal_their_slow_twin() -> None:
    frame, told = judged(), findings(judged(), HISTORY)
    wide = frame.pivot_table(index="utterance_id", columns="condition", values=["weight_text"], aggfunc="first")
    answers = frame.pivot_table(index="utterance_id", columns="condition", values="y_pred", aggfunc="first")
    changed = (answers[HISTORY] != answers["TAV"]).mean()
    assert value_of(told, "answer_change_rate") == pytest.approx(changed)
    # A change moves 0.4 from one label to another.
    assert value_of(told, "answer_distance") == pytest.approx(0.4 * changed)
    # What the words lose the voice gains: half the sum of both is the move of one.
    moved = (wide["weight_text"][HISTORY] - wide["weight_text"]["TAV"]).abs().mean()
    assert value_of(told, "modality_weight_shift") == pytest.approx(moved)


def test_only_a_reworded_instruction_has_a_better_direction() -> None:
    assert findings(judged(), REWORDED)["answer_change_rate", "everybody"].higher_is_better is False
    assert findings(judged(), HISTORY)["answer_change_rate", "everybody"].higher_is_better is None


def test_noise_is_taken_away() -> None:
    told = findings(judged(reads=0.0, wavers=0.0, repeats=3, noise=0.3), REWORDED)
    within = told["answer_change_rate_beyond_noise", "everybody"].estimate.interval
    assert within is not None
    assert within.low < 0 < within.high
    finding = told["answer_change_rate", "everybody"]
    assert finding.controls == (told["answer_change_rate_noise", "everybody"].id,)


def test_a_group_whose_history_is_not_read_is_found_and_its_clean_twin_is_not() -> None:
    gap = findings(judged(reads={"Irish": 0.7, "Welsh": 0.1}), HISTORY)["answer_change_rate_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.3
    quiet = findings(judged(reads=0.4), HISTORY)["answer_change_rate_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_tables_without_such_conditions_are_refused() -> None:
    frame = judged()
    refusal = EXAMINATION.refuses(case_of(frame[frame["condition"] == "TAV"], ("accent",)))
    assert refusal is not None
    assert refusal.remedy
