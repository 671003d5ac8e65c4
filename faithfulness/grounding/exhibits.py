"""The tables behind cue grounding: which cue is stated, seen and made up how often, and what the controls get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from affidavit.confusion import FloatArray
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.measured_cues import ASPECTS
from affidavit.records import ExhibitColumn
from faithfulness.grounding.matching import Scales
from faithfulness.grounding.sums import PARTS

Row = Mapping[str, Cell]


def _column(name: str, kind: str, description: str, unit: str | None = None) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, unit=unit, description=description)


_PLACE: Final = (_column("run", "text", "the run"), _column("condition", "text", "what the reasoner was shown"))
CUES: Final = (
    *_PLACE,
    _column("aspect", "text", "face, tone, content or scene"),
    _column("cue", "text", "the cue"),
    _column("stated", "integer", "rationales that state it", "rationales"),
    _column("denied", "integer", "rationales that deny it", "rationales"),
    _column("supported", "integer", "of both, those that the evidence bears out", "rationales"),
    _column("unknown", "integer", "of both, those of utterances in which nobody looked for it", "rationales"),
    _column("salient", "integer", "judgements of utterances in which it was seen", "rationales"),
)
CONTROLS: Final = (
    *_PLACE,
    _column("control", "text", "what stands in the place of the rationales"),
    _column("aspect", "text", "face, tone, content or scene"),
    _column("checked", "number", "atoms that evidence can be held against", "atoms"),
    _column("precision", "number", "supported over checked"),
    _column("recall", "number", "salient cues stated over all; empty where there are none"),
)


def cue_rows(scales: Scales, run: str, condition: str) -> list[Row]:
    """Return one row for each cue that was stated, denied or seen."""
    evidence, told, judged = scales.evidence, scales.told, scales.judged
    stated, denied = told.stated[judged.text], told.denied[judged.text]
    who = judged.utterance
    hidden = evidence.unshown[who] | scales.unshown
    known, present = evidence.known[who] & ~hidden, evidence.present[who]
    counts = {
        "stated": stated,
        "denied": denied,
        "supported": (stated & known & present) | (denied & known & ~present),
        "unknown": (stated | denied) & ~(known | hidden),
        "salient": evidence.salient[who] & ~scales.unshown,
    }
    totals = {name: found.sum(axis=0) for name, found in counts.items()}
    told_of = totals["stated"] + totals["denied"] + totals["salient"]
    return [
        {
            "run": run,
            "condition": condition,
            "aspect": entry.aspect,
            "cue": entry.cue,
            **{name: int(total[i]) for name, total in totals.items()},
        }
        for i, entry in enumerate(evidence.vocabulary.entries)
        if told_of[i]
    ]


def control_rows(sums: FloatArray, run: str, condition: str) -> list[Row]:
    """Return what the rationales and their controls get by aspect, from sums [WIDTH]."""
    parts = sums[1:].reshape(len(ASPECTS), len(PARTS))
    rows: list[Row] = []
    for a, aspect in enumerate(ASPECTS):
        held = dict(zip(PARTS, parts[a].tolist(), strict=True))
        salient = held["salient"]
        recalls = {
            "": _ratio(held["recalled"], salient),
            "_shuffled": _ratio(held["recalled_shuffled"], held["salient_shuffled"]),
            "_random": None,
            "_template": 1.0 if salient > 0 else None,
        }
        for ending, name in _NAMES.items():
            checked = held[f"checked{ending}"]
            rows.append(
                {
                    "run": run,
                    "condition": condition,
                    "control": name,
                    "aspect": aspect,
                    "checked": checked,
                    "precision": _ratio(held[f"supported{ending}"], checked),
                    "recall": recalls[ending],
                }
            )
    return rows


_NAMES: Final = {
    "": "the rationales",
    "_shuffled": "rationales of others with the same answer",
    "_random": "as many cues at random",
    "_template": "a rationale that mentions everything",
}


def table(name: str, title: str, columns: tuple[ExhibitColumn, ...], rows: Sequence[Row]) -> ExhibitTable:
    """Return rows as an exhibit."""
    values = {column.name: [row[column.name] for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=columns, values=values)


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if np.isfinite(whole) and whole > 0 else None
