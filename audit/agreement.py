"""Does the answer change when a modality is taken away? Agreement of each condition with the fullest, by group.

Needs no labels. Utterances that are missing under either condition take no part and are counted in a caveat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from affidavit.case import Case
from affidavit.confusion import ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.tally import Tally, tally_outcomes
from audit.outcomes import outcome_claims

NAME = "agreement"
VERSION = "1"
METRIC: Final = "agreement_with_fullest"
AGREEMENT = ratio_statistic(
    METRIC,
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    higher_is_better=None,
    source="share of utterances with the same label under both conditions; ablation: methods 5.3",
)


def refuses(case: Case) -> Refusal | None:
    """Refuse tables that are too large to be joined with themselves in memory."""
    if all(run.in_memory for run in case.runs.values()):
        return None
    return Refusal(
        examination=NAME,
        because="the table is streamed, and pairing its utterances between conditions needs it in memory",
        remedy="raise execution.memory_rows, or audit a sample of the utterances",
    )


def examine(case: Case) -> Testimony:
    """Compare every condition with the fullest one, the first in the order of tables."""
    claims: list[Claim] = []
    for run, predictions in case.runs.items():
        if predictions.task is not Task.MULTICLASS or len(predictions.conditions) < 2:
            continue
        frame = _labels(predictions, case.by)
        fullest, *others = predictions.conditions
        for done, condition in enumerate(others, start=1):
            tally, unpaired = _agreement(predictions, case.by, frame=frame, fullest=fullest, condition=condition)
            if tally is None:
                continue
            found = outcome_claims(
                case, examination=NAME, version=VERSION, run=run, tally=tally, statistics=[AGREEMENT]
            )
            claims += [_with_caveat(claim, fullest, unpaired) for claim in found]
            case.progress("comparing conditions", done, len(others))
    return Testimony(claims=tuple(claims))


def _labels(predictions: Predictions, by: tuple[str, ...]) -> pd.DataFrame:
    """Return codes by row: condition, label, unit, groups, and a key that is the same under every condition."""
    names = ["condition", "y_pred", "unit", *(f"group_{feature}" for feature in by)]
    coded = list(predictions.coded_batches(names))
    frame = pd.DataFrame({name: np.concatenate([batch[name] for batch in coded]) for name in names})
    keys = ["utterance_id", "reasoner", "instruction", "repeat"]
    table = pa.Table.from_batches(list(predictions.batches(keys)))
    for key in keys:
        frame[key] = pd.factorize(table[key].to_numpy())[0]
    return frame


def _agreement(
    predictions: Predictions, by: tuple[str, ...], *, frame: pd.DataFrame, fullest: str, condition: str
) -> tuple[Tally | None, int]:
    codes: Mapping[str, int] = {name: i for i, name in enumerate(predictions.conditions)}
    keys = ["utterance_id", "reasoner", "instruction", "repeat"]
    full = frame[frame["condition"] == codes[fullest]]
    less = frame.loc[frame["condition"] == codes[condition], [*keys, "y_pred"]]
    paired = full.merge(less, on=keys, suffixes=("", "_less"))
    unpaired = len(full) + len(less) - 2 * len(paired)
    if paired.empty:
        return None, unpaired
    same = (paired["y_pred"] == paired["y_pred_less"]).to_numpy(dtype=np.float64)
    rows = {name: paired[name].to_numpy() for name in ("unit", *(f"group_{feature}" for feature in by))}
    sums = np.stack([same, np.ones(len(same), dtype=np.float64)], axis=1).astype(np.float64)
    return tally_outcomes(predictions, by, condition=condition, rows=rows, sums=sums), unpaired


def _with_caveat(claim: Claim, fullest: str, unpaired: int) -> Claim:
    caveats = [f"compared with {fullest}"]
    caveats += [f"{unpaired} judgements exist under one of the two conditions only"] if unpaired else []
    finding = claim.finding.model_copy(update={"caveats": (*claim.finding.caveats, *caveats)})
    return replace(claim, finding=finding)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Agreement between conditions",
    method_version=VERSION,
    access=("table", "several conditions"),
    metrics=frozenset({METRIC, f"{METRIC}_difference"}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
