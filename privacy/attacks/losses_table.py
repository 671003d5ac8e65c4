"""A model and its shadows as the table of losses that the examination reads: what one writes about one's own model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from affidavit.statistics.types import BoolArray, FloatArray, IntArray
from privacy.attacks.confidence import confidence_of_logits
from privacy.attacks.reading import FEATURE, GROUP, MEMBER, SHADOW


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clips:
    """The clips that a model is asked about, and what is known of them without it."""

    unit: Sequence[str]
    member: BoolArray
    """Whether the attacked model was trained on the clip's unit, [N]"""
    label: IntArray
    """Codes of true labels, [N]"""
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    features: Mapping[str, FloatArray] = field(default_factory=dict)


def losses_table(
    clips: Clips, logits: FloatArray, *, shadow_logits: FloatArray | None = None, trained_on: BoolArray | None = None
) -> pa.Table:
    """Return the table: `confidence` of the model's scores [N, L], and of each shadow's [K, N, L].

    `trained_on` [K, N] says which shadow saw which clip; None where none saw any.
    """
    columns: dict[str, object] = {
        "unit_id": list(clips.unit),
        "member": clips.member.astype(np.int64),
        "confidence": confidence_of_logits(logits, clips.label),
    }
    for k, scores in enumerate(() if shadow_logits is None else shadow_logits):
        columns[f"{SHADOW}{k:03d}"] = confidence_of_logits(scores, clips.label)
        if trained_on is not None:
            columns[f"{SHADOW}{k:03d}{MEMBER}"] = trained_on[k].astype(np.int64)
    columns |= {f"{GROUP}{name}": list(levels) for name, levels in clips.groups.items()}
    columns |= {f"{FEATURE}{name}": values for name, values in clips.features.items()}
    return pa.table(columns)
