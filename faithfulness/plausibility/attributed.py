"""Do attributions to the words of a turn find the words that people marked in it? For a sample of turns.

Each turn's words get integrated gradients of the answered emotion's score. Controls: the mean over all orders of the
words; another turn's values, stretched over this one; and the values of the same model with its parameters drawn anew.

Source: DeYoung et al. 2020 (ERASER), section 4.1; Sundararajan, Taly, Yan 2017; Adebayo et al. 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.predictions import Predictions
from affidavit.protocols import Progress
from affidavit.tally import Tally, tally_outcomes
from affidavit.utterances import Utterance
from faithfulness.plausibility.explained import Explained
from faithfulness.plausibility.marks import Marks
from faithfulness.plausibility.overlap import average_precision, average_precision_at_random
from faithfulness.plausibility.passages import Place

if TYPE_CHECKING:
    from affidavit.attributable import Attributable, AttributableTurn

SOURCE: Final = (
    "AUPRC of soft scores: DeYoung et al. 2020 (ERASER), section 4.1; gradients: Sundararajan, Taly, Yan 2017"
)
AUPRC: Final = "attribution_auprc"
PARTNERS: Final = 10
COLUMNS: Final = ("attributed", "auprc", "random", "dealt", "shuffled", "auprc_dealt", "randomised")


def _mean(name: str, over: Sequence[str], under: str, *, better: bool | None) -> Statistic:
    weights = np.zeros(len(COLUMNS))
    for sign, column in zip((1.0, -1.0), over, strict=False):
        weights[COLUMNS.index(column)] += sign
    below = np.eye(len(COLUMNS))[COLUMNS.index(under)]
    plain = ratio_statistic(name, weights, below, source=SOURCE, higher_is_better=better)
    return replace(plain, low=-1.0 if len(over) > 1 else 0.0, counts_rows=False)


MAIN: Final = (
    _mean(AUPRC, ["auprc"], "attributed", better=True),
    _mean(f"{AUPRC}_random", ["random"], "attributed", better=None),
    _mean(f"{AUPRC}_shuffled", ["shuffled"], "dealt", better=None),
    _mean(f"{AUPRC}_randomised", ["randomised"], "attributed", better=None),
)
CONTROLS: Final = tuple(statistic.name for statistic in MAIN[1:])
FURTHER: Final = (
    _mean(f"{AUPRC}_beyond_random", ["auprc", "random"], "attributed", better=True),
    _mean(f"{AUPRC}_beyond_shuffled", ["auprc_dealt", "shuffled"], "dealt", better=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A judged turn some of whose own words are marked, and some are not."""

    row: int
    utterance: Utterance
    dialogue: Sequence[Utterance]
    marked: tuple[Place, ...]
    """Characters of its text."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Values:
    """Values of a turn's pieces of text [P], and which of them are marked."""

    values: NDArray[np.float64]
    marked: NDArray[np.bool_]

    @property
    def usable(self) -> bool:
        """Whether some are marked and some are not."""
        return bool(self.marked.any() and not self.marked.all())


def candidates(explained: Explained, marks: Marks) -> list[Candidate]:
    """Return the turns that can be asked about, each once, in the order of their ids."""
    found: dict[str, Candidate] = {}
    for row, name in enumerate(explained.utterance):
        marked = None if name in found else marks.of(name)
        if marked is None:
            continue
        low, high = marked.passage.own
        inside = [place for place in marked.evidence if low <= place[0] and place[1] <= high]
        if 0 < sum(end - start for start, end in inside) < high - low:
            chars = marked.passage.spoken.chars
            places = tuple((chars[start][0], chars[end - 1][1]) for start, end in inside)
            found[name] = Candidate(
                row=row, utterance=marked.passage.judged, dialogue=marks.dialogue(name), marked=places
            )
    return list(found.values())


def sampled(among: Sequence[Candidate], at_most: int, *, rng: np.random.Generator) -> list[Candidate]:
    """Return at most so many, one of every unit before a second of any."""
    turn: dict[str, int] = {}
    lots: list[tuple[int, int, Candidate]] = []
    for lot, i in enumerate(rng.permutation(len(among))):
        unit = among[i].utterance.unit
        turn[unit] = turn.get(unit, -1) + 1
        lots.append((turn[unit], lot, among[i]))
    lots.sort(key=lambda drawn: drawn[:2])
    return [candidate for _, _, candidate in lots[:at_most]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Asking:
    """How a live reasoner is asked about turns."""

    reasoner: Attributable
    condition: str
    n_steps: int
    progress: Progress

    def plain(self, chosen: Sequence[Candidate]) -> list[Values]:
        """Return the values of every turn."""
        return self._asked(chosen, "attributing answers to words")

    def randomised(self, chosen: Sequence[Candidate], *, rng: np.random.Generator) -> list[Values]:
        """Return the values when every parameter of the model was drawn anew; it has its own again afterwards."""
        from faithfulness.sanity.randomised import draw_anew, restored

        first = self._turn(chosen[0])
        with restored(first.module):
            for layer in first.layers:
                draw_anew(first.module, layer, rng)
            return self._asked(chosen, "attributing answers of a model drawn anew")

    def _turn(self, candidate: Candidate) -> AttributableTurn:
        return self.reasoner.attributable(
            candidate.dialogue, utterance_id=candidate.utterance.utterance_id, condition=self.condition, rationale=""
        )

    def _asked(self, chosen: Sequence[Candidate], what: str) -> list[Values]:
        found = []
        for done, candidate in enumerate(chosen, start=1):
            found.append(self._values(self._turn(candidate), candidate.marked))
            self.progress(what, done, len(chosen))
        return found

    def _values(self, turn: AttributableTurn, marked: Sequence[Place]) -> Values:
        from faithfulness.attribution.integrated_gradients import PathOptions, integrated_gradients
        from faithfulness.attribution.targets import predicted_emotion

        text = [feature for feature in turn.features if feature.modality == "text"]
        if not text:
            return Values(values=np.zeros(0), marked=np.zeros(0, dtype=bool))
        options = PathOptions(n_steps=self.n_steps)
        (told,) = integrated_gradients(turn, predicted_emotion(turn), features=text, options=options)
        placed = [
            (value, span.start_char, span.end_char)
            for span, value in zip(told.spans, told.values.tolist(), strict=True)
            if span.start_char is not None and span.end_char is not None and span.end_char > span.start_char
        ]
        return Values(
            values=np.array([value for value, _, _ in placed]),
            marked=np.array([any(s < high and e > low for low, high in marked) for _, s, e in placed], dtype=bool),
        )


def tally_attributed(
    told: tuple[Explained, Sequence[Candidate]],
    asked: tuple[Sequence[Values], Sequence[Values]],
    *,
    predictions: Predictions,
    by: Sequence[str],
    rng: np.random.Generator,
) -> Tally | None:
    """Count what each turn adds to `COLUMNS`; None where in no turn some pieces are marked and some are not."""
    (explained, chosen), (plain, randomised) = told, asked
    usable = [i for i, values in enumerate(plain) if values.usable]
    if not usable:
        return None
    sums = [_sums(i, usable, plain, randomised[i], rng) for i in usable]
    rows = explained.rows_at([chosen[i].row for i in usable])
    return tally_outcomes(predictions, by, condition=explained.condition, rows=rows, sums=np.stack(sums))


def _sums(
    i: int, usable: Sequence[int], plain: Sequence[Values], randomised: Values, rng: np.random.Generator
) -> FloatArray:
    own = plain[i]
    others = [plain[usable[k]] for k in rng.integers(len(usable), size=PARTNERS) if usable[k] != i]
    shuffled = [average_precision(stretched(other.values, len(own.values)), own.marked) for other in others]
    auprc, dealt = average_precision(own.values, own.marked), float(bool(others))
    told = {
        "attributed": 1.0,
        "auprc": auprc,
        "random": average_precision_at_random(len(own.marked), int(own.marked.sum())),
        "dealt": dealt,
        "shuffled": float(np.mean(shuffled)) if shuffled else 0.0,
        "auprc_dealt": auprc * dealt,
        "randomised": average_precision(randomised.values, own.marked),
    }
    return np.array([told[column] for column in COLUMNS])


def stretched(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return values as a course of another length: the value at the same part of the way, the nearest one.

    >>> stretched(np.array([1.0, 2.0]), 4).tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    return np.asarray(values[np.floor((np.arange(length) + 0.5) / length * len(values)).astype(np.int64)])
