"""Attributions as exhibits: the two side tables of `affidavit.attributions`, with the run that they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from affidavit.attributions import COLUMNS, SPANS, TARGETS, Attribution, attribution_tables, emotion_target
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import ExhibitColumn

_TYPES: Final = {"string": "text", "int64": "integer", "double": "number"}
_TITLES: Final = {SPANS: "What each span brought", TARGETS: "Scores that were attributed"}
_MEANING: Final = {
    "utterance_id": "the utterance",
    "reasoner": "who judged",
    "condition": "what it was shown",
    "instruction": "what it was told",
    "repeat": "number of the repetition",
    "target": "a label's score (emotion:), or the log-probability of a rationale's token (token:)",
    "method": "the method of attribution",
    "modality": "the modality of the span",
    "position": "place of the span in its modality, from 0",
    "span": "the span",
    "start_s": "where it begins, empty where unknown",
    "end_s": "where it ends, empty where unknown",
    "start_char": "its first character, empty where it is no text",
    "end_char": "the character after its last, empty where it is no text",
    "value": "what it brings to the target, in the target's unit",
    "output": "the target's score",
    "baseline_output": "the target's score with every span at its baseline",
    "convergence_delta": "by how much the values miss the difference, empty where the method promises no sum",
}


def attribution_exhibits(attributions: Mapping[str, Sequence[Attribution]]) -> tuple[ExhibitTable, ...]:
    """Return both tables over all runs, by run; none where nothing was attributed."""
    if not any(attributions.values()):
        return ()
    kept = _kept(attributions)
    tables = {run: attribution_tables(found) for run, found in attributions.items() if found}
    return tuple(
        _exhibit(name, f"{_TITLES[name]}, {kept}", {run: table[name].to_pydict() for run, table in tables.items()})
        for name in COLUMNS
    )


def _kept(attributions: Mapping[str, Sequence[Attribution]]) -> str:
    """Say of how many judgements what is kept: every token's attributions would be too many."""
    every = [(run, item) for run, found in attributions.items() for item in found]
    answers = {(run, item.key) for run, item in every if item.target.startswith(emotion_target(""))}
    spoken = {(run, item.key) for run, item in every if not item.target.startswith(emotion_target(""))}
    return f"of {len(answers):,} answers and the tokens of {len(spoken):,} rationales"


def _exhibit(name: str, title: str, tables: Mapping[str, Mapping[str, Sequence[Cell]]]) -> ExhibitTable:
    kinds = COLUMNS[name]
    columns = (
        ExhibitColumn(name="run", type="text", description="the run"),
        *(
            ExhibitColumn(
                name=column,
                type=_TYPES[kind],
                unit="s" if column.endswith("_s") else None,
                description=_MEANING[column],
            )
            for column, kind in kinds.items()
        ),
    )
    values: dict[str, list[Cell]] = {
        column: [cell for table in tables.values() for cell in table[column]] for column in kinds
    }
    runs: list[Cell] = [run for run, table in tables.items() for _ in table["target"]]
    return ExhibitTable(id=name.replace("_", "-"), title=title, columns=columns, values={"run": runs, **values})
