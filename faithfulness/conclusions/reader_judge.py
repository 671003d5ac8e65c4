"""A model behind the door `reasoners` as the judge: whatever reads rationales, such as the emotion verifier.

A verifier may also have rewarded the explanations that it would judge. Then their agreement is what they were trained
for, and says nothing of them: such a run is refused, by the digest that its models name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from affidavit.errors import PlanError
from affidavit.lexicons.open_emotions.tokens import text_array
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import ReadsRationales
from affidavit.records import Refusal
from affidavit.registry import Door, load
from faithfulness.conclusions.cleaning import without_answers
from faithfulness.conclusions.judge import ABSTAINED, Conclusions, Outcome

if TYPE_CHECKING:
    import pyarrow as pa

VERIFIER: Final = "verifier"


@dataclass(frozen=True, kw_only=True)
class ReaderJudge:
    """Asks a model what each rationale concludes with; a rationale that stands often is read once."""

    reader: ReadsRationales

    @property
    def name(self) -> str:
        """The model, by its weights."""
        return self.reader.name

    def conclude(self, rationales: pa.Array | pa.ChunkedArray, labels: Sequence[str]) -> Conclusions:
        """Return what each rationale [N] concludes with.

        Raises:
            RowError: the model has no index for a label.
        """
        import pyarrow.compute as pc

        coded = pc.dictionary_encode(without_answers(text_array(rationales)))
        texts = [text.strip() for text in coded.dictionary.to_pylist()]
        found = self.reader.concluded(texts, labels)
        # the last is for rows without a rationale
        told = [*(_judged(*pair, labels) for pair in zip(texts, found, strict=True)), (ABSTAINED, Outcome.EMPTY)]
        place = pc.fill_null(coded.indices, len(texts)).to_numpy(zero_copy_only=False)
        label, outcome = (np.array(column, dtype=np.int64)[place] for column in zip(*told, strict=True))
        return Conclusions(
            labels=tuple(labels), label=label, outcome=outcome, proxy=np.zeros(len(label), dtype=np.bool_)
        )


def reader_of(folder: Path, path: str) -> ReaderJudge:
    """Return the judge that a verifier's folder holds; `path` is relative to the plan's folder.

    Raises:
        CheckpointError: it does not load. PlanError: what is behind the door reads no rationales.
    """
    opened = load(Door.REASONERS, VERIFIER).opened({"path": path}, reading=Reading(run=VERIFIER, folder=folder))
    if not isinstance(opened, ReadsRationales):
        raise PlanError(
            "what is to judge the rationales cannot read any",
            slug="plan-impossible",
            where="examination coherence, reader",
            found=type(opened).__name__,
            allowed="a model that implements affidavit.protocols.ReadsRationales",
            remedy="name a verifier's folder (affidavit verifier train)",
        )
    return ReaderJudge(reader=opened)


def rewarded_by(judge: object, predictions: Predictions, *, examination: str) -> Refusal | None:
    """Return the refusal of a run whose explanations were rewarded by the very verifier that would judge them."""
    if not isinstance(judge, ReaderJudge):
        return None
    if judge.reader.digest not in {model.digest for model in predictions.models}:
        return None
    return Refusal(
        examination=examination,
        run=predictions.run,
        because=f"its explanations were rewarded by {judge.name}, which would judge them: agreement was trained for",
        remedy="judge with the built-in judge (leave `reader` out), a served one, or a verifier of other sentences",
    )


def _judged(text: str, label: str | None, labels: Sequence[str]) -> tuple[int, int]:
    if not text:
        return ABSTAINED, int(Outcome.EMPTY)
    return (ABSTAINED, int(Outcome.SILENT)) if label is None else (labels.index(label), int(Outcome.CONCLUDED))
