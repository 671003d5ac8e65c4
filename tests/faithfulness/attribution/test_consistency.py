"""CC-SHAP and MM-SHAP against slow ones written from the papers' formulas, and what happens where nothing moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from affidavit.attributions import Span
from faithfulness.attribution.consistency import (
    FLOOR,
    cc_shap,
    cosine,
    modality_shares,
    rationale_shares,
    signed_shares,
)


def slow_cc_shap(answer: np.ndarray, tokens: np.ndarray) -> float:
    """1 less the cosine distance of phi_j / sum |phi|, for the rationale averaged over its tokens."""
    first = [phi / sum(abs(other) for other in answer) for phi in answer]
    columns = []
    for j in range(len(answer)):
        shares = [token[j] / sum(abs(other) for other in token) for token in tokens]
        columns.append(sum(shares) / len(shares))
    return float(1 - distance.cosine(first, columns))


@pytest.mark.parametrize("seed", range(20))
def test_cc_shap_is_the_papers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answer, tokens = rng.normal(0, 10 ** rng.uniform(-2, 2), 7), rng.normal(0, 1, (5, 7)) * rng.uniform(0.1, 9, (5, 1))
    assert cc_shap(answer, tokens) == pytest.approx(slow_cc_shap(answer, tokens))


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.floats(0.01, 50))
def test_it_knows_no_scale_and_turns_with_the_sign(values: list[float], factor: float) -> None:
    answer = np.array([1.0, -2.0, 0.5])
    tokens = np.array([values, [1.0, 1.0, -3.0]])
    plain = cc_shap(answer, tokens)
    if np.isnan(plain) or np.abs(tokens[0] * min(factor, 1)).sum() < 2 * FLOOR:
        return
    assert cc_shap(factor * answer, tokens * [[factor], [1.0]]) == pytest.approx(plain, abs=1e-9)
    assert cc_shap(-answer, tokens) == pytest.approx(-plain, abs=1e-9)
    assert -1 <= plain <= 1


def test_a_token_that_nothing_moves_takes_no_part() -> None:
    answer, moved = np.array([3.0, 0.0]), np.array([[2.0, 0.0]])
    still = np.full((4, 2), FLOOR / 1000)
    assert cc_shap(answer, np.concatenate([still, moved])) == 1
    assert np.isnan(cc_shap(answer, still)), "a rationale that nothing moves"
    assert np.isnan(cc_shap(np.zeros(2), moved)), "an answer that nothing moves"
    assert np.isnan(rationale_shares(still)).all()
    assert np.isnan(cc_shap(answer, np.array([[1.0, 1.0], [-1.0, -1.0]]))), "shares that cancel out"
    assert np.isnan(cosine(np.array([np.nan, 1.0]), np.array([1.0, 1.0])))


def test_shares_of_modalities_sum_to_one_and_forget_the_sign() -> None:
    spans = [Span(modality=name, name=str(i)) for i, name in enumerate(("text", "audio", "text", "video"))]
    values = np.array([1.0, -4.0, -2.0, 3.0])
    found = modality_shares(values, spans)
    assert found == pytest.approx({"text": 0.3, "audio": 0.4, "video": 0.3})
    assert modality_shares(-values, spans) == found
    assert modality_shares(np.full(4, 1e-9), spans) == {}
    assert np.abs(signed_shares(values[None])).sum() == pytest.approx(1)
