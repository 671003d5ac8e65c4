"""Whom to judge, under which conditions, and what of it is told; refused before anything is heard or seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.degradations import degradation
from affidavit.errors import PlanError
from affidavit.judgements import available
from affidavit.splits import dialogue_of, dialogues
from affidavit.utterances import Utterance
from reasoners.instructed.config import ModelConfig
from reasoners.units import Seen, seen_by

_NAMED: Final = 3


def whom_to_judge(
    corpus: Corpus, card: Mapping[str, Any], *, everybody: bool
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Return the utterances, whole dialogues, and what is to be said of the choice.

    Raises:
        PlanError: the model was trained on all of them, and `everybody` was not asked for.
    """
    whose = [f"judged by the checkpoint with weights {card.get('weights_digest', 'unknown')}"]
    known = seen_by(card)
    seen = {u.utterance_id for turns in dialogues(corpus.utterances).values() if _seen(turns, known) for u in turns}
    if everybody:
        whose += [f"{len(seen)} of {len(corpus.utterances)} utterances are of units it was trained on"] if seen else []
        return tuple(corpus.utterances), tuple(whose)
    left = tuple(utterance for utterance in corpus.utterances if utterance.utterance_id not in seen)
    if not left:
        raise PlanError(
            "the model was trained on everybody in this corpus",
            slug="units-overlap",
            where=f"corpus {corpus.name}",
            found=f"{len(seen)} utterances, all of units or dialogues that training used",
            allowed="units that training held out",
            remedy="train with a held_out share, judge another corpus, or judge them knowingly (utterances: all)",
        )
    if seen:
        whose.append(f"{len(seen)} utterances of units that it was trained on were left out")
    return left, tuple(whose)


def _seen(turns: Sequence[Utterance], known: Seen) -> bool:
    """Say whether a dialogue was trained on: itself, or the unit it belongs to."""
    return any(name in known for name in {*(turn.unit for turn in turns), dialogue_of(turns[0])})


def require_distinct(corpus: Corpus) -> None:
    """Refuse a corpus in which two utterances have one id.

    Raises:
        PlanError: naming the first of them.
    """
    counts = Counter(utterance.utterance_id for utterance in corpus.utterances)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise PlanError(
            "two utterances have the same id, so their judgements could not be told apart",
            slug="row-duplicate",
            where=f"corpus {corpus.name}",
            found=", ".join(twice[:_NAMED]) + (f" and {len(twice) - _NAMED} more" if len(twice) > _NAMED else ""),
            allowed="each utterance_id once",
            remedy="name utterances within their dialogue or file, such as <dialogue>-<turn>",
        )


def require_labels(corpus: Corpus, config: ModelConfig) -> None:
    """Refuse labels that the model cannot give: judging them would count each as an error.

    Raises:
        PlanError: naming them, and how many utterances have one.
    """
    known = config.label_space
    strange = Counter(u.label for u in corpus.utterances if u.label is not None and u.label not in known)
    if strange:
        raise PlanError(
            "the corpus has labels that the model does not know",
            slug="row-label",
            where=f"corpus {corpus.name}",
            found=", ".join(f"{label} ({count} utterances)" for label, count in sorted(strange.items())),
            allowed=", ".join(known),
            remedy="map the labels in the corpus's options, or train a model on this label space",
        )


def require_takeable(conditions: Sequence[Condition], config: ModelConfig) -> None:
    """Refuse operators that do not read, and conditions of which the model can take in none.

    Raises:
        PlanError: saying which conditions are possible.
    """
    for condition in conditions:
        degradation(condition)
    if not any(takes(config, condition) for condition in conditions):
        raise PlanError(
            "the model cannot take in what these conditions show",
            slug="plan-impossible",
            found=", ".join(map(str, conditions)),
            allowed=f"subsets of {''.join(config.modalities)}",
            remedy="name other conditions, or train a model with these modalities",
        )


def takes(config: ModelConfig, condition: Condition) -> bool:
    """Say whether a condition shows something, and only what the model takes in (`as-supplied` says neither)."""
    return bool(condition.modalities) and condition.modalities <= frozenset(config.modalities)


def explained_conditions(
    conditions: Sequence[Condition],
    utterances: Sequence[Utterance],
    config: ModelConfig,
    rationales: Literal["full", "all", "none"],
) -> frozenset[Condition]:
    """Return the conditions under which reasons are written; `full` is the first that anybody can be judged under."""
    there = {available(utterance) for utterance in utterances}
    possible = [c for c in conditions if takes(config, c) and any(c.modalities <= has for has in there)]
    return frozenset({"full": possible[:1], "all": possible, "none": []}[rationales])
