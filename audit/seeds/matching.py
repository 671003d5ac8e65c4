"""The utterances that all runs of a table judged: rows are compared over these alone.

A model that is shown less is asked about more: one without the face also judges those whose face was never seen. Held
against a model that needs the face, it would answer for other people. What only some runs judged is left out of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from affidavit.conditions import Condition
from affidavit.predictions import Predictions

UNNAMED = "a run names nobody, so nothing says whose rows belong together"
OTHER_LABELS = "its runs answer under other labels"
NOTHING_SHARED = "no utterance was judged by all of its runs"
OTHER_TRUTH = "its runs disagree on whose an utterance is, or on what was felt"
_KNOWN = ("unit", "y_true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Runs that speak of the same utterances."""

    runs: Mapping[str, Predictions]
    """Each with no row of another utterance."""
    units: tuple[str, ...]
    """Who is in them, in one order."""
    caveats: tuple[str, ...]
    """What was left out, in words; empty where nothing was."""


def fullest(run: Predictions) -> str:
    """Return the fullest condition that neither degrades nor intervenes; the first one where all do."""
    plain = [name for name in run.conditions if Condition.parse(name).operator is None]
    return plain[0] if plain else run.conditions[0]


def matched(runs: Mapping[str, Predictions]) -> Matched | str:
    """Return the runs over the utterances that all of them judged, or why they make no table."""
    first = next(iter(runs.values()))
    if any(run.unit == "row" for run in runs.values()):
        return UNNAMED
    if any(set(run.labels) != set(first.labels) for run in runs.values()):
        return OTHER_LABELS
    known = [_known(run) for run in runs.values()]
    shared = reduce(pd.Index.intersection, (each.index for each in known))
    if shared.empty:
        return NOTHING_SHARED
    if any(not each.loc[shared].equals(known[0].loc[shared]) for each in known[1:]):
        return OTHER_TRUTH
    most = max(len(each) for each in known)
    kept = {name: _within(run, shared) for name, run in runs.items()} if len(shared) < most else dict(runs)
    return Matched(
        runs=kept,
        units=tuple(sorted(set(known[0].loc[shared, "unit"]))),
        caveats=() if len(shared) == most else (left_out(len(shared), most),),
    )


def left_out(shared: int, most: int) -> str:
    """Return in words that not all is compared.

    >>> left_out(172, 185)
    'over the 172 utterances that all runs of the table judged; 13 more were judged by some of them alone'
    """
    return (
        f"over the {shared:,} utterances that all runs of the table judged; {most - shared:,} more were judged by some "
        "of them alone"
    )


def _known(run: Predictions) -> pd.DataFrame:
    """Return whose each utterance is and its truth, by its id."""
    condition = fullest(run)
    parts = [
        pa.Table.from_batches([batch]).filter(pc.equal(batch.column("condition"), condition))
        for batch in run.batches(["condition", "utterance_id", *_KNOWN])
    ]
    rows: pd.DataFrame = pa.concat_tables(parts).to_pandas().astype("object").drop_duplicates("utterance_id")
    return rows.set_index("utterance_id")[list(_KNOWN)]


def _within(run: Predictions, utterances: pd.Index) -> Predictions:
    """Return a run without the rows of other utterances."""
    wanted = pa.array(utterances, type=pa.string())

    def batches(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in run.batches(list(dict.fromkeys((*columns, "utterance_id")))):
            inside = pc.is_in(batch.column("utterance_id").cast(pa.string()), value_set=wanted)
            yield batch.filter(inside).select(list(columns))

    rows = sum(batch.num_rows for batch in batches(["condition"]))
    return replace(run, n_rows=rows, _batches=batches)
