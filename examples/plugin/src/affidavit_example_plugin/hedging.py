"""How often do rationales hedge ("perhaps", "might"), for whom?"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from affidavit.case import Case
from affidavit.confusion import ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id, pending
from affidavit.intervals import measure
from affidavit.plan import Task
from affidavit.records import Finding
from affidavit.tally import outcome_columns, tally_outcomes

WORDS = r"\b(perhaps|maybe|might|possibly|seems?|could be)\b"
HEDGING_RATE = ratio_statistic(
    "hedging_rate",
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    higher_is_better=None,
    source="share of rationales with a hedge; word list of this plugin",
)


def examine(case: Case) -> Testimony:
    """Return the hedging rate of every group under every condition."""
    claims = []
    for run, predictions in case.runs.items():
        names = outcome_columns(predictions, case.by)
        rows = {name: np.concatenate([batch[name] for batch in predictions.coded_batches(names)]) for name in names}
        text = [batch.column("rationale") for batch in predictions.batches(["rationale"])]
        hedged = np.concatenate([pc.fill_null(pc.match_substring_regex(t, WORDS), False).to_numpy(False) for t in text])
        sums = np.stack([hedged.astype(float), np.ones(len(hedged))], axis=1)
        for i, condition in enumerate(predictions.conditions):
            here = rows["condition"] == i
            chosen = {name: values[here] for name, values in rows.items()}
            tally = tally_outcomes(predictions, case.by, condition=condition, rows=chosen, sums=sums[here])
            for family in case.families:
                measured = measure(case.book.evidence_of(run, tally, family), HEDGING_RATE)
                for group, named in enumerate(measured.groups):
                    estimate = measured.estimate(group, case.statistics.level, has_units=predictions.unit != "row")
                    verdict, because = pending(estimate)
                    claims.append(
                        Claim(
                            finding=Finding(
                                id=finding_id(run, condition, "hedging", "hedging_rate", groups=named),
                                examination="hedging",
                                method_version="1",
                                metric="hedging_rate",
                                higher_is_better=None,
                                run=run,
                                condition=condition,
                                groups=named,
                                estimate=estimate,
                                verdict=verdict,
                                because=because,
                                source=HEDGING_RATE.source,
                            )
                        )
                    )
    return Testimony(claims=tuple(claims))


HEDGING = FunctionExamination(
    name="hedging",
    title="Hedged rationales",
    method_version="1",
    access=("table", "rationales"),
    metrics=frozenset({"hedging_rate"}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
)
