"""The schema of the predictions table as data: every column, its part, type, and when it is needed.

`docs/predictions.md` is generated from this module, the reader recognises columns by it, and `affidavit check` writes
the supplier's dictionary from it. `SCHEMA_VERSION` rises when the meaning of a column changes; meanings never change
under the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from affidavit.plan import Task

SCHEMA_VERSION: Final = "1.0"
UNKNOWN: Final = "unknown"
ROW_NUMBER: Final = ":row"
"""Given as the column of `utterance_id`, numbers the rows instead."""
KEY: Final = ("utterance_id", "reasoner", "condition", "instruction", "repeat")
RESERVED: Final = (*KEY, "y_true", "y_pred", "speaker_id", "unit_id")
"""Parts that no feature may be: what is judged, by whom, under which condition, and who is counted."""
PREFIXES: Final = MappingProxyType(
    {
        "prob_": "Probability of a label; the columns of a row sum to one.",
        "soft_": "Share of annotators who gave a label; the columns of a row sum to one.",
        "group_": "Level of a sensitive feature; a missing value reads `unknown`.",
        "weight_": "The weight that the reasoner gave a modality (`weight_text`, `weight_audio`, `weight_video`).",
        "true_": "Reference value of a dimension (valence, arousal, dominance, intensity), unknown where missing; in a "
        "multilabel table 1 where the label holds, else 0.",
        "pred_": "Predicted value of a dimension; in a multilabel table 1 where the label was given, else 0.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One reserved column."""

    name: str
    type: str
    """`text`, `label`, `integer` or `number`."""
    meaning: str
    aliases: tuple[str, ...] = ()
    default: str | None = None
    """What is assumed where the column is absent."""
    beside: tuple[tuple[str, str], ...] = ()
    """Aliases that hold only beside another column: a `score` is the prediction beside Aequitas's `label_value`."""


_COLUMNS = (
    Column(
        name="utterance_id",
        type="text",
        meaning="What was judged: one utterance, whatever the condition.",
        aliases=(
            "utterance",
            "utt_id",
            "id",
            "item_id",
            "sample_id",
            "clip_id",
            "entity_id",
            "filename",
            "file",
        ),
    ),
    Column(
        name="reasoner",
        type="text",
        meaning="Who judged.",
        aliases=("model", "model_id"),
        default="the run's name",
    ),
    Column(
        name="condition",
        type="text",
        meaning="What the reasoner was shown: `TAV`, `A`, `TAV/noise=10dB`.",
        aliases=("modality", "modalities"),
        default="as-supplied",
    ),
    Column(
        name="instruction",
        type="text",
        meaning="The instruction it was given.",
        aliases=("prompt",),
        default="empty",
    ),
    Column(
        name="repeat",
        type="integer",
        meaning="Number of the repetition.",
        aliases=("run_index",),
        default="0",
    ),
    Column(
        name="y_true",
        type="label",
        meaning="The reference label; in an open set several words (`happy; excited`), or none.",
        aliases=(
            "label",
            "truth",
            "true",
            "true_label",
            "target",
            "gold",
            "reference",
            "label_value",
            "emotion",
        ),
    ),
    Column(
        name="y_pred",
        type="label",
        meaning="The predicted label; in an open set several words, or none.",
        aliases=(
            "prediction",
            "predicted",
            "pred",
            "pred_label",
            "predicted_label",
            "predicted_emotion",
        ),
        beside=(("score", "label_value"),),
    ),
    Column(
        name="word_errors",
        type="number",
        meaning="Substitutions, deletions and insertions of a transcript.",
        aliases=("errors", "n_errors"),
    ),
    Column(name="words", type="number", meaning="Words of the reference transcript.", aliases=("n_words",)),
    Column(
        name="speaker_id",
        type="text",
        meaning="Who spoke.",
        aliases=("speaker", "actor", "actor_id", "speakerid", "actorid", "client_id"),
    ),
    Column(
        name="unit_id",
        type="text",
        meaning="The patient whose independence and privacy count; the speaker where absent.",
        aliases=("patient_id", "patient", "unit", "subject_id", "participant_id"),
        default="speaker_id",
    ),
    Column(
        name="dialogue_id",
        type="text",
        meaning="The conversation of the utterance.",
        aliases=("dialogue", "session_id"),
    ),
    Column(name="site", type="text", meaning="The hospital or source.", aliases=("hospital",)),
    Column(name="intensity", type="number", meaning="Predicted intensity of the emotion."),
    Column(name="weight", type="number", meaning="Sampling weight of the row, not negative.", default="1"),
    Column(
        name="rationale",
        type="text",
        meaning="Why, in the reasoner's words.",
        aliases=("explanation", "reasoning"),
    ),
    Column(
        name="reference_rationale",
        type="text",
        meaning="Why, in the words of people who know: what a rationale is held against.",
        aliases=("reference_explanation", "reference_reasoning", "gold_rationale"),
    ),
)
COLUMNS: Final[Mapping[str, Column]] = MappingProxyType({column.name: column for column in _COLUMNS})

REQUIRED: Final[Mapping[Task, tuple[str, ...]]] = MappingProxyType(
    {
        Task.MULTICLASS: ("utterance_id", "y_pred"),
        Task.ORDINAL: ("utterance_id", "y_pred"),
        Task.REGRESSION: ("utterance_id", "pred_<dimension>"),
        Task.MULTILABEL: ("utterance_id", "pred_<label>"),
        Task.TRANSCRIPTION: ("utterance_id", "word_errors", "words"),
        Task.OPEN_SET: ("utterance_id", "y_pred"),
    }
)
"""What each task cannot do without; references (`y_true`, `true_<...>`) are asked for by the examinations that need
them."""
DIMENSIONS: Final = ("valence", "arousal", "dominance", "intensity")
"""Dimensions known by name: read beside the labels of any table, and never taken for labels of a multilabel one."""
COLUMN_TASKS: Final = frozenset({Task.REGRESSION, Task.MULTILABEL})
"""Tasks that predict several values a row, in `pred_` columns and not in `y_pred`."""
VECTOR_TASKS: Final = COLUMN_TASKS | {Task.OPEN_SET}
"""Tasks that predict several values a row, so that nothing is counted by class."""
