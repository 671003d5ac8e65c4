"""Brings judgements that were made elsewhere: a crowd's votes, a recogniser's transcripts, a vendor's predictions.

It judges nothing itself: whoever judged is named in the column `reasoner`. The judgements came with the corpus, or
stand in a table of their own that is laid beside it (`reasoners.recorded_columns`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from affidavit.corpus import Corpus, require_distinct
from affidavit.digests import file_digest
from affidavit.errors import PlanError
from affidavit.judgements import told
from affidavit.model_origins import Basis, ModelOrigin
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, Reasoner
from affidavit.tables import from_arrow, open_table
from reasoners.recorded_columns import RecordedOptions, beside_corpus


class RecordedReasoner:
    """Returns what somebody recorded."""

    name = "recorded"
    options = RecordedOptions

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Return recorded judgements as predictions.

        Raises:
            PlanError: there is no corpus, it recorded no judgements, or the options are at fault.
            TableError: the table does not open.
            ColumnError, RowError: what was recorded breaks the schema.
        """
        chosen = read_options(RecordedOptions, options, of=f"reasoner {self.name}")
        if chosen.path is not None and corpus is not None:
            predictions = _of_table(corpus, chosen, chosen.path, reading, progress)
            return replace(predictions, models=(_origin(chosen, reading),))
        if unused := sorted(chosen.model_fields_set - {"path", "weights", "licence"}):
            raise PlanError(
                "these options say how a table is read, and none is named",
                slug="plan-impossible",
                where=f"reasoner {self.name}",
                found=", ".join(unused),
                allowed="path, and with it columns, probabilities, labels and condition",
                remedy="name the table (path) and a corpus, or leave the options out",
            )
        return replace(_of_corpus(corpus, reading, progress), models=(_origin(chosen, reading),))


def _of_table(corpus: Corpus, options: RecordedOptions, path: str, reading: Reading, progress: Progress) -> Predictions:
    """Return the judgements of a table beside the corpus's utterances."""
    require_distinct(corpus)
    place = reading.folder / path
    raw = open_table(place, memory_rows=reading.in_memory_rows, batch_rows=reading.batch_rows)
    beside = beside_corpus(raw, corpus, options, run=reading.run)
    n_judged = beside.tables["judgements"].num_rows
    if not n_judged:
        raise PlanError(
            "no row of the table has a label",
            slug="plan-impossible",
            where=raw.name,
            found="; ".join(told(beside.unjudged, n_judged=0)),
            remedy="name the column of the labels (columns: {y_pred: COLUMN})",
        )
    again = replace(reading, columns={}, label_space=reading.label_space or beside.label_space or None)
    table = from_arrow(beside.tables["judgements"], name=raw.name, format_name="recorded")
    predictions = predictions_from(table, again, progress=progress)
    said = (
        f"judgements from {raw.name}, {file_digest(place)}",
        *raw.assumptions,
        *beside.assumptions,
        *told(beside.unjudged, n_judged=n_judged),
        *predictions.assumptions,
    )
    return replace(predictions, assumptions=tuple(dict.fromkeys(said)), side_tables=beside.tables)


def _origin(options: RecordedOptions, reading: Reading) -> ModelOrigin:
    """Return what the plan says of whoever judged elsewhere."""
    return ModelOrigin(
        name=reading.run,
        source=options.weights or "judgements made elsewhere; by whose weights was not said",
        licence=options.licence,
        digest=None,
        basis=Basis.PLAN,
    )


def _of_corpus(corpus: Corpus | None, reading: Reading, progress: Progress) -> Predictions:
    """Return the judgements that came with a corpus."""
    if corpus is None or corpus.recorded is None or corpus.recorded.num_rows == 0:
        raise PlanError(
            "there are no recorded judgements",
            slug="plan-impossible",
            where="reasoner recorded",
            found="no corpus" if corpus is None else f"the corpus {corpus.name} without judgements",
            allowed="a corpus that came with judgements, such as crema-d-votes, or a manifest with y_pred; or a table "
            "of judgements beside a corpus (path)",
            remedy="choose another reasoner, or audit the table itself (runs.<name>.table)",
        )
    raw = from_arrow(corpus.recorded, name=corpus.name, format_name="recorded")
    return predictions_from(raw, reading, progress=progress)


REASONER: Final[Reasoner] = RecordedReasoner()
