"""A model that the plan trained, asked about those it was trained on and those that were held out for it.

Its card says whom training met, as keyed digests (`affidavit.unit_keys`); its training's corpus has their clips, and
those of the people who were held out. The split was dealt by a seed, so that members and the others are alike but for
the training. Who told the model when to stop is neither. Where dialogues were dealt, whoever speaks in one that was
trained on is a member, with all dialogues.

Other runs may serve as shadows (option `shadows`): models that the plan trained on the same corpus, split by another
seed. Their cards say whom each of them saw; whom a shadow was stopped by it tells nothing of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.records import Refusal
from affidavit.tables import from_arrow
from affidavit.unit_keys import unit_key
from privacy.attacks.asking import Shadow, asked_losses, turn_losses
from privacy.attacks.measures import NAME
from privacy.attacks.reading import Losses, losses_of

KINDS: Final = ("units", "speakers", "voices")
TRAIN, HELD_OUT = "train", "held_out"


def membership(card: Mapping[str, Any], name: str) -> bool | None:
    """Say whether a unit of the training's corpus was trained on; None where it told when to stop, or nobody knows.

    A card keeps whom training met; who stands in the corpus and in no part of the card was held out.
    """
    digest, met = card.get("training_digest"), [_parts(card, kind) for kind in KINDS]
    if not isinstance(digest, str) or not any(parts.get(TRAIN) for parts in met):
        return None
    key = unit_key(name, digest)
    found = {part for parts in met for part, keys in parts.items() if key in keys}
    if TRAIN in found:
        return True
    return None if found - {HELD_OUT} else False


def refuses_to_ask(case: Case, run: str) -> Refusal | None:
    """Refuse where the model cannot be asked, or its card does not say of whom it could be."""
    live, trained = case.live.get(run), case.trained_on.get(run)
    if live is None or "callable" not in live.offers or trained is None:
        return Refusal(
            examination=NAME,
            because="the plan did not train this run's model, or it cannot be asked again",
            remedy="train the model in the plan and judge with it (trained), or name a table of losses: option losses",
        )
    if isinstance(trained.card.get("training_digest"), str) and _parts(trained.card, "units").get(TRAIN):
        return None
    return Refusal(
        examination=NAME,
        because=f"the card of training {trained.training} does not say whom it was trained on",
        remedy="train again with a trainer that keeps keys of its units, or name a table of losses: option losses",
    )


class Asking:
    """Asks models about their training's corpus, under the fullest condition of the run; each shadow once."""

    def __init__(self, case: Case, shadows: Sequence[str]) -> None:
        self._case, self._shadows = case, shadows
        self._corpora: dict[str, Corpus] = {}
        self._told: dict[tuple[str, str], list[float | None]] = {}

    def losses(self, run: str) -> Losses | Refusal:
        """Return what the model and its shadows make of its own corpus, or why the shadows are none.

        Raises:
            AffidavitError: the corpus or a model does not open.
        """
        trained, corpus = self._case.trained_on[run], self._corpus(run)
        if (wrong := self._wrong(run, corpus)) is not None:
            return wrong
        condition = self._case.runs[run].conditions[0]
        table = asked_losses(
            self._case.live[run].reasoner(),
            corpus.utterances,
            member=lambda unit: membership(trained.card, unit),
            condition=condition,
            shadows=[self._shadow(name, corpus, condition) for name in self._shadows],
        )
        losses = losses_of(from_arrow(table, name=f"asked of {run}", format_name="memory"))
        beside = f"; shadows are the models of {', '.join(self._shadows)}" if self._shadows else ""
        return replace(losses, source=f"the model was asked about the corpus of training {trained.training}{beside}")

    def _corpus(self, run: str) -> Corpus:
        trained = self._case.trained_on[run]
        if trained.training not in self._corpora:
            self._corpora[trained.training] = trained.load()
        return self._corpora[trained.training]

    def _shadow(self, name: str, corpus: Corpus, condition: str) -> Shadow:
        card = self._case.trained_on[name].card
        if (name, condition) not in self._told:
            reasoner = self._case.live[name].reasoner()
            self._told[name, condition] = turn_losses(reasoner, corpus.utterances, condition=condition)
            self._case.progress("asking shadow models", len(self._told), len(self._shadows))
        return Shadow(losses=self._told[name, condition], member=lambda unit: membership(card, unit))

    def _wrong(self, run: str, corpus: Corpus) -> Refusal | None:
        """Refuse shadows that cannot be asked, that learnt from other people, or from the same ones as the model."""
        card, units = self._case.trained_on[run].card, sorted({turn.unit for turn in corpus.utterances})
        own = [membership(card, unit) for unit in units]
        for name in self._shadows:
            if name not in self._case.runs:
                return _refused(
                    run, f"its shadow {name} cannot be asked", f"see why {name} is refused, or name another"
                )
            if self._corpus(name).digest != corpus.digest:
                because = f"its shadow {name} was trained on another corpus"
                return _refused(run, because, "train shadows on the same corpus, each with a split_seed of its own")
            saw = [membership(self._case.trained_on[name].card, unit) for unit in units]
            if all(a is None or b is None or a == b for a, b in zip(own, saw, strict=True)):
                because = f"its shadow {name} was trained on the same people, and knows no member from without"
                return _refused(run, because, "give each shadow a split_seed of its own, and the model another")
        return None


def _refused(run: str, because: str, remedy: str) -> Refusal:
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)


def _parts(card: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    parts = card.get(kind)
    return parts if isinstance(parts, Mapping) else {}
