"""Which reasons are learnt from, whether a model has learnt to give any, and under which conditions it gives them.

A reference rationale tells of every modality at once, so one of a turn of which any modality was declined is not used:
it would hand on what nobody may see or hear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from affidavit.conditions import MODALITIES, Condition
from affidavit.corpus import Corpus
from affidavit.judgements import available
from affidavit.utterances import Utterance
from reasoners.instructed.config import ModelConfig

REFERENCES: Final = "references"
"""In a checkpoint's card: how many turns with a reference rationale it was trained on."""
LEFT_OUT: Final = "references_left_out"
"""In a checkpoint's card: how many it was not trained on because a modality was declined."""


def references_of(utterance: Utterance) -> Mapping[str, str]:
    """Return the reference rationales that may be used, by instruction family; none where a modality was declined."""
    return {} if any(utterance.consent.get(name) is False for name in MODALITIES.values()) else utterance.rationales


def counted_references(utterances: Sequence[Utterance]) -> dict[str, int]:
    """Return how many turns have reference rationales that are used, and that are left out, under the card's names."""
    with_some = [utterance for utterance in utterances if utterance.rationales]
    used = sum(bool(references_of(utterance)) for utterance in with_some)
    return {REFERENCES: used, LEFT_OUT: len(with_some) - used}


def with_writer_if_taught(config: ModelConfig, corpus: Corpus) -> ModelConfig:
    """Return the records without the writer of rationales where it would start from noise and never meet a reference.

    A pretrained one stays: it can write.
    """
    if config.backbone is None or config.backbone.source is not None or any(map(references_of, corpus.utterances)):
        return config
    return config.model_copy(update={"backbone": None})


def why_no_reasons(config: ModelConfig, card: Mapping[str, Any]) -> str | None:
    """Return why a trained model is not asked for reasons, as a sentence; None where it is."""
    if config.backbone is None:
        return "no rationales were written: the model has no writer of rationales"
    if config.backbone.source is None and card.get(REFERENCES) == 0:
        return "no rationales were written: the writer started from noise and never met a reference rationale"
    return None


def untaught(config: ModelConfig, card: Mapping[str, Any]) -> list[str]:
    """Say of a writer that gives reasons whether it ever met a reference."""
    if config.backbone is None or config.backbone.source is None or card.get(REFERENCES) != 0:
        return []
    return ["rationales are by a pretrained writer that never met a reference rationale in training"]


def explained_conditions(
    conditions: Sequence[Condition], utterances: Sequence[Utterance], wanted: Literal["full", "all", "none"]
) -> frozenset[Condition]:
    """Return the conditions under which reasons are written, of those that the model takes in.

    `full` is the one that shows most of what anybody can be judged under, whatever the order; a degraded one only where
    no other was asked for, and of equals the first.
    """
    there = {available(utterance) for utterance in utterances}
    possible = [c for c in conditions if any(c.modalities <= has for has in there)]
    fullest = sorted(possible, key=lambda c: (c.operator is not None, -len(c.modalities)))[:1]
    return frozenset({"full": fullest, "all": possible, "none": []}[wanted])
