"""What rationales point at, beside what people marked: sums over judgements, with their controls.

Controls, each pointing at something else in the same words: as many words at random (in expectation); the places that
another utterance's rationale with the same answer points at; everything; and the first sentence of the judged turn.

Source: DeYoung et al. 2020 (ERASER), section 4.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.predictions import Predictions
from affidavit.tally import Tally, tally_outcomes
from faithfulness.plausibility.behind import Behind
from faithfulness.plausibility.explained import Explained
from faithfulness.plausibility.marks import Marked, Marks
from faithfulness.plausibility.overlap import overlap
from faithfulness.plausibility.pointing import Pointed, pointed_at

SOURCE: Final = "DeYoung et al. 2020 (ERASER), section 4.1"
PARTNERS: Final = 10
"""Other utterances whose places are taken, drawn with replacement."""
F1: Final = "evidence_token_f1"
CORRECTED: Final = f"{F1}_corrected"
COLUMNS: Final = (
    *("judged", "f1", "points", "precision", "recall", "iou_f1", "quotations", "misquotations"),
    *("random", "beyond", "room", "template", "first_sentence", "dealt", "f1_dealt", "shuffled"),
)
"""What each judgement adds. `points`: points at any word; `dealt`: others have the same answer; `beyond` and
`room`: F1 less that at random, and 1 less that at random, whose ratio is F1 corrected for chance, as kappa is: 0 where
words are as good as drawn, 1 where they are the marked ones, however long the turns are."""


def _mean(name: str, over: Sequence[str], under: str, *, better: bool | None) -> Statistic:
    """Return sums over a sum; the last of two that are named is taken away."""
    weights = np.zeros(len(COLUMNS))
    for sign, column in zip((1.0, -1.0), over, strict=False):
        weights[COLUMNS.index(column)] += sign
    below = np.eye(len(COLUMNS))[COLUMNS.index(under)]
    plain = ratio_statistic(name, weights, below, source=SOURCE, higher_is_better=better)
    return replace(plain, low=-1.0 if len(over) > 1 else 0.0, counts_rows=False)


MAIN: Final = (
    _mean(F1, ["f1"], "judged", better=True),
    _mean(f"{F1}_random", ["random"], "judged", better=None),
    _mean(f"{F1}_shuffled", ["shuffled"], "dealt", better=None),
    _mean(f"{F1}_template", ["template"], "judged", better=None),
    _mean(f"{F1}_first_sentence", ["first_sentence"], "judged", better=None),
)
CONTROLS: Final = tuple(statistic.name for statistic in MAIN[1:])
FURTHER: Final = (
    replace(_mean(CORRECTED, ["beyond"], "room", better=True), low=-1.0),
    _mean(f"{F1}_beyond_shuffled", ["f1_dealt", "shuffled"], "dealt", better=True),
    _mean("evidence_token_precision", ["precision"], "points", better=True),
    _mean("evidence_token_recall", ["recall"], "judged", better=True),
    _mean("evidence_iou_f1", ["iou_f1"], "judged", better=True),
    _mean("evidence_pointing_rate", ["points"], "judged", better=None),
    _mean("misquotation_rate", ["misquotations"], "quotations", better=False),
)
SPEAKS_OF: Final = MappingProxyType(
    {
        f"{F1}_shuffled": "dealt",
        f"{F1}_beyond_shuffled": "dealt",
        "evidence_token_precision": "points",
        "misquotation_rate": "quotations",
    }
)
"""Metric to the sum that a judgement adds something to where the metric speaks of it; the others speak of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """The judgements that can be told of, what each points at, and why others cannot."""

    explained: Explained
    chosen: tuple[int, ...]
    marked: tuple[Marked, ...]
    pointed: tuple[Pointed, ...]
    left_out: Counter[str] = field(default_factory=Counter)


def read_pointing(
    explained: Explained, marks: Marks, cues: Mapping[tuple[str, str], Sequence[str]], *, labels: Sequence[str] = ()
) -> Pointing:
    """Find out what every rationale points at, of the turns that have marked words; `labels` are those of the table."""
    known: dict[str, Marked | None] = {}
    chosen: list[int] = []
    pointed: list[Pointed] = []
    left_out: Counter[str] = Counter()
    for i, utterance in enumerate(explained.utterance):
        if utterance not in known:
            known[utterance] = marks.of(utterance)
        marked = known[utterance]
        if marked is None:
            left_out["unmarked"] += 1
        elif not explained.rationale[i]:
            left_out["silent"] += 1
        else:
            own = cues.get((utterance, explained.instruction[i]), ())
            chosen.append(i)
            pointed.append(pointed_at(explained.rationale[i], own, marked.passage, labels=labels))
            left_out["lost"] += marked.lost
    found = [known[explained.utterance[i]] for i in chosen]
    return Pointing(
        explained=explained,
        chosen=tuple(chosen),
        marked=tuple(marked for marked in found if marked is not None),
        pointed=tuple(pointed),
        left_out=left_out,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """A tally, and which judgements each number speaks of."""

    tally: Tally
    behind: Behind


def count_pointing(
    pointing: Pointing, predictions: Predictions, by: Sequence[str], *, rng: np.random.Generator
) -> Counted:
    """Count what each judgement adds to `COLUMNS`."""
    partners = _partners(pointing, rng)
    sums = np.stack([_sums(pointing, i, partners[i]) for i in range(len(pointing.chosen))])
    explained = pointing.explained
    rows = explained.rows_at(pointing.chosen)
    of = {name: sums[:, COLUMNS.index(column)] > 0 for name, column in SPEAKS_OF.items()}
    return Counted(
        tally=tally_outcomes(predictions, by, condition=explained.condition, rows=rows, sums=sums),
        behind=Behind(predictions=predictions, rows=rows, of=of),
    )


def _sums(pointing: Pointing, i: int, partners: Sequence[int]) -> FloatArray:
    marked, pointed = pointing.marked[i], pointing.pointed[i]
    passage, evidence = marked.passage, marked.evidence
    own = overlap(pointed.evidence, evidence)
    random = own.f1_at_random(passage.n_words)
    elsewhere = [
        passage.at_the_places_of(pointing.pointed[other].evidence, pointing.marked[other].passage) for other in partners
    ]
    dealt = float(bool(partners))
    told = {
        "judged": 1.0,
        "f1": own.f1,
        "points": float(own.pointed > 0),
        "precision": own.precision or 0.0,
        "recall": own.recall,
        "iou_f1": own.iou_f1,
        "quotations": float(pointed.quotations),
        "misquotations": float(pointed.misquotations),
        "random": random,
        "beyond": own.f1 - random,
        "room": 1 - random,
        "template": overlap(passage.everything, evidence).f1,
        "first_sentence": overlap(passage.first_sentence, evidence).f1,
        "dealt": dealt,
        "f1_dealt": own.f1 * dealt,
        "shuffled": float(np.mean([overlap(other, evidence).f1 for other in elsewhere])) if elsewhere else 0.0,
    }
    return np.array([told[column] for column in COLUMNS])


def _partners(pointing: Pointing, rng: np.random.Generator) -> list[list[int]]:
    """Draw for each judgement others of other utterances that got the same answer."""
    explained = pointing.explained
    by_answer: dict[int, list[int]] = {}
    for i, row in enumerate(pointing.chosen):
        by_answer.setdefault(int(explained.answer[row]), []).append(i)
    drawn: list[list[int]] = []
    for row in pointing.chosen:
        same = by_answer[int(explained.answer[row])]
        picked = [same[k] for k in rng.integers(len(same), size=PARTNERS)]
        own = explained.utterance[row]
        drawn.append([other for other in picked if explained.utterance[pointing.chosen[other]] != own])
    return drawn
