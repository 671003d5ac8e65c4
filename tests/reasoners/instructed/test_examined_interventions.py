"""What is judged under interventions is what the examinations of tables read: no spelling is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from affidavit.conditions import INTERVENTIONS
from affidavit.interventions.operators import OPERATORS
from affidavit.protocols import Examination
from affidavit.testing.tables import case_of
from faithfulness.corruption.examination import EXAMINATION as CORRUPTION
from faithfulness.disclosure.hints import EXAMINATION as HINTS
from faithfulness.disclosure.insertions import EXAMINATION as INSERTIONS
from faithfulness.erasure.examination import EXAMINATION as ERASURE
from faithfulness.stability.examination import EXAMINATION as STABILITY
from reasoners.instructed.reasoner import InstructedReasoner

pytestmark = pytest.mark.usefixtures("no_shards")
ASKED = {
    "rationale-corruption": (CORRUPTION, ["early=0", "early=0.5", "mistake=40%", "filler", "paraphrase"]),
    "evidence-erasure": (
        ERASURE,
        ["without-rationale=20%", "without-random=20%", "only-rationale=20%", "only-random=20%", "only-rationale=0%"],
    ),
    "insertions": (INSERTIONS, ["insert=tired", "insert=very_tired"]),
    "hints": (HINTS, [f"hint={label}" for label in ("anger", "joy", "sadness")]),
    "stability": (STABILITY, ["instruction-paraphrase", "instruction-swap", "history=0", "history-shuffled"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_examinations_read_what_is_judged(
    name: str, bench: Any, make_corpus: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = 'The words "it again", "the best news" and "nothing left" tell it.'
    monkeypatch.setattr(InstructedReasoner, "_written", lambda self, concluded, places: [words] * len(places))
    examination: Examination = ASKED[name][0]
    conditions = ["TAV", *(f"TAV/{operator}" for operator in ASKED[name][1])]
    judged = bench.judge(make_corpus(8), {"conditions": conditions})
    assert set(judged.conditions) == set(conditions)
    case = case_of(judged.side_tables["judgements"].to_pandas(), ())
    assert examination.refuses(case) is None
    testimony = examination.examine(case)
    assert testimony.claims
    assert not testimony.refusals


def test_whatever_intervenes_here_counts_as_no_performance() -> None:
    assert set(OPERATORS) - {"paraphrase"} <= INTERVENTIONS
