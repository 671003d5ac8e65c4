"""Coarse numbers: what is printed is a function of coarse counts, and every interval holds the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from affidavit.disclosure.coarsening import Number, coarse_count, coarse_gap, coarse_number, coarse_rate
from affidavit.disclosure.rule import DisclosureRule
from affidavit.statistics.proportions import wilson_bounds

ROUNDED = DisclosureRule(rounding=5)
INTERVALS = DisclosureRule(intervals_only=True)
RULES = [ROUNDED, INTERVALS, DisclosureRule(rounding=10), DisclosureRule(floor=5, rounding=4), DisclosureRule(floor=20)]


@pytest.mark.parametrize("rule", RULES)
def test_a_printed_count_stands_for_what_prints_as_it(rule: DisclosureRule) -> None:
    printed = {count: rule.told(count) for count in range(rule.floor, 400)}
    for count, told in printed.items():
        alike = [other for other, same in printed.items() if same == told]
        assert told == 0 or told >= rule.floor
        if count < 350:
            assert rule.ends(told) == (min(alike), max(alike))
            assert len(alike) >= (rule.grain or 1)
    assert rule.ends(rule.told(0)) == (0, 0)


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"rounding": 5, "intervals_only": True}, "not both"), ({"rounding": 3}, "more than 3 candidates")],
)
def test_what_would_not_protect_is_no_rule(asked: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DisclosureRule.model_validate(asked)


@pytest.mark.parametrize("rule", [ROUNDED, INTERVALS])
def test_counts_that_print_alike_print_the_same_rate(rule: DisclosureRule) -> None:
    seen: dict[tuple[int, int], set[float | None]] = {}
    for whole in range(40, 62):
        for made in range(11, whole - 10):
            told = coarse_rate(Number(value=made / whole), (made, whole), rule)
            seen.setdefault((rule.told(made), rule.told(whole)), set()).add(told.value)
    assert len(seen) > 5
    assert all(len(values) == 1 for values in seen.values())


@pytest.mark.parametrize("rule", [ROUNDED, INTERVALS])
def test_an_interval_of_a_rate_holds_the_exact_one(rule: DisclosureRule) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        whole = int(rng.integers(22, 900))
        made = int(rng.integers(11, whole - 10))
        exact = wilson_bounds(made, whole, level=0.95)
        told = coarse_rate(Number(value=made / whole, ends=(float(exact.low), float(exact.high))), (made, whole), rule)
        assert told.ends is not None
        assert told.value is not None
        assert told.ends[0] <= exact.low + 1e-12
        assert told.ends[1] >= exact.high - 1e-12
        assert 0 <= told.ends[0] <= told.value <= told.ends[1] <= 1


def test_none_is_told_as_none() -> None:
    told = coarse_rate(Number(value=0.0, ends=(0.0, 0.0712)), (0, 50), ROUNDED)
    assert told.value == 0
    assert told.ends is not None
    assert told.ends[0] == 0
    assert told.ends[1] > 0.0712
    assert coarse_rate(Number(value=None), (0, 0), ROUNDED).value is None
    assert coarse_rate(Number(value=0.5), (0, 0), ROUNDED).value == 0.5


def test_other_numbers_are_moved_outwards_or_not_told() -> None:
    f1 = Number(value=0.4567, ends=(0.4011, 0.5123))
    assert coarse_number(f1, ROUNDED).ends == (0.4, 0.52)
    assert coarse_number(f1, INTERVALS).ends == (0.4, 0.55)
    assert coarse_number(Number(value=0.4567), INTERVALS).value is None
    assert coarse_number(f1, DisclosureRule()) == f1


def test_counts_as_values_are_told_as_counts_are() -> None:
    assert coarse_count(Number(value=37.0, ends=(30.0, 44.0)), ROUNDED) == Number(value=35.0)
    assert coarse_count(Number(value=37.0), INTERVALS).ends == (33.0, 43.0)


def test_a_gap_holds_its_exact_interval() -> None:
    ends = (Number(value=0.80), Number(value=0.60))
    told = coarse_gap(Number(value=0.131, ends=(0.011, 0.249)), ends, ROUNDED)
    assert told.value == pytest.approx(0.2)
    assert told.ends is not None
    assert told.ends[0] <= 0.011
    assert told.ends[1] >= 0.249
