"""Attributions that miss their sum are named; those that promise none are not."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.attributions import Attribution, JudgementKey, Span
from faithfulness.attribution.convergence import unconverged, why_not_converged


def of(delta: float | None, *, moved: float = 2.0) -> Attribution:
    return Attribution(
        key=JudgementKey(utterance_id="u", reasoner="r", condition="T"),
        target="emotion:joy",
        method="m",
        spans=(Span(modality="text", name="fine"),),
        values=np.array([1.0]),
        output=moved,
        baseline_output=0.0,
        convergence_delta=delta,
    )


@pytest.mark.parametrize(
    ("delta", "moved", "converged"),
    [(0.0, 2.0, True), (0.2, 2.0, True), (-0.2, -2.0, True), (0.3, 2.0, False), (None, 2.0, True), (0.0, 0.0, True)],
)
def test_a_delta_is_held_against_what_the_score_moved_by(delta: float | None, moved: float, converged: bool) -> None:
    assert (unconverged([of(delta, moved=moved)]) == ()) == converged
    assert (why_not_converged([of(delta, moved=moved)]) is None) == converged


def test_the_worst_is_told() -> None:
    said = why_not_converged([of(0.0), of(0.5), of(-1.0), of(None)])
    assert said == "2 of 4 attributions miss their sum by more than 10%; worst: 50% of the score's movement"
    assert "did not move" in str(why_not_converged([of(0.1, moved=0.0)]))
