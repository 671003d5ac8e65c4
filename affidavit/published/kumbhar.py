"""The figures that Kumbhar prints: weighted F1 of models and of ablations, and accuracy on held-out emotions.

They are as printed, in percent there and as shares here; `sd` is the spread over three runs where one is printed. No
interval over speakers is printed anywhere, IEMOCAP's label set is not named, and how a model with a softmax over known
emotions was asked about others is not said. So they stand beside what is measured here, and decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SOURCE: Final = "Kumbhar, instruction-conditioned multimodal emotion reasoning, tables 1 and 2 and section on zero-shot"
Table = Literal["models-meld", "models-iemocap", "ablations", "unseen-emotions"]
Metric = Literal["weighted_f1", "accuracy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One printed number."""

    table: Table
    row: str
    metric: Metric
    value: float
    sd: float | None = None
    """Over three runs; None where none is printed."""


def _figure(table: Table, row: str, percent: float, sd: float | None = None, metric: Metric = "weighted_f1") -> Figure:
    spread = None if sd is None else round(sd / 100, 4)
    return Figure(table=table, row=row, metric=metric, value=round(percent / 100, 4), sd=spread)


FIGURES: Final[tuple[Figure, ...]] = (
    _figure("models-iemocap", "bc-lstm", 75.2),
    _figure("models-iemocap", "dialogue-rnn", 76.4),
    _figure("models-iemocap", "early-fusion", 77.8),
    _figure("models-iemocap", "instructed", 81.2, 0.6),
    _figure("models-meld", "bc-lstm", 64.8),
    _figure("models-meld", "dialogue-rnn", 65.2),
    _figure("models-meld", "early-fusion", 66.9),
    _figure("models-meld", "instructed", 70.3, 0.7),
    _figure("ablations", "full", 81.2, 0.6),
    _figure("ablations", "no instruction", 73.4, 0.8),
    _figure("ablations", "no temporal context", 75.8, 0.5),
    _figure("ablations", "no audio", 77.1, 0.4),
    _figure("ablations", "no visual", 76.3, 0.7),
    _figure("unseen-emotions", "instructed", 62.3, metric="accuracy"),
    _figure("unseen-emotions", "baseline", 47.8, metric="accuracy"),
)
"""The paper's `Multimodal Transformer` stands under `early-fusion`, and its `Proposed` under `instructed`."""


def figure(table: Table, row: str) -> Figure | None:
    """Return what is printed for a row of a table; None where nothing is.

    >>> figure("models-meld", "dialogue-rnn").value
    0.652
    """
    return next((each for each in FIGURES if (each.table, each.row) == (table, row)), None)
