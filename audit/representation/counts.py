"""Rows and units of every group by reference label: what the shares and the balance of labels are made from."""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.claims import group_name
from affidavit.exhibits import Cell
from affidavit.predictions import Predictions
from affidavit.records import ExhibitColumn
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from audit.representation.claims import Sample

COUNTS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="features", type="text", description="the features whose groups are listed"),
    ExhibitColumn(name="group", type="text", description="the group"),
    ExhibitColumn(name="label", type="text", description="the reference label"),
    ExhibitColumn(name="rows", type="number", unit="rows", description="rows (weighted where there are weights)"),
    ExhibitColumn(name="units", type="integer", unit="units", description="units with such a row"),
)
Row = dict[str, Cell]


def label_tally(predictions: Predictions, by: tuple[str, ...]) -> Tally:
    """Count rows under the fullest condition by reference label, or all together."""
    counter = OutcomeCounter(predictions, by, condition=predictions.conditions[0])
    label = ["y_true"] if predictions.labelled else []
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), *label]):
        chosen = batch["condition"] == 0  # the fullest condition has the first code
        n_rows = int(chosen.sum())
        sums = np.eye(len(predictions.labels))[batch["y_true"][chosen]] if label else np.ones((n_rows, 1))
        counter.add({name: values[chosen] for name, values in batch.items()}, sums)
    return counter.tally()


def count_rows(sample: Sample) -> list[Row]:
    """Return the rows and units of every group and label; none without labels."""
    if not sample.labels:
        return []
    units, totals = sample.balance.units_by_label, sample.evidence.totals
    return [
        {
            "run": sample.place.run,
            "features": " x ".join(sample.place.family),
            "group": group_name(groups),
            "label": label,
            "rows": float(totals[g, k]),
            "units": int(units[g, k]),
        }
        for g, groups in enumerate(sample.grouped.groups)
        for k, label in enumerate(sample.labels)
    ]
