"""The judgement simulator: predictions drawn from stated rates by group, unit and condition, with known answers.

No model and no utterance: who speaks, what is felt and what is answered are draws. `expected_accuracy` gives the rate
that each group was given, so an interval can be held against it (coverage) and a disparity of known size looked for
(power). Each part of the table has its own stream of random numbers: a twin without a fault has the same speakers,
utterances and chances, and the same seed gives the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.conditions import MODALITIES
from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.model_origins import Basis, ModelOrigin
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress, Reasoner
from affidavit.schema import UNKNOWN
from affidavit.tables import from_arrow
from reasoners.simulated_rationales import cited_modalities, rationales
from reasoners.simulator_draws import Judged, Speakers, Utterances, draw
from reasoners.simulator_options import Attractor, SimulatorOptions, UtteranceCounts
from reasoners.simulator_truth import (
    error_rates,
    expected_absent_citation_rate,
    expected_accuracy,
    expected_accuracy_per_unit,
    expected_confusion,
    expected_selection_rate,
)

__all__ = [
    "REASONER",
    "Attractor",
    "SimulatorOptions",
    "UtteranceCounts",
    "expected_absent_citation_rate",
    "expected_accuracy",
    "expected_accuracy_per_unit",
    "expected_confusion",
    "expected_selection_rate",
    "simulate",
]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_SHARPNESS: Final = 0.4
"""Shape of the gamma draws behind prob_ columns: below one, one label takes most."""
_ORIGIN: Final = ModelOrigin(
    name="judgement simulator",
    source="rates written in the plan; there are no weights",
    licence="Apache-2.0",
    digest=None,
    basis=Basis.CODE,
)


class SimulatorReasoner:
    """Draws its own judgements."""

    name = "simulator"
    options = SimulatorOptions

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Return simulated predictions (see `SimulatorOptions`).

        Raises:
            PlanError: the options are at fault, or there is a corpus to judge. ColumnError: the reading groups by a
                feature that is not simulated.
        """
        chosen = read_options(SimulatorOptions, options, of=f"reasoner {self.name}")
        if corpus is not None:
            raise PlanError(
                "the simulator judges no corpus",
                slug="plan-impossible",
                where=f"reasoner {self.name}",
                found=f"the corpus {corpus.name}",
                remedy="leave out the corpus: the simulator draws its own utterances",
            )
        table = simulate(chosen, rng)
        progress("simulating judgements", table.num_rows, table.num_rows)
        raw = from_arrow(table, name=self.name, format_name="simulated")
        return replace(predictions_from(raw, reading, progress=progress), models=(_ORIGIN,))


def simulate(options: SimulatorOptions, rng: np.random.Generator) -> pa.Table:
    """Return a table of canonical columns, one row for each utterance and condition; `options.seed` overrides `rng`."""
    rng = rng if options.seed is None else np.random.default_rng(options.seed)
    streams = rng.spawn(8)
    speakers, utterances, judged = draw(options, streams[:3])
    columns = _identity(options, speakers, utterances) | {
        "y_true": _named(judged.truth, options.labels),
        "y_pred": _named(judged.answer, options.labels),
    }
    if options.probabilities:
        columns |= _distribution("prob_", options, _probabilities(judged.answer, len(options.labels), streams[3]))
    if options.soft_labels:
        votes = np.repeat(_votes(options, utterances.label, streams[4]), len(options.conditions), axis=0)
        columns |= _distribution("soft_", options, votes)
    if options.intensity:
        columns["intensity"] = pa.array(_intensities(len(utterances.label), len(options.conditions), streams[5]))
    return pa.table(columns | _explanations(options, judged, streams[6], streams[7]))


def _identity(options: SimulatorOptions, speakers: Speakers, utterances: Utterances) -> dict[str, pa.Array]:
    n_conditions = len(options.conditions)
    names = [f"speaker-{i + 1:04d}" for i in range(options.n_speakers)]
    whose = np.repeat(utterances.speaker, n_conditions)
    heads = zip(utterances.speaker.tolist(), utterances.number.tolist(), strict=True)
    ids = [f"{names[speaker]}-{number:03d}" for speaker, number in heads]
    shown = np.tile(np.arange(n_conditions), len(ids))
    columns = {
        "utterance_id": _named(np.repeat(np.arange(len(ids)), n_conditions), ids),
        "reasoner": _named(np.zeros(len(whose), dtype=np.int64), [options.reasoner]),
        "condition": _named(shown, options.conditions),
        "speaker_id": _named(whose, names),
    }
    for feature, shares in options.levels.items():
        known = np.where(speakers.hidden[feature], len(shares), speakers.level[feature])
        columns[f"group_{feature}"] = _named(known[whose], [*shares, UNKNOWN])
    return columns


def _named(codes: NDArray[np.int64], names: list[str] | tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(names), pa.string()))


def _distribution(prefix: str, options: SimulatorOptions, values: FloatArray) -> dict[str, pa.Array]:
    return {f"{prefix}{label}": pa.array(values[:, i].copy()) for i, label in enumerate(options.labels)}


def _probabilities(answer: IntArray, n_labels: int, rng: np.random.Generator) -> FloatArray:
    """Return [N, K] rows that sum to one and are highest at the answer: the highest draw changes places with it."""
    draws = rng.standard_gamma(_SHARPNESS, size=(len(answer), n_labels))
    row, highest = np.arange(len(answer)), draws.argmax(axis=1)
    draws[row, highest], draws[row, answer] = draws[row, answer], draws[row, highest]
    shares: FloatArray = draws / draws.sum(axis=1, keepdims=True)
    return shares


def _votes(options: SimulatorOptions, label: IntArray, rng: np.random.Generator) -> FloatArray:
    chances = options.agreement * np.eye(len(options.labels)) + (1 - options.agreement) * error_rates(
        options, attracted=False
    )
    votes: FloatArray = rng.multinomial(options.annotators, chances[label]) / options.annotators
    return votes


def _intensities(n_utterances: int, n_conditions: int, rng: np.random.Generator) -> FloatArray:
    """Return intensities from 0 to 1, [U * C]: one an utterance, seen with some noise under each condition."""
    felt = rng.beta(2.0, 2.0, size=(n_utterances, 1))
    return np.clip(felt + rng.normal(0.0, 0.1, size=(n_utterances, n_conditions)), 0.0, 1.0).ravel()


def _explanations(
    options: SimulatorOptions, judged: Judged, weight_rng: np.random.Generator, rationale_rng: np.random.Generator
) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    if options.weights:
        draws = np.where(judged.shown, weight_rng.standard_exponential(judged.shown.shape), 0.0)
        shares = draws / draws.sum(axis=1, keepdims=True)
        columns |= {f"weight_{name}": pa.array(shares[:, i].copy()) for i, name in enumerate(MODALITIES.values())}
    if options.rationales:
        cited = cited_modalities(judged.shown, absent_share=options.absent_citation_share, rng=rationale_rng)
        columns["rationale"] = rationales(cited, judged.answer, options.labels, rng=rationale_rng)
    return columns


REASONER: Final[Reasoner] = SimulatorReasoner()
