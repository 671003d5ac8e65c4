"""What inversion found, setting by setting and part by part, as rows of two exhibits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray
from affidavit.estimates import estimate_cells
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import Estimate, ExhibitColumn
from privacy.inversion.parts import Part
from privacy.inversion.study import Outcome

Row = dict[str, Cell]
Estimated = Callable[[str, NDArray[np.int64], FloatArray], Estimate]
"""The mean of a metric over units [n] with values [n]."""
_SHARE: Final = (0.0, 1.0)
RANGES: Final[Mapping[str, tuple[float, float | None]]] = {
    "psnr": (-np.inf, None),
    "control_psnr": (-np.inf, None),
    "ssim": (-1.0, 1.0),
    "match_rate_drop": (-1.0, 1.0),
    "word_recall_drop": (-1.0, 1.0),
    **dict.fromkeys(("match_rate", "control_match_rate", "word_recall", "control_word_recall"), _SHARE),
    **dict.fromkeys(("word_precision", "label_recovery", "control_label_recovery"), _SHARE),
    **dict.fromkeys(("gradient_share", "label_recovered", "state_match_rate"), _SHARE),
}
_SETTINGS: Final = (
    *PLACE[:2],
    ExhibitColumn(name="input", type="text", description="the input that was to be found out"),
    ExhibitColumn(name="batch", type="integer", unit="turns", description="turns behind one update"),
    ExhibitColumn(name="update", type="text", description="plain, or clipped by turn and noised"),
    ExhibitColumn(
        name="metric",
        type="text",
        description="psnr (dB; of vectors, each place by its own spread), ssim, match_rate, word_recall, "
        "word_precision and label_recovery (over updates); control_psnr (others' average input), control_match_rate "
        "(no attack), control_word_recall and control_label_recovery (what others say and have most); and drops: "
        "plain less clipped and noised, of the same targets",
    ),
    *ESTIMATE,
)
_PARTS: Final = (
    *PLACE[:2],
    ExhibitColumn(name="part", type="text", description="the part that alone is trained"),
    ExhibitColumn(name="n_parameters", type="integer", description="trained numbers of the part"),
    ExhibitColumn(
        name="metric",
        type="text",
        description="of plain updates of one turn: gradient_share (of the squared norm), label_recovered, word_recall, "
        "and state_match_rate, whose turn it was by the states that entered its layers; absent where nothing of "
        "the kind can be read off the part",
    ),
    *ESTIMATE,
)


def setting_rows(outcomes: Sequence[Outcome], place: Row, estimated: Estimated) -> list[Row]:
    """Return the rows of all settings."""
    rows: list[Row] = []
    plain = {outcome.setting.batch: outcome for outcome in outcomes if outcome.setting.protection is None}
    for outcome in outcomes:
        values = _values(outcome)
        before = plain.get(outcome.setting.batch)
        if before is not None and before is not outcome:
            values["match_rate_drop"] = before.matched - outcome.matched
            values["word_recall_drop"] = before.words - outcome.words
        update = "plain" if outcome.setting.protection is None else "clipped and noised"
        told = {**place, "batch": outcome.setting.batch, "update": update}
        for name, of in values.items():
            if np.isfinite(of).any():
                rows.append({**told, "metric": name, **_cells(estimated(name, outcome.units, of))})
    return rows


def _values(outcome: Outcome) -> dict[str, FloatArray]:
    return {
        "psnr": outcome.psnr,
        "ssim": outcome.ssim,
        "match_rate": outcome.matched,
        "word_recall": outcome.words,
        "word_precision": outcome.word_precision,
        "label_recovery": outcome.labels,
        "control_psnr": outcome.control_psnr,
        "control_match_rate": outcome.control,
        "control_word_recall": outcome.control_words,
        "control_label_recovery": outcome.control_labels,
    }


def part_rows(parts: Sequence[Part], units: NDArray[np.int64], place: Row, estimated: Estimated) -> list[Row]:
    """Return the rows of all parts."""
    return [
        {
            **place,
            "part": part.name,
            "n_parameters": part.n_parameters,
            "metric": name,
            **_cells(estimated(name, units, values)),
        }
        for part in parts
        for name, values in part.told.items()
        if np.isfinite(values).any()
    ]


def _cells(estimate: Estimate) -> Row:
    return {
        **estimate_cells(estimate),
    }


def exhibits_of(settings: Sequence[Row], parts: Sequence[Row]) -> tuple[ExhibitTable, ...]:
    """Return the exhibits that have rows."""
    made = (
        ("inversion-by-setting", "What gradient inversion finds, by batch and protection", _SETTINGS, settings),
        ("inversion-by-part", "What an update gives away where one part alone is trained", _PARTS, parts),
    )
    return tuple(
        ExhibitTable(
            id=name,
            title=title,
            columns=columns,
            values={column.name: [row[column.name] for row in rows] for column in columns},
        )
        for name, title, columns, rows in made
        if rows
    )
