import json

import pytest
from pydantic import ValidationError

from affidavit.records import Estimate, Exhibit, ExhibitColumn, Interval


def test_an_estimate_has_exactly_one_of_interval_and_reason() -> None:
    interval = Interval(low=0.1, high=0.2, level=0.95, method="Wilson")
    with pytest.raises(ValidationError, match="exactly one"):
        Estimate(value=0.15, n=3, n_clusters=3)
    with pytest.raises(ValidationError, match="exactly one"):
        Estimate(value=0.15, interval=interval, why_no_interval="none", n=3, n_clusters=3)
    with pytest.raises(ValidationError, match="undefined"):
        Estimate(value=None, interval=interval, n=3, n_clusters=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nothing_that_is_not_a_number_gets_in(value: float) -> None:
    with pytest.raises(ValidationError):
        Estimate(value=value, why_no_interval="none", n=3, n_clusters=3)


def test_an_interval_is_ordered() -> None:
    with pytest.raises(ValidationError, match="low"):
        Interval(low=0.3, high=0.2, level=0.95, method="Wilson")


def test_absent_options_are_left_out_and_required_nulls_are_written() -> None:
    written = json.loads(Estimate(value=None, why_no_interval="undefined", n=0, n_clusters=None).model_dump_json())
    assert written == {"value": None, "why_no_interval": "undefined", "n": 0, "n_clusters": None}
    assert Estimate.model_validate(written).value is None


def test_numbers_are_rounded_where_platforms_differ() -> None:
    assert Estimate(value=0.1 + 0.2, why_no_interval="x", n=1, n_clusters=1).value == 0.3


def test_an_exhibit_is_inline_or_in_a_file() -> None:
    column = ExhibitColumn(name="a", type="text", description="a")
    with pytest.raises(ValidationError, match="inline or in a file"):
        Exhibit(id="e", title="e", examination="e", columns=(column,), n_rows=0, digest="d", releasable=False)
