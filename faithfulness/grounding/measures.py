"""What cue grounding measures: for each number its metric, its direction and what it divides by what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.confusion import Statistic
from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.sums import excess, per_rationale, rate

UNSUPPORTED: Final = "unsupported_cue_rate"
RECALL: Final = "cue_recall"
CONTRADICTED: Final = "contradicted_cue_rate"
PRECISION: Final = "cue_precision"
UNKNOWN: Final = "unknown_cue_share"
ATOMS: Final = "cue_atoms_per_rationale"
EXCESS: Final = "cue_precision_excess"
CONTROLS: Final = (
    *(f"{UNSUPPORTED}_{control}" for control in ("shuffled", "random", "template")),
    f"{RECALL}_shuffled",
)
BY_ASPECT: Final = (UNSUPPORTED, RECALL, CONTRADICTED)
METRICS: Final = frozenset(
    {UNSUPPORTED, f"{UNSUPPORTED}_difference", RECALL, CONTRADICTED, PRECISION, UNKNOWN, ATOMS, EXCESS, *CONTROLS}
    | {f"{metric}_{aspect}" for metric in BY_ASPECT for aspect in ASPECTS}
)
"""Every metric that the examination may report."""


def main_statistics() -> tuple[Statistic, ...]:
    """Return what is told of every group: the numbers, then their controls."""
    return (
        _unsupported("", ASPECTS),
        rate(RECALL, ["recalled"], ["salient"], better=True),
        rate(CONTRADICTED, ["contradicted"], ["checked"], better=False),
        rate(UNKNOWN, ["unknown"], ["checked", "unknown"], better=None),
        per_rationale(ATOMS, ["checked", "unknown"]),
        excess(EXCESS),
        *(_unsupported(f"_{control}", ASPECTS) for control in ("shuffled", "random", "template")),
        rate(f"{RECALL}_shuffled", ["recalled_shuffled"], ["salient_shuffled"], better=None),
    )


def precision() -> Statistic:
    """Return supported over checked: the unsupported rate, read from the other end."""
    return rate(PRECISION, ["supported"], ["checked"], better=True)


def of_aspect(aspect: str) -> tuple[Statistic, ...]:
    """Return the numbers of one aspect; content has no recall."""
    one = (aspect,)
    recall = rate(f"{RECALL}_{aspect}", ["recalled"], ["salient"], better=True, aspects=one)
    return (
        _unsupported(f"_{aspect}", one, ending=""),
        *((recall,) if aspect != "content" else ()),
        rate(f"{CONTRADICTED}_{aspect}", ["contradicted"], ["checked"], better=False, aspects=one),
    )


def _unsupported(name: str, aspects: Sequence[str], *, ending: str | None = None) -> Statistic:
    """Return checked less supported over checked, of the rationales or of the control that `name` ends with."""
    control = name if ending is None else ending
    checked = f"checked{control}"
    part = [checked, f"-supported{control}"]
    return rate(f"{UNSUPPORTED}{name}", part, [checked], better=None if control else False, aspects=aspects)
