"""Does the answer change when a modality is taken away? Agreement of each condition with the fullest, by group.

Needs no labels. Utterances that are missing under either condition take no part and are counted in a caveat.

A model that is asked the very same thing twice may answer otherwise, and then two conditions differ by that alone.
Where the table holds repetitions, `agreement_between_repeats` says how often two answers to one utterance under the
fullest condition are the same: what a removed modality changes is told against it, not against 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from affidavit.case import Case
from affidavit.confusion import ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Record, Refusal
from affidavit.tally import Tally, outcome_columns, tally_outcomes
from audit.conditions.paired_judgements import refused_for_size
from audit.outcomes import outcome_claims

NAME = "agreement"
VERSION = "1"
METRIC: Final = "agreement_with_fullest"
AGREEMENT = ratio_statistic(
    METRIC,
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    higher_is_better=None,
    source="share of utterances with the same label under both conditions; ablation",
)
REPEATS: Final = "agreement_between_repeats"
BETWEEN_REPEATS = ratio_statistic(
    REPEATS,
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    higher_is_better=None,
    source="share of pairs of repetitions with the same label: noise floor, Fleiss 1971, eq. 2",
)


class AgreementOptions(Record):
    """The options of this examination in a plan."""

    most_rows: int = Field(default=5_000_000, ge=1)
    """A run with more rows is refused: pairing its utterances takes them all at once, some hundred bytes each."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run that is too large for its conditions to be paired; how it is read has no say in that."""
    options = read_options(AgreementOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    return refused_for_size(run, options.most_rows, examination=NAME)


def examine(case: Case) -> Testimony:
    """Compare every condition with the fullest one, the first in the order of tables."""
    claims: list[Claim] = []
    for run, predictions in case.runs.items():
        frame = _labels(predictions, case.by)
        if not predictions.conditions_of_use:
            continue
        fullest, *others = predictions.conditions_of_use
        for done, condition in enumerate(others, start=1):
            tally, unpaired = _agreement(predictions, case.by, frame=frame, fullest=fullest, condition=condition)
            found = outcome_claims(
                case, examination=NAME, version=VERSION, run=run, tally=tally, statistics=[AGREEMENT]
            )
            claims += [_with_caveats(claim, _said(fullest, unpaired, frame)) for claim in found]
            case.progress("comparing conditions", done, len(others))
        if _repeats(frame):
            claims += outcome_claims(
                case,
                examination=NAME,
                version=VERSION,
                run=run,
                tally=_between_repeats(predictions, case.by, frame=frame, fullest=fullest),
                statistics=[BETWEEN_REPEATS],
            )
    return Testimony(claims=tuple(claims))


def _labels(predictions: Predictions, by: tuple[str, ...]) -> pd.DataFrame:
    """Return codes by row: what is counted, and a key that is the same under every condition."""
    names = [*outcome_columns(predictions, by), "y_pred", "reasoner", "instruction", "repeat"]
    coded = list(predictions.coded_batches(names))
    frame = pd.DataFrame({name: np.concatenate([batch[name] for batch in coded]) for name in names})
    ids = pa.Table.from_batches(list(predictions.batches(["utterance_id"]))).column(0)
    frame["utterance_id"] = pc.dictionary_encode(ids).combine_chunks().indices.to_numpy()
    return frame


def _agreement(
    predictions: Predictions, by: tuple[str, ...], *, frame: pd.DataFrame, fullest: str, condition: str
) -> tuple[Tally, int]:
    """Pair judgements; a pair weighs what its judgement under the fullest condition weighs."""
    codes: Mapping[str, int] = {name: i for i, name in enumerate(predictions.conditions)}
    keys = ["utterance_id", "reasoner", "instruction", "repeat"]
    full = frame[frame["condition"] == codes[fullest]]
    less = frame.loc[frame["condition"] == codes[condition], [*keys, "y_pred"]]
    paired = full.merge(less, on=keys, suffixes=("", "_less"))
    unpaired = len(full) + len(less) - 2 * len(paired)
    same = (paired["y_pred"] == paired["y_pred_less"]).to_numpy(dtype=np.float64)
    rows = {name: paired[name].to_numpy() for name in outcome_columns(predictions, by)}
    sums = np.stack([same, np.ones(len(same), dtype=np.float64)], axis=1).astype(np.float64)
    return tally_outcomes(predictions, by, condition=condition, rows=rows, sums=sums), unpaired


def _repeats(frame: pd.DataFrame) -> bool:
    return bool(frame["repeat"].nunique() > 1)


def _between_repeats(predictions: Predictions, by: tuple[str, ...], *, frame: pd.DataFrame, fullest: str) -> Tally:
    """Count, of every utterance judged again under the fullest condition, the share of pairs of its answers alike."""
    full = frame[frame["condition"] == predictions.conditions.index(fullest)]
    judged = ["utterance_id", "reasoner", "instruction"]
    answers = full.groupby([*judged, "y_pred"]).size()
    alike = (answers * (answers - 1)).groupby(level=judged).sum()
    n = answers.groupby(level=judged).sum()
    share = (alike / (n * (n - 1)))[n > 1].rename("alike").reset_index()
    rows = full.sort_values("repeat").drop_duplicates(judged).merge(share, on=judged)
    sums = np.stack([rows["alike"].to_numpy(), np.ones(len(rows))], axis=1).astype(np.float64)
    outcomes = {name: rows[name].to_numpy() for name in outcome_columns(predictions, by)}
    return tally_outcomes(predictions, by, condition=fullest, rows=outcomes, sums=sums)


def _said(fullest: str, unpaired: int, frame: pd.DataFrame) -> tuple[str, ...]:
    return (
        f"compared with {fullest}",
        *([f"{unpaired} judgements exist under one of the two conditions only"] if unpaired else []),
        *([f"the same input is not always answered alike: read it beside {REPEATS}"] if _repeats(frame) else []),
    )


def _with_caveats(claim: Claim, said: tuple[str, ...]) -> Claim:
    return replace(claim, finding=claim.finding.model_copy(update={"caveats": (*claim.finding.caveats, *said)}))


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Agreement between conditions",
    method_version=VERSION,
    access=("table", "several conditions"),
    metrics=frozenset({METRIC, f"{METRIC}_difference", REPEATS, f"{REPEATS}_difference"}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
