"""Where weights that affidavit trained come from: by which trainer, on which corpus, as a checkpoint's card says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from affidavit.model_origins import Basis, ModelOrigin

_SHOWN: Final = len("sha256:") + 12
"""Characters of a corpus's digest in a sentence; the card has it whole."""


def trained_origin(card: Mapping[str, Any], *, name: str, part: str | None = None) -> ModelOrigin:
    """Return the origin of a checkpoint's own weights; its licence is for whoever trained it to say.

    >>> trained_origin({"trainer": "supervised", "corpus": {"name": "clinic"}}, name="instructed-tiny").source
    'trained by supervised on corpus clinic'
    """
    trainer = card.get("trainer")
    source = f"trained by {trainer}" if trainer else "not trained: weights as they were drawn"
    return ModelOrigin(
        name=name,
        part=part,
        source=f"{source}{_of_corpus(card.get('corpus'))}",
        licence=None,
        digest=card.get("weights_digest"),
        basis=Basis.CARD,
    )


def _of_corpus(corpus: Mapping[str, Any] | None) -> str:
    """Return the corpus in words; a training across machines names none, for no one of them sees all of it."""
    if not corpus:
        return ""
    digest, licence = corpus.get("digest"), corpus.get("licence")
    told = [str(digest)[:_SHOWN]] if digest else []
    told += [f"licence {licence}"] if licence else []
    beside = f" ({', '.join(told)})" if told else ""
    return f" on corpus {corpus['name']}{beside}"
