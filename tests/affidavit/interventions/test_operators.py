import doctest

import pytest

from affidavit.conditions import Condition
from affidavit.errors import PlanError
from affidavit.interventions import canonical, intervention, words
from affidavit.interventions.operators import OPERATORS
from affidavit.interventions.remarks import remarks

LABELS = ("joy", "mixed feelings")


def read(text: str) -> object:
    return intervention(Condition.parse(text), label_space=LABELS)


@pytest.mark.parametrize(
    ("condition", "letters", "share", "turns", "said"),
    [
        ("TAV/resampled=VA", "AV", 0.0, 0, ""),
        ("TAV/permuted-within-label=T", "T", 0.0, 0, ""),
        ("TA/zeroed=a", "A", 0.0, 0, ""),
        ("T/without-rationale=20%", "T", 0.2, 0, ""),
        ("T/only-rationale=0", "T", 0.0, 0, ""),
        ("TAV/early=0.4", "", 0.4, 0, ""),
        ("TAV/history=3", "", 0.0, 3, ""),
        ("TAV/history-shuffled", "", 0.0, 0, ""),
        ("T/insert=very_tired", "T", 0.0, 0, "very tired"),
        ("T/hint=mixed_feelings", "T", 0.0, 0, "mixed feelings"),
        ("TAV/additive", "", 0.0, 0, ""),
    ],
)
def test_levels_are_read(condition: str, letters: str, share: float, turns: int, said: str) -> None:
    found = read(condition)
    assert found is not None
    assert (found.letters, found.share, found.turns, found.words) == (frozenset(letters), share, turns, said)
    assert str(found.base) == condition.partition("/")[0]


def test_a_label_that_is_written_with_an_underscore_can_be_hinted_at() -> None:
    for label in ("mixed_feelings", "mixed feelings"):
        found = intervention(Condition.parse("T/hint=mixed_feelings"), label_space=("joy", label))
        assert found is not None
        assert found.words == label


def test_letters_stand_in_their_order() -> None:
    assert str(canonical(Condition.parse("VAT/resampled=vat"))) == "TAV/resampled=TAV"
    assert str(canonical(Condition.parse("TAV"))) == "TAV"


@pytest.mark.parametrize("condition", ["TAV", "TAV/noise=10dB", "as-supplied"])
def test_what_intervenes_on_nothing_is_none(condition: str) -> None:
    assert read(condition) is None


@pytest.mark.parametrize(
    "condition",
    [
        *("TAV/resampled", "TA/resampled=V", "TAV/permuted=VV", "TAV/zeroed=X", "TAV/history", "TAV/history=two"),
        *("T/without-rationale=0", "T/without-rationale=100%", "T/only-random=-1", "T/only-random=nan", "T/insert=_"),
        *("T/insert", "T/hint=envy", "TAV/early=1", "TAV/mistake", "TAV/filler=1", "TAV/additive=V"),
    ],
)
def test_levels_that_do_not_read_say_what_is_allowed(condition: str) -> None:
    with pytest.raises(PlanError, match="does not read") as caught:
        read(condition)
    assert caught.value.allowed
    assert caught.value.where == f"condition {condition}"


def test_an_unknown_operator_says_what_there_is() -> None:
    with pytest.raises(PlanError, match="did you mean") as caught:
        read("TAV/resampld=V")
    assert all(name in (caught.value.allowed or "") for name in (*OPERATORS, "noise"))


@pytest.mark.parametrize("condition", ["AV/hint=joy", "V/without-random=20%"])
def test_words_need_text(condition: str) -> None:
    with pytest.raises(PlanError, match="changes text, and the condition has none"):
        read(condition)


def test_each_kind_is_remarked_on_once() -> None:
    asked = ("TAV/resampled=V", "TAV/permuted=V", "TAV/mean=A", "T/insert=a", "T/hint=joy", "T/without-random=0.1")
    found = [item for text in asked if (item := read(text)) is not None]
    assert len(remarks(found)) == 5
    assert remarks([]) == ()


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(words).failed == 0
