"""Which judgements of a run are asked about, where asking about all of them would take too long.

They are drawn evenly over groups, and within a group over units: a rare group is seen as often as a frequent one, and
each further unit tells more than another judgement of the same. Every judgement then counts for those that it was drawn
from (Horvitz, Thompson 1952), so that means are those of the whole run; the order of the table has no say.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from affidavit.tally import outcome_columns
from faithfulness.attribution.options import DrawingOptions

_ORDER: Final = ("utterance_id", "instruction", "repeat")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Judgements [N] that are asked about, in the order of the draw."""

    predictions: Predictions
    condition: str
    rows: Mapping[str, NDArray[Any]]
    """The `outcome_columns` of each."""
    utterance_ids: tuple[str, ...]
    answers: tuple[str, ...]
    truths: tuple[str, ...]
    """Reference labels; empty where the table has none."""
    rationales: tuple[str, ...]
    """Trimmed; empty where there is none."""
    weight: FloatArray
    """How many judgements each stands for."""
    n_judged: int
    """Utterances that it was drawn from."""
    n_elsewhere: int
    """Judged utterances that the corpus does not have."""
    n_unseen: int = 0
    """Groups, of all features crossed, none of whose judgements was drawn."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.utterance_ids)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says of the draw."""
        drawn = f"{len(self):,} of {self.n_judged:,} judgements drawn, evenly over groups and units, and weighted back"
        lost = f"{self.n_elsewhere:,} judged utterances are not in the corpus"
        unseen = (
            f"{self.n_unseen:,} groups of all features crossed have no judgement among those drawn, and no say in the "
            "means: raise most_utterances, or name fewer features"
        )
        return (
            *([drawn] if len(self) < self.n_judged else []),
            *([unseen] if self.n_unseen else []),
            *([lost] if self.n_elsewhere else []),
        )

    def others(self, rng: np.random.Generator) -> tuple[int | None, ...]:
        """Return for each judgement another one with the same answer and a rationale, at random; None where none is.

        Of those with one answer each is handed out once: the rationales are dealt anew.
        """
        found: list[int | None] = [None] * len(self)
        for answer in sorted(set(self.answers)):
            same = [i for i, told in enumerate(self.answers) if told == answer and self.rationales[i]]
            order = [same[k] for k in rng.permutation(len(same))]
            for here, there in zip(order, [*order[1:], *order[:1]], strict=True):
                found[here] = there if there != here else None
        return tuple(found)


def draw_for(case: Case, run: str, options: DrawingOptions, *, examination: str) -> Drawn:
    """Return the judgements of a case's run that an examination asks about; its corpus says which there are.

    Raises:
        ValueError: the run has no condition to be asked about, and was to be refused.
    """
    predictions = case.runs[run]
    condition = options.condition_of(predictions)
    if condition is None:
        raise ValueError(f"{run} was to be refused")
    return draw_judgements(
        predictions,
        case.by,
        condition,
        known={utterance.utterance_id for utterance in case.live[run].corpus.utterances},
        most=options.most_utterances,
        rng=np.random.default_rng(seed_of(case.book.seed, examination, run, "draw")),
    )


def nothing_drawn(examination: str, run: str) -> Refusal:
    """Return the refusal of a run that was judged on another corpus."""
    return Refusal(
        examination=examination,
        run=run,
        because="no utterance of the table is in the corpus that stands behind the run",
        remedy="judge the corpus that the plan names, and keep its utterance_ids",
    )


def draw_judgements(
    predictions: Predictions,
    by: Sequence[str],
    condition: str,
    *,
    known: Container[str],
    most: int,
    rng: np.random.Generator,
) -> Drawn:
    """Return at most `most` judgements under a condition of utterances that are `known`; of repetitions the first."""
    frame = _judgements(predictions, by, condition)
    there = np.fromiter((name in known for name in frame["utterance_id"]), dtype=bool, count=len(frame))
    whole = frame[there].sort_values(list(_ORDER), kind="stable").drop_duplicates("utterance_id", ignore_index=True)
    cell = pd.factorize(pd.MultiIndex.from_frame(whole[[f"group_{feature}" for feature in by] or ["condition"]]))[0]
    chosen, weight = drawn_evenly(cell, pd.factorize(whole["unit"])[0], most=most, rng=rng)
    kept = whole.iloc[chosen]
    labels = predictions.levels["y_pred"]
    return Drawn(
        predictions=predictions,
        condition=condition,
        rows={name: kept[name].to_numpy() for name in outcome_columns(predictions, by)},
        utterance_ids=tuple(kept["utterance_id"]),
        answers=tuple(labels[code] for code in kept["y_pred"]),
        truths=tuple(predictions.levels["y_true"][code] for code in kept["y_true"]) if predictions.labelled else (),
        rationales=tuple(kept["rationale"]),
        weight=weight,
        n_judged=len(whole),
        n_elsewhere=int(frame.loc[~there, "utterance_id"].nunique()),
        n_unseen=len(set(cell)) - len(set(cell[chosen])),
    )


def drawn_evenly(
    cell: NDArray[np.int64], unit: NDArray[np.int64], *, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the places of at most `most` rows, round after round one of each cell, and how many rows each stands for.

    Within a cell, units take turns. The weight is (units of the cell / those drawn) (rows of the unit in the cell /
    those drawn), of two stages. Which cell, which unit and which of its rows comes first is drawn each for itself: who
    has many rows is drawn no sooner than who has one.
    """
    frame = pd.DataFrame({"cell": cell, "unit": unit})
    pair, cells = frame.groupby(["cell", "unit"]).ngroup().to_numpy(), frame.groupby("cell").ngroup().to_numpy()
    turn = [rng.permutation(codes.max(initial=-1) + 1)[codes] for codes in (pair, cells)]
    frame = frame.assign(unit_turn=turn[0], cell_turn=turn[1]).iloc[rng.permutation(len(cell))]
    frame["round"] = frame.groupby(["cell", "unit"]).cumcount()
    frame = frame.sort_values(["round", "unit_turn"], kind="stable")
    frame["round"] = frame.groupby("cell").cumcount()
    frame = frame.sort_values(["round", "cell_turn"], kind="stable")[["cell", "unit"]]
    drawn = frame.iloc[:most]
    pairs, taken = frame.groupby(["cell", "unit"]).size(), drawn.groupby(["cell", "unit"]).size()
    units, met = frame.groupby("cell")["unit"].nunique(), drawn.groupby("cell")["unit"].nunique()
    rows_each = (pairs.reindex(taken.index) / taken).reindex(pd.MultiIndex.from_frame(drawn)).to_numpy(dtype=np.float64)
    units_each = (units.reindex(met.index) / met).reindex(drawn["cell"]).to_numpy(dtype=np.float64)
    return drawn.index.to_numpy(), rows_each * units_each


def _judgements(predictions: Predictions, by: Sequence[str], condition: str) -> pd.DataFrame:
    """Return the judgements under a condition: codes, utterance ids and rationales."""
    place = predictions.conditions.index(condition)
    told = ["y_pred", *(["y_true"] if predictions.labelled else [])]
    coded = [*outcome_columns(predictions, by), *told, "instruction", "repeat"]
    texts = ["utterance_id", *(["rationale"] if "rationale" in predictions.columns else [])]
    parts = []
    for codes, said in zip(predictions.coded_batches(coded), predictions.batches(texts), strict=True):
        wanted = codes["condition"] == place
        part = pd.DataFrame({name: values[wanted] for name, values in codes.items()})
        for name in texts:
            part[name] = said.column(name).filter(pa.array(wanted)).cast(pa.string()).to_pylist()
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    spoken = frame["rationale"] if "rationale" in frame else pd.Series("", index=frame.index)
    return frame.assign(rationale=[str(text or "").strip() for text in spoken.where(spoken.notna(), "")])
