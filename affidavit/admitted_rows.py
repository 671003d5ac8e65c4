"""Who of a table may be used: nobody who withdrew, as unit or as speaker.

Every table is admitted before it is surveyed, a table that was handed over like one that a reasoner wrote. A kept table
that somebody has been taken out of since no longer has its digest, and is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from affidavit.raw_tables import RawTable
from affidavit.texts import plain_label
from affidavit.withdrawals import LEFT_OUT, Withdrawals, nobody_left, withdrawals

NAMES: Final = ("unit", "unit_id", "patient_id", "speaker_id")
"""Columns that name people."""


def admitted_rows(raw: RawTable, parts: Mapping[str, str] | None = None, listed: Withdrawals | None = None) -> RawTable:
    """Return a table without the rows of who withdrew: as unit or speaker, else as utterance where nobody is named.

    `parts` says which columns are `unit_id`, `speaker_id` and `utterance_id`; those of these names (and `unit`) where
    None. `listed` is the list of whoever runs this where None.

    Raises:
        TableError: the list cannot be used, or every row is of somebody who withdrew.
    """
    listed = withdrawals() if listed is None else listed
    if not listed:
        return raw
    parts = {name: name for name in raw.columns} if parts is None else parts
    named, lone = (
        [parts[part] for part in wanted if parts.get(part) in raw.columns] for wanted in (NAMES, ("utterance_id",))
    )
    columns = list(dict.fromkeys((*named, *lone)))
    if not columns:
        return raw

    def batches(wanted: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        asked = None if wanted is None else list(dict.fromkeys((*wanted, *columns)))
        for batch in raw.batches(asked):
            rows = batch.filter(_staying(batch, named, lone, listed))
            if rows.num_rows:
                yield rows if wanted is None else rows.select(list(wanted))

    n_rows = sum(batch.num_rows for batch in batches(columns))
    if n_rows == raw.n_rows:
        return raw
    if not n_rows:
        raise nobody_left(raw.name)
    return replace(raw, n_rows=n_rows, batches=batches, assumptions=(*raw.assumptions, LEFT_OUT))


def _staying(batch: pa.RecordBatch, named: Sequence[str], lone: Sequence[str], listed: Withdrawals) -> pa.Array:
    """Say of each row whether it stays."""
    stays = pa.array([True] * batch.num_rows, pa.bool_())
    nobody = stays
    for name in named:
        texts = _texts(batch.column(name))
        stays = pc.and_(stays, _not_listed(texts, listed))
        nobody = pc.and_(nobody, pc.equal(pc.fill_null(texts, ""), ""))
    for name in lone:  # a row without a person stands for itself
        stays = pc.and_(stays, pc.or_(pc.invert(nobody), _not_listed(_texts(batch.column(name)), listed)))
    return stays


def _texts(column: pa.Array) -> pa.Array:
    """Return names as tables read them: `7.0` as `7`, trimmed, NFC."""
    coded = pc.dictionary_encode(column.dictionary_decode() if pa.types.is_dictionary(column.type) else column)
    names = [None if value is None else plain_label(str(value)) for value in coded.dictionary.to_pylist()]
    return pc.take(pa.array(names, pa.string()), coded.indices)


def _not_listed(texts: pa.Array, listed: Withdrawals) -> pa.Array:
    gone = listed.among(name for name in pc.unique(texts).to_pylist() if name)
    return pc.invert(pc.is_in(texts, value_set=pa.array(sorted(gone), pa.string())))
