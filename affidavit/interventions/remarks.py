"""What is to be said in a report of judgements under interventions: one sentence for each kind that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from affidavit.interventions.operators import ERASES, EXCHANGES, FILLS, Intervention

EXCHANGED = "exchanged: the input of the judged turn comes from another judged utterance; the turns before it stay"
FILLED = "zeroed, mean: the input of the judged turn alone is replaced; the turns before it stay"
ERASED = (
    "erased: words of the judged turn's transcript, ranked by what the rationale under the base condition quotes of it "
    "and then by their distance to that; voice and face stay as they are, and who quoted nothing is not judged"
)
INSERTED = "inserted: the word stands at a random place of the judged turn's transcript"
HINTED = "hinted: before the judged turn's transcript stands '(I think the answer is LABEL.)'"


def remarks(found: Sequence[Intervention]) -> tuple[str, ...]:
    """Return the sentences, in a fixed order."""
    asked = {item.operator for item in found}
    kinds = (
        (EXCHANGES, EXCHANGED),
        (FILLS, FILLED),
        (ERASES, ERASED),
        (("insert",), INSERTED),
        (("hint",), HINTED),
    )
    return tuple(sentence for operators, sentence in kinds if asked & set(operators))
