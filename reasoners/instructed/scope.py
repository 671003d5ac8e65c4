"""Whom to judge, under which conditions, and what of it is said; refused before anything is heard or seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.corpus import require_distinct as require_distinct_ids
from affidavit.degradations import degradation
from affidavit.errors import PlanError
from affidavit.judgements import to_judge
from affidavit.splits import dialogues
from affidavit.utterances import Utterance
from reasoners.instructed.config import ModelConfig
from reasoners.units import seen_by, speakers_seen_by


def whom_to_judge(
    corpus: Corpus, card: Mapping[str, Any], *, everybody: bool
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Return the utterances, whole dialogues, and what is to be said of the choice.

    Raises:
        PlanError: the model was trained on all of them, or on this very corpus although none of its ids is known, and
            `everybody` was not asked for.
    """
    whose = [f"judged by the checkpoint with weights {card.get('weights_digest', 'unknown')}"]
    known, kind = seen_by(card), _kind(card)
    turns_of = dialogues(corpus.utterances)
    met = {name: _names(name, turns, card) & known for name, turns in turns_of.items()}
    recognised = frozenset[str]().union(*met.values())
    if known:
        said = f"{len(recognised)} of the {len(known)} {kind} that it was trained on are in this corpus, by their ids"
        whose.append(said)
    seen = {turn.utterance_id for name, turns in turns_of.items() if met[name] for turn in turns}
    if everybody:
        whose += [f"{len(seen)} of {len(corpus.utterances)} utterances are of {kind} it was trained on"] if seen else []
        return tuple(corpus.utterances), (*whose, *_of_speakers(corpus.utterances, card))
    if known and not recognised and _is_its_own(corpus, card):
        raise _unrecognised(corpus, n_known=len(known), kind=kind)
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
        whose.append(f"{len(seen)} utterances of {kind} that it was trained on were left out")
    return left, (*whose, *_of_speakers(left, card))


def _kind(card: Mapping[str, Any]) -> str:
    return "dialogues" if card.get("options", {}).get("split_by") == "dialogue" else "units"


def _names(dialogue: str, turns: Sequence[Utterance], card: Mapping[str, Any]) -> frozenset[str]:
    """Return the names under which a card may know a dialogue: each costs milliseconds to look up."""
    split_by = card.get("options", {}).get("split_by")
    units = () if split_by == "dialogue" else (turn.unit for turn in turns)
    return frozenset((*units, *(() if split_by == "unit" else (dialogue,))))


def _is_its_own(corpus: Corpus, card: Mapping[str, Any]) -> bool:
    """Say whether a corpus is the one that the model was trained on, whatever its options make of the ids."""
    trained = card.get("corpus", {})
    return bool(trained) and (trained.get("name"), trained.get("digest")) == (corpus.name, corpus.digest)


def _unrecognised(corpus: Corpus, *, n_known: int, kind: str) -> PlanError:
    return PlanError(
        "the model was trained on this corpus, and none of those it was trained on can be told by their ids",
        slug="units-overlap",
        where=f"corpus {corpus.name}",
        found=f"0 of {n_known} {kind} recognised",
        allowed="the ids, units and dialogues with which it was trained",
        remedy="read the corpus with the options of the training, or judge it knowingly (utterances: all)",
    )


def _of_speakers(utterances: Sequence[Utterance], card: Mapping[str, Any]) -> list[str]:
    """Say how many are of speakers who were trained on, though these dialogues of theirs were not."""
    known, judged = speakers_seen_by(card), to_judge(utterances)
    if not known:
        return []
    speakers = frozenset(turn.unit for turn in judged) & known
    count = sum(turn.unit in speakers for turn in judged)
    return [f"{count} of {len(judged)} judged utterances are of speakers it was trained on: dialogues were held out"]


def require_distinct(corpus: Corpus) -> None:
    """Refuse a corpus in which two utterances have one id.

    Raises:
        PlanError: naming the first of them.
    """
    require_distinct_ids(corpus)


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
