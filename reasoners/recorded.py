"""Brings judgements that came with a corpus: a crowd's votes, a recogniser's transcripts, a vendor's predictions.

It judges nothing itself: whoever judged is named in the column `reasoner` of the corpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, Reasoner
from affidavit.records import Record
from affidavit.tables import from_arrow


class RecordedOptions(Record):
    """There is nothing to choose."""


class RecordedReasoner:
    """Returns what the corpus recorded."""

    name = "recorded"

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Return the corpus's own judgements as predictions.

        Raises:
            PlanError: there is no corpus, it recorded no judgements, or the options are at fault.
            ColumnError, RowError: what it recorded breaks the schema.
        """
        read_options(RecordedOptions, options, of=f"reasoner {self.name}")
        if corpus is None or corpus.recorded is None or corpus.recorded.num_rows == 0:
            raise PlanError(
                "there are no recorded judgements",
                slug="plan-impossible",
                where=f"reasoner {self.name}",
                found="no corpus" if corpus is None else f"the corpus {corpus.name} without judgements",
                allowed="a corpus that came with judgements, such as crema-d-votes, or a manifest with y_pred",
                remedy="choose another reasoner, or audit the table itself (runs.<name>.table)",
            )
        raw = from_arrow(corpus.recorded, name=corpus.name, format_name="recorded")
        return predictions_from(raw, reading, progress=progress)


REASONER: Final[Reasoner] = RecordedReasoner()
