"""A turn under a condition with an operator that degrades its input: what is measured again, and what stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from affidavit.conditions import MODALITIES, Condition
from affidavit.degradations.operators import OPERATORS
from affidavit.judgements import why_not_available
from affidavit.utterances import Utterance
from reasoners.instructed.inputs import Perceived

LETTERS: Final = {name: letter for letter, name in MODALITIES.items()}


def degrades(condition: Condition) -> bool:
    """Say whether a condition degrades its input."""
    return condition.operator in OPERATORS


def operated(condition: Condition) -> str:
    """Return the condition with all modalities: what is degraded does not depend on what else is shown."""
    return str(replace(condition, modalities=frozenset(MODALITIES)))


def merged(met: Mapping[str, Mapping[str, Perceived]], name: str, modality: str) -> dict[str, Perceived]:
    """Return what was perceived, with one modality degraded."""
    parts = {"text": ("text",), "audio": ("mel", "functionals"), "video": ("frames",)}[modality]
    return {
        key: replace(plain, **{part: getattr(met[name][key], part) for part in parts}) for key, plain in met[""].items()
    }


def why_not(
    turn: Utterance, condition: Condition, met: Mapping[str, Mapping[str, Perceived]]
) -> tuple[str | None, str | None]:
    """Return the reason and its detail, such as the file; None where the turn can be judged."""
    because = why_not_available(turn, condition)
    if because is not None:
        return because, None
    streams = ["", operated(condition)] if degrades(condition) else [""]
    refused = [
        r
        for name in streams
        for r in met[name][turn.utterance_id].refused
        if LETTERS[r.modality] in condition.modalities
    ]
    return (f"{refused[0].modality} that cannot be used", refused[0].because) if refused else (None, None)
