"""Judgements under all modalities, each with its rationale's citations, and with the answers that the removals gave.

What was not judged twice takes no part and is counted. A rationale that is absent, or that is written in neither
English nor Chinese, cites nothing that anybody could know: it takes no part either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from affidavit.citations import can_be_read, evidence_citations
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.tally import OutcomeCounter, Tally
from faithfulness.citation.removals import Removals
from faithfulness.citation.statistics import Layout
from faithfulness.twins import BoolArray, Codes, Judgements, read_judgements

_AT_ONCE: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The judgements [N] under the fullest condition of one run."""

    judgements: Judgements
    features: tuple[str, ...]
    readable: BoolArray
    """Whether there is a rationale that the word lists can read."""
    cited: Mapping[str, BoolArray]
    """Letter of a modality to whether the rationale cites it."""

    def takes_part(self, condition: str) -> BoolArray:
        """Say of each judgement whether its citations are known and it was judged under the condition as well."""
        return np.asarray(self.readable & self.judgements.twins[condition].judged)

    def tally(self, removals: Removals, layout: Layout) -> Tally | None:
        """Count judgements by unit and group into the sums of `Layout`; None where no judgement has a pair."""
        some = np.any([self.takes_part(condition) for condition in removals.conditions.values()], axis=0)
        return self._counted(np.flatnonzero(some), removals, layout) if some.any() else None

    def _counted(self, chosen: Codes, removals: Removals, layout: Layout) -> Tally:
        counter = OutcomeCounter(self.judgements.predictions, self.features, condition=removals.name)
        for start in range(0, len(chosen), _AT_ONCE):
            part = chosen[start : start + _AT_ONCE]
            blocks = [
                self._sums(part, self.cited[letter], condition, layout)
                for letter, condition in removals.conditions.items()
            ]
            noise = (self.judgements.repeated[part], self.judgements.changed_on_repetition[part])
            rows = {name: values[part] for name, values in self.judgements.rows.items()}
            counter.add(rows, np.concatenate([*blocks, np.stack(noise, axis=1).astype(np.float64)], axis=1))
        return counter.tally()

    def _sums(self, part: Codes, cites: BoolArray, condition: str, layout: Layout) -> FloatArray:
        twin, answer = self.judgements.twins[condition], self.judgements.answer
        paired = self.takes_part(condition)[part]
        cited = (cites[part] & paired).astype(np.float64)
        mattered = ((twin.answer != answer)[part] & paired).astype(np.float64)
        distance = np.where(paired, np.nan_to_num(twin.distance[part]), 0.0)
        told = np.eye(layout.n_labels)[answer[part]]
        counts = [told * each[:, None] for each in (paired.astype(np.float64), cited, mattered, cited * mattered)]
        return np.concatenate([*counts, distance[:, None], (cited * distance)[:, None]], axis=1)

    def left_out(self, removals: Removals) -> tuple[str, ...]:
        """Return what to say of judgements that take no part."""
        present = self.judgements.has_rationale
        silent, unread = int((~present).sum()), int((present & ~self.readable).sum())
        remarks = [f"{silent:,} of {len(present):,} judgements have no rationale"] if silent else []
        if unread:
            remarks.append(f"{unread:,} rationales are in neither English nor Chinese: what they cite is unknown")
        for condition in removals.conditions.values():
            missing = int((self.readable & ~self.judgements.twins[condition].judged).sum())
            remarks += [f"{missing:,} judgements have no twin under {condition}"] if missing else []
        return tuple(remarks)


def read_pairs(predictions: Predictions, by: Sequence[str], full: str, others: Sequence[str]) -> Pairs:
    """Read the judgements under the fullest condition, what they cite, and their twins under the others."""
    judgements = read_judgements(predictions, by, full, others)
    readable = judgements.has_rationale & _array(can_be_read(judgements.rationale))
    return Pairs(
        judgements=judgements,
        features=tuple(by),
        readable=readable,
        cited={letter: _array(cites) & readable for letter, cites in evidence_citations(judgements.rationale).items()},
    )


def _array(values: pa.Array) -> BoolArray:
    return np.asarray(values.to_numpy(zero_copy_only=False))
