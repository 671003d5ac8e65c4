import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.conditions import Condition, modality_subsets, sorted_conditions
from affidavit.errors import RowError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("VAT", "TAV"),
        ("va", "AV"),
        ("T/paraphrase", "T/paraphrase"),
        ("tav/noise=10dB", "TAV/noise=10dB"),
        ("as-supplied", "as-supplied"),
    ],
)
def test_reads_into_canonical_form(text: str, canonical: str) -> None:
    assert str(Condition.parse(text)) == canonical


@pytest.mark.parametrize("text", ["", "TT", "X", "TAV/", "TAV/Noise", "TAV/noise=", "T A", "audio"])
def test_refuses_what_is_no_condition(text: str) -> None:
    with pytest.raises(RowError, match="does not parse"):
        Condition.parse(text)


@given(st.sets(st.sampled_from("TAV"), min_size=1), st.none() | st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True))
def test_canonical_form_reads_as_itself(modalities: set[str], operator: str | None) -> None:
    condition = Condition(modalities=frozenset(modalities), operator=operator)
    assert Condition.parse(str(condition)) == condition


def test_orders_fullest_first() -> None:
    names = {str(c) for c in modality_subsets()}
    assert sorted_conditions(names) == ("TAV", "TA", "TV", "AV", "T", "A", "V")


def test_interventions_are_told_from_worse_inputs() -> None:
    told = {
        text: Condition.parse(text).intervenes for text in ("TAV", "TAV/noise=10dB", "T/hint=joy", "TAV/resampled=V")
    }
    assert told == {"TAV": False, "TAV/noise=10dB": False, "T/hint=joy": True, "TAV/resampled=V": True}
