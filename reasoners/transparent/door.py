"""What stands behind the door: a reasoner that draws its own utterances and computes its answers.

No model and no corpus. What each modality tells is a draw; the answer, its probabilities and a faithful rationale
follow from it by a rule that can be read in `reasoners.transparent.decisions`. The truths about a table are in
`reasoners.transparent.truths` (of the utterances drawn) and `reasoners.transparent.expectations` (of all that could
have been).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.model_origins import Basis, ModelOrigin
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, Reasoner
from affidavit.tables import from_arrow
from reasoners.simulator_options import FEATURES
from reasoners.transparent.judging import Judged, judge_all, probabilities_at, slip_probabilities
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import IntArray
from reasoners.transparent.wording import rationales

_ORIGIN: Final = ModelOrigin(
    name="transparent reasoner",
    source="rules written in affidavit; there are no weights",
    licence="Apache-2.0",
    digest=None,
    basis=Basis.CODE,
)


class TransparentReasoner:
    """Computes its own judgements."""

    name = "transparent"
    options = TransparentOptions

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Return judgements whose reasons are known (see `TransparentOptions`).

        Raises:
            PlanError: the options are at fault, or there is a corpus to judge. ColumnError: the reading groups by a
                feature that is not drawn.
        """
        chosen = read_options(TransparentOptions, options, of=f"reasoner {self.name}")
        if corpus is not None:
            raise PlanError(
                "a transparent reasoner judges no corpus",
                slug="plan-impossible",
                where=f"reasoner {self.name}",
                found=f"the corpus {corpus.name}",
                remedy="leave out the corpus: a transparent reasoner draws its own utterances",
            )
        table = simulate(chosen, rng)
        progress("computing judgements", table.num_rows, table.num_rows)
        raw = from_arrow(table, name=self.name, format_name="simulated")
        return replace(predictions_from(raw, reading, progress=progress), models=(_ORIGIN,))


def simulate(options: TransparentOptions, rng: np.random.Generator) -> pa.Table:
    """Return a table of canonical columns, one row for each utterance, condition and repeat, the last fastest.

    `options.seed` overrides `rng`.
    """
    return to_table(options, judge_all(options, rng))


def to_table(options: TransparentOptions, judged: Judged) -> pa.Table:
    """Return judgements as a table of canonical columns."""
    columns = _identity(options, judged) | {
        "y_true": _named(_by_row(judged, judged.drawn.label), options.labels),
        "y_pred": _named(judged.answer.ravel(), options.labels),
    }
    if options.probabilities:
        columns |= _probabilities(options, judged)
    if options.rationales:
        columns["rationale"] = rationales(
            options,
            template=judged.template.ravel(),
            cited=judged.cited.ravel(),
            named=judged.named.ravel(),
            disclosed=judged.disclosed.ravel(),
        )
    table = pa.table(columns)
    asked = np.repeat(judged.asked.ravel(), judged.answer.shape[2])
    return table if asked.all() else table.filter(pa.array(asked))


def _identity(options: TransparentOptions, judged: Judged) -> dict[str, pa.Array]:
    drawn, (n_utterances, n_conditions, repeats) = judged.drawn, judged.answer.shape
    names = [f"speaker-{i + 1:04d}" for i in range(options.n_speakers)]
    heads = zip(drawn.speaker.tolist(), drawn.number.tolist(), strict=True)
    ids = [f"{names[speaker]}-{number:03d}" for speaker, number in heads]
    shown = np.tile(np.repeat(np.arange(n_conditions), repeats), n_utterances)
    whose = _by_row(judged, drawn.speaker)
    columns = {
        "utterance_id": _named(_by_row(judged, np.arange(n_utterances)), ids),
        "reasoner": _named(np.zeros(len(whose), dtype=np.int64), [options.reasoner]),
        "condition": _named(shown, [showing.condition for showing in options.showings]),
        "repeat": pa.array(np.tile(np.arange(repeats), n_utterances * n_conditions)),
        "speaker_id": _named(whose, names),
    }
    for feature in FEATURES:
        columns[f"group_{feature}"] = _named(drawn.level[feature][whose], list(options.levels[feature]))
    return columns


def _by_row(judged: Judged, of_utterance: IntArray) -> IntArray:
    return np.repeat(of_utterance, judged.answer.shape[1] * judged.answer.shape[2])


def _named(codes: IntArray, names: list[str] | tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(names), pa.string()))


def _probabilities(options: TransparentOptions, judged: Judged) -> dict[str, pa.Array]:
    values = np.empty((*judged.answer.shape, len(options.labels)))
    for i, showing in enumerate(options.showings):
        for repeat in range(options.repeats):
            values[:, i, repeat] = probabilities_at(options, judged, showing, repeat)
    values[judged.slipped] = slip_probabilities(options)[judged.answer[judged.slipped]]
    columns = values.reshape(-1, len(options.labels))
    return {f"prob_{label}": pa.array(columns[:, i].copy()) for i, label in enumerate(options.labels)}


REASONER: Final[Reasoner] = TransparentReasoner()
