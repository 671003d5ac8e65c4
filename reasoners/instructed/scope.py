"""Whom to judge, under which conditions, and what of it is said; refused before anything is heard or seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from reasoners.instructed.lineage import trainings
from reasoners.units import Seen, seen_by, speakers_seen_by


def whom_to_judge(
    corpus: Corpus, card: Mapping[str, Any], *, everybody: bool
) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """Return the utterances, whole dialogues, and what is to be said of the choice.

    Raises:
        PlanError: the model was trained on all of them, or on this very corpus although none of its ids is known, and
            `everybody` was not asked for.
    """
    whose = [f"judged by the checkpoint with weights {card.get('weights_digest', 'unknown')}"]
    turns_of = dialogues(corpus.utterances)
    former = [_Former.of(own, turns_of, which=i) for i, own in enumerate(trainings(card))]
    for own in former:
        whose += own.recognised()
    if everybody:
        for own in former:
            count = len(own.seen(turns_of))
            whose += [f"{count} of {len(corpus.utterances)} utterances are of {own.kind} {own.who}"] if count else []
        return tuple(corpus.utterances), (*whose, *_of_speakers(corpus.utterances, card))
    for own in former:
        if len(own.known) and not own.met and _is_its_own(corpus, own.card):
            raise _unrecognised(corpus, n_known=len(own.known), kind=own.kind)
    seen = frozenset[str]().union(*(own.seen(turns_of) for own in former))
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
    for own in former:
        count = len(own.seen(turns_of))
        whose += [f"{count} utterances of {own.kind} that {own.who} were left out"] if count else []
    return left, (*whose, *_of_speakers(left, card))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Former:
    """One training behind a model, its own or that of a model it started from, and whom of a corpus it met."""

    card: Mapping[str, Any]
    known: Seen
    met: Mapping[str, frozenset[str]]
    """Dialogue to the names under which the training knows it; only dialogues that it knows."""
    own: bool

    @classmethod
    def of(cls, card: Mapping[str, Any], turns_of: Mapping[str, Sequence[Utterance]], *, which: int) -> _Former:
        """Look up every dialogue; a look costs milliseconds."""
        known = seen_by(card)
        found = {name: _names(name, turns, card) & known for name, turns in turns_of.items()}
        met = {name: names for name, names in found.items() if names}
        return cls(card=card, known=known, met=met, own=which == 0)

    @property
    def kind(self) -> str:
        """What it was split into."""
        return _kind(self.card)

    @property
    def who(self) -> str:
        """Which model was trained, in words."""
        return f"{'it' if self.own else 'the model that it started from'} was trained on"

    def recognised(self) -> list[str]:
        """Say how many of those it met are in the corpus."""
        if not len(self.known):
            return []
        names = frozenset[str]().union(*self.met.values())
        return [f"{len(names)} of the {len(self.known)} {self.kind} that {self.who} are in this corpus, by their ids"]

    def seen(self, turns_of: Mapping[str, Sequence[Utterance]]) -> frozenset[str]:
        """Return the utterances of dialogues that it met."""
        return frozenset(turn.utterance_id for name in self.met for turn in turns_of[name])


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
    judged = to_judge(utterances)
    units = frozenset(turn.unit for turn in judged)
    known = [speakers_seen_by(own) for own in trainings(card)]
    if not any(map(len, known)):
        return []
    speakers = frozenset[str]().union(*(units & those for those in known))
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
