"""What every trainer's checkpoint says of how it was made: the model it began with, the corpus, the options.

What a trainer adds (whom it trained on, what it spent, how the rounds went) is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key


class StatedOptions(Protocol):
    """A trainer's options, as a card repeats them."""

    @property
    def training_digest(self) -> str:
        """What a plan calls the training; empty outside a plan."""

    def model_dump(self, *, mode: str, exclude: set[str]) -> dict[str, Any]:
        """Return them as JSON values."""


def made(reasoner: object) -> dict[str, Any]:
    """Return what a new model says of how it was made (seed, options, pretrained parts, versions), where it does.

    Nothing of a model that was trained before: its card tells of another training.
    """
    card: Mapping[str, Any] = getattr(reasoner, "card", {})
    return {} if "training_digest" in card else dict(card)


def corpus_card(corpus: Corpus) -> dict[str, Any]:
    """Return which corpus a model was trained on: `name`, `digest`, `key` and `licence`."""
    return {"name": corpus.name, "digest": corpus.digest, "key": corpus_key(corpus), "licence": corpus.licence}


def training_card(reasoner: object, corpus: Corpus, *, trainer: str, options: StatedOptions) -> dict[str, Any]:
    """Return what the card of any checkpoint begins with; `training_digest` is the plan's name, or the corpus's key."""
    told = corpus_card(corpus)
    return {
        **made(reasoner),
        "training_digest": options.training_digest or told["key"],
        "trainer": trainer,
        "corpus": told,
        "options": options.model_dump(mode="json", exclude={"training_digest"}),
    }
