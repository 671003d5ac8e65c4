"""States of unlike lengths, and those that are lacking, are said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from affidavit.errors import PlanError
from affidavit.protocols import Progress
from affidavit.records import Interval
from affidavit.utterances import Utterance
from privacy.attacks.measuring import measure_at_once
from privacy.probes.claims import less
from privacy.probes.states import _source

TURNS = [Utterance(utterance_id=name, text="so so") for name in ("a", "b", "a", "c")]


class Measures:
    """As much of a reasoner as measures turns before it is asked about them."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken, self.measured = broken, list[list[str]]()

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        self.measured.append([turn.utterance_id for turn in utterances])
        if self.broken:
            raise PlanError("no ears", slug="plan-impossible", where="here")


@pytest.mark.parametrize("broken", [False, True])
def test_turns_are_measured_at_once_and_each_once(*, broken: bool) -> None:
    """Asked turn by turn, a reasoner starts its worker processes for each of them."""
    reasoner = Measures(broken=broken)
    measure_at_once(reasoner, TURNS)
    assert reasoner.measured == [["a", "b", "c"]]


def test_a_reasoner_that_measures_nothing_beforehand_is_let_be() -> None:
    measure_at_once(object(), TURNS)


def test_what_was_made_of_unlike_lengths_and_what_is_lacking_is_said() -> None:
    source = _source("audio", {0: np.arange(3.0), 2: np.arange(4.0)}, (), n=3)
    assert source.vectors.shape == (2, 4)
    assert any("of unlike lengths" in said for said in source.caveats)
    assert "1 of 3 utterances have none of it" in source.caveats
    assert not _source("audio", {0: np.arange(3.0)}, (), n=1).caveats


def test_a_shifted_interval_has_the_digits_that_a_report_keeps() -> None:
    """One digit more, and the report no longer has the digest that it states."""
    told = less(lambda level: Interval(low=0.421, high=0.5, level=level, method="t"), 1 / 3)(0.95)
    assert isinstance(told, Interval)
    assert told == Interval.model_validate_json(told.model_dump_json())
