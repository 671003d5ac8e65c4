"""The reasoner's ear on RAVDESS: 8 acted emotions, five folds of four actors that it never heard.

Needs the corpus (`--data FOLDER`). Prints accuracy of each fold and, over actors, its mean with a t interval; a ridge
baseline on simple features reaches 0.455.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy import stats

from affidavit.cli.progress import shown_progress
from affidavit.corpus import Corpus
from affidavit.plan import Execution
from affidavit.protocols import Progress
from affidavit.sources import load_corpus
from reasoners.instructed.door import REASONER
from reasoners.instructed.inputs import Perceived
from reasoners.supervised import TRAINER

BASELINE: Final = 0.455
MODEL: Final = {"text": False, "visual": False, "rationales": False, "temporal": False, "instructed": False}
TRAINING: Final = {"epochs": 30, "patience": 30, "held_out": 0.0, "development": 0.125, "rows_per_step": 4}


def accuracies(corpus: Corpus, *, n_folds: int, progress: Progress) -> dict[str, float]:
    """Return the accuracy on each actor, by a model that never heard that actor."""
    actors = sorted({u.unit for u in corpus.utterances})
    heard: dict[str, Perceived] = {}
    reached: dict[str, float] = {}
    for fold in range(n_folds):
        left_out = set(actors[fold::n_folds])
        kept = tuple(u for u in corpus.utterances if u.unit not in left_out)
        learner = REASONER.untrained(
            corpus, MODEL | {"augmentation": {"degraded_share": 0.0}}, seed=fold, execution=Execution()
        )
        learner.perceived = heard
        learner.prepare(corpus.utterances, progress=progress)
        with tempfile.TemporaryDirectory() as folder:
            TRAINER.train(
                learner,
                replace(corpus, utterances=kept),
                TRAINING,
                folder=Path(folder),
                rng=np.random.default_rng(fold),
                progress=progress,
            )
        others = [u for u in corpus.utterances if u.unit in left_out]
        said = learner.logits(others).argmax(1).tolist()
        right = np.array([corpus.label_space[i] == u.label for i, u in zip(said, others, strict=True)])
        for actor in sorted(left_out):
            reached[actor] = float(right[[u.unit == actor for u in others]].mean())
    return reached


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ravdess"))
    data = parser.parse_args().data
    corpus = load_corpus("ravdess", {"path": str(data.resolve())})
    with shown_progress() as progress:
        reached = accuracies(corpus, n_folds=5, progress=progress)
    values = np.array(list(reached.values()))
    print(f"{len(corpus.utterances)} clips, {len(values)} actors; by actor: " + ", ".join(f"{v:.2f}" for v in values))
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    print(f"95 % over actors: {values.mean() - half:.3f} to {values.mean() + half:.3f}")
    print(f"accuracy on actors never heard: {values.mean():.3f} (goal {BASELINE})")


if __name__ == "__main__":
    main()
