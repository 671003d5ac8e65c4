"""What is undefined stays undefined, and an estimate in an exhibit is the estimate of its finding."""

from __future__ import annotations

import numpy as np
import pytest

from affidavit.estimates import estimate_cells, estimate_of
from affidavit.exhibit_columns import ESTIMATE
from affidavit.records import Estimate, Interval

INTERVAL = Interval(low=0.1, high=0.4, level=0.95, method="by hand")


def test_a_value_has_its_interval_or_the_reason_why_there_is_none() -> None:
    known = estimate_of(np.float64(0.25), INTERVAL, n=8, n_units=4)
    assert known == Estimate(value=0.25, interval=INTERVAL, n=8, n_clusters=4)
    alone = estimate_of(0.25, "one unit alone", n=8, n_units=1)
    assert alone == Estimate(value=0.25, why_no_interval="one unit alone", n=8, n_clusters=1)


@pytest.mark.parametrize("nothing", [None, float("nan"), np.float64("nan")])
def test_undefined_is_not_zero(nothing: float | None) -> None:
    found = estimate_of(nothing, "no rows", n=0, n_units=None)
    assert (found.value, found.interval, found.why_no_interval, found.n_clusters) == (None, None, "no rows", None)


def test_what_is_undefined_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no interval"):
        estimate_of(float("nan"), INTERVAL, n=0, n_units=None)


def test_cells_are_those_of_the_columns() -> None:
    names = [column.name for column in ESTIMATE]
    full = estimate_cells(estimate_of(0.25, INTERVAL, n=8, n_units=4))
    assert list(full) == names
    assert list(full.values()) == [0.25, 0.1, 0.4, "by hand", 8, 4]
    empty = estimate_cells(estimate_of(None, "no rows", n=0, n_units=None))
    assert [empty[name] for name in names] == [None, None, None, None, 0, None]
