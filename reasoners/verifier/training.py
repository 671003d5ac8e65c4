"""Trains a verifier on sentences, tests it on units that it never met, and leaves its folder with a card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from affidavit.protocols import Progress, silent
from affidavit.provenance import package_version
from reasoners.instructed.origins import origin
from reasoners.verifier.checkpoints import save_verifier
from reasoners.verifier.config import FittingOptions
from reasoners.verifier.emotions import EMOTIONS
from reasoners.verifier.evaluation import Score, scores_of
from reasoners.verifier.examples import Sentences, counted
from reasoners.verifier.fitting import cross_fitted, fitted
from reasoners.verifier.reading import MOST, THRESHOLD
from reasoners.verifier.verifier import Verifier

_PACKAGES: Final = ("affidavit", "torch")


def trained_verifier(
    sentences: Sentences,
    options: FittingOptions,
    *,
    folder: Path,
    by: Sequence[str] = (),
    progress: Progress = silent,
) -> tuple[Verifier, list[Score]]:
    """Train on all sentences, leave the verifier in `folder`, and return it with how well its kind reads.

    The scores are those of verifiers made alike that never met the unit of the sentence; the one that is kept has met
    everybody, so no score of its own on these sentences would mean anything.

    Raises:
        PlanError: all sentences are of one unit. MissingPartError: the encoder's package is not installed.
    """
    pretrained = None if options.encoder == "words" else origin(options.encoder)
    found = cross_fitted(sentences.examples, options, progress=progress)
    scores = scores_of(sentences.examples, found, by=by, has_units=sentences.has_units)
    network = fitted(sentences.examples, options, pretrained=pretrained, progress=progress)
    card = {**_card(sentences, options, found.folds), "scores": [score.record() for score in scores]}
    return save_verifier(folder, network, card), scores


def _card(sentences: Sentences, options: FittingOptions, folds: int) -> dict[str, Any]:
    counts = counted(sentences.examples)
    return {
        "trained_on": {
            "source": sentences.source,
            "digest": sentences.digest,
            "licence": sentences.licence,
            "n_sentences": len(sentences.examples),
            "n_units": len({example.unit for example in sentences.examples}) if sentences.has_units else None,
            "sentences_by_emotion": {EMOTIONS[index]: counts[index] for index in sorted(counts)},
            "told": list(sentences.told),
        },
        "options": options.model_dump(mode="json"),
        "reads": {"threshold": THRESHOLD, "most": MOST},
        "tested": f"cross-fitting over units in {folds} folds, on the set of emotions that the rewards count",
        "versions": {name: package_version(name) or "not installed" for name in _PACKAGES},
    }
