"""Adjusted p-values against naive twins, their laws, and the error rates they promise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from affidavit.statistics.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm

Adjust = Callable[..., np.ndarray]
_ALL = [holm, benjamini_hochberg, benjamini_yekutieli]
_p_values = st.lists(st.floats(0, 1), min_size=1, max_size=25)


def _holm_by_hand(p: list[float]) -> list[float]:
    """The smallest alpha at which step-down Bonferroni rejects: a running maximum over the smaller p-values."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return adjusted


@given(_p_values)
def test_equal_their_twins(p: list[float]) -> None:
    assert np.allclose(holm(p), _holm_by_hand(p))
    assert np.allclose(benjamini_hochberg(p), false_discovery_control(p, method="bh"))
    assert np.allclose(benjamini_yekutieli(p), false_discovery_control(p, method="by"))


@pytest.mark.parametrize("adjust", _ALL)
@given(p=_p_values, random=st.randoms(use_true_random=False))
def test_laws(adjust: Adjust, p: list[float], random) -> None:  # noqa: ANN001
    adjusted = adjust(p)
    order = random.sample(range(len(p)), len(p))
    assert np.all(adjusted >= np.array(p) - 1e-15)
    assert np.all(adjusted <= 1)
    assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0)
    assert np.array_equal(adjust(np.array(p)[order]), adjusted[order])


@given(_p_values)
def test_from_lenient_to_strict(p: list[float]) -> None:
    assert np.all(benjamini_hochberg(p) <= benjamini_yekutieli(p) + 1e-12)
    assert np.all(benjamini_hochberg(p) <= holm(p) + 1e-12)


@pytest.mark.parametrize("adjust", _ALL)
def test_edges(adjust: Adjust) -> None:
    assert adjust([]).shape == (0,)
    assert adjust([0.03]).tolist() == [0.03]
    for bad in ([0.1, np.nan], [0.1, 1.2], [-0.1]):
        with pytest.raises(ValueError, match="p-value"):
            adjust(bad)


def test_promised_error_rates(rng: np.random.Generator) -> None:
    """20 tests, 15 true nulls: family-wise error of Holm, false discovery rate of the others."""
    tables = rng.random((4_000, 20))
    tables[:, 15:] **= 12  # five real effects
    false = [np.array([adjust(p)[:15] <= 0.1 for p in tables]) for adjust in _ALL]
    found = [np.array([adjust(p) <= 0.1 for p in tables]).sum(axis=1) for adjust in _ALL]
    assert np.mean(false[0].any(axis=1)) <= 0.1 + 0.015
    for k in (1, 2):
        assert np.mean(false[k].sum(axis=1) / np.maximum(found[k], 1)) <= 0.1 + 0.015
