"""What a plan may say of attributing judgements of a live reasoner; nothing here needs torch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final, Literal

from pydantic import Field

from affidavit.case import Case
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.predictions import Predictions
from affidavit.records import Record, Refusal
from faithfulness.citation.removals import fullest

Method = Literal["feature-ablation", "integrated-gradients", "kernel-shap", "occlusion"]
"""Those that attribute to every modality at once."""
PARTS: Final = ("torch", "captum")
SINGLE: Final = (
    "scores of the reasoner are single precision: asked again on other hardware, means may differ from the fifth digit "
    "on, and those of ranks from the third"
)


class DrawingOptions(Record):
    """Which judgements are asked about."""

    most_utterances: int = Field(default=32, ge=1)
    """So many are drawn where there are more, evenly over groups and then over units."""
    condition: str | None = None
    """Under which condition; the fullest undegraded one where absent."""

    def condition_of(self, run: Predictions) -> str | None:
        """Return the condition whose judgements are attributed; None where the run has no such."""
        if self.condition is not None:
            return self.condition if self.condition in run.conditions and _plain(self.condition) else None
        return fullest(run.conditions) or (AS_SUPPLIED if AS_SUPPLIED in run.conditions else None)


class MethodOptions(DrawingOptions):
    """How they are attributed."""

    method: Method = "feature-ablation"
    most_spans: int = Field(default=16, ge=2)
    """Neighbouring spans of an input (hundreds of descriptors) are joined until there are no more."""
    n_steps: int = Field(default=32, ge=2)
    """Of integrated gradients."""
    n_samples: int = Field(default=256, ge=8)
    """Coalitions of KernelSHAP; raised where that is no more than there are spans."""
    most_parameters: int = Field(default=20_000_000, ge=1)
    """Of a reasoner: a larger one is refused, for each judgement asks it hundreds of times."""


def refused(case: Case, options: DrawingOptions, *, examination: str) -> Refusal | None:
    """Refuse a run without an undegraded condition, or where a part that attributes is not installed."""
    (run,) = case.runs.values()
    if options.condition_of(run) is None:
        return Refusal(
            examination=examination,
            because=f"there is no condition {options.condition or 'of modalities alone'} whose input can be attributed",
            remedy="judge under a condition such as TAV, and name it in the option `condition`",
        )
    lacking = [name for name in PARTS if find_spec(name) is None]
    if lacking:
        return Refusal(
            examination=examination,
            because=f"the package {lacking[0]} is not installed",
            remedy="install the extra `explain`: pip install 'affidavit[explain]'",
        )
    return None


def _plain(condition: str) -> bool:
    return Condition.parse(condition).operator is None
