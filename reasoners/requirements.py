"""What doors of reasoners ask of a plan alike: a corpus to judge, labels to learn, folders found from the plan's."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

from affidavit.corpus import Corpus
from affidavit.errors import PlanError


def corpus_to_judge(corpus: Corpus | None, *, reasoner: str) -> Corpus:
    """Return the corpus that a run brings.

    Raises:
        PlanError: it brings none.
    """
    if corpus is None:
        raise PlanError(
            "there is nothing to judge",
            slug="plan-impossible",
            where=f"reasoner {reasoner}",
            found="a run without a corpus",
            remedy="name a corpus beside the reasoner",
        )
    return corpus


def labels_to_learn(corpus: Corpus) -> tuple[str, ...]:
    """Return the label space that a new model is made for.

    Raises:
        PlanError: it has fewer than two labels.
    """
    if len(corpus.label_space) < 2:
        raise PlanError(
            "a corpus without labels cannot be learnt from",
            slug="plan-impossible",
            where=f"corpus {corpus.name}",
            found=f"the label space {list(corpus.label_space)}",
            remedy="bring a corpus whose utterances have labels, two or more",
        )
    return corpus.label_space


def placed_weights(source: Any, folder: Path, *, packaged: Container[str]) -> Any:  # noqa: ANN401 - not validated yet
    """Return a folder of weights below the plan's as an absolute path; anything else as it stands."""
    if not isinstance(source, str) or not source or source in packaged:
        return source
    place = folder / Path(source).expanduser()
    return str(place.resolve()) if place.is_dir() else source
