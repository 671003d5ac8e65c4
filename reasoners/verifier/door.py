"""The reasoner behind `reasoners: verifier`: reads the words of a turn, and, opened, reads anybody's rationales.

As a reasoner it judges a corpus by its words: the emotion of which the sentences speak. Opened, it is what an
examination asks with which label a rationale concludes (`coherence`, option `reader`); by its digest it is known
whether it is the verifier that the rationales were rewarded by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import Field

from affidavit.corpus import Corpus
from affidavit.errors import MediaError
from affidavit.judging import judge
from affidavit.model_origins import Basis, ModelOrigin
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import Progress
from affidavit.records import Record
from affidavit.tables import from_arrow
from affidavit.utterances import Judgement, Utterance
from reasoners.requirements import corpus_to_judge, labels_to_learn
from reasoners.verifier.checkpoints import load_verifier
from reasoners.verifier.emotions import targets_of, told_targets
from reasoners.verifier.sentences import sentences
from reasoners.verifier.verifier import Verifier


class VerifierOptions(Record):
    """What a plan may say of it."""

    path: str
    """The folder of a verifier, relative to the plan."""
    conditions: tuple[str, ...] = Field(default=("T",), min_length=1)
    """It reads words alone: `T`, and `T` with words exchanged or rewritten."""


class VerifierDoor:
    """The verifier behind the door."""

    name = "verifier"
    options = VerifierOptions
    cache_version = 1
    offers: frozenset[str] = frozenset()

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Judge a corpus by its words.

        Raises:
            PlanError: there is no corpus, it has no labels, the options are at fault, or nobody can be judged.
            CheckpointError: the verifier does not load. RowError: it has no index for a label.
        """
        chosen = read_options(VerifierOptions, options, of=f"reasoner {self.name}")
        corpus = corpus_to_judge(corpus, reasoner=self.name)
        labels = reading.label_space or labels_to_learn(corpus)
        live = self.opened(options, reading=reading)
        targets = targets_of(labels, where=f"corpus {corpus.name}")

        def verifier(utterance: Utterance, modalities: tuple[str, ...], seed: int) -> Judgement:
            return _judgement(live, utterance, targets)

        seed = int(rng.integers(2**31))
        found = judge(
            verifier,
            replace(corpus, label_space=labels),
            conditions=chosen.conditions,
            by=reading.by,
            seed=seed,
            progress=progress,
        )
        raw = from_arrow(found.side_tables["judgements"], name=corpus.name, format_name="judged")
        predictions = predictions_from(raw, replace(reading, label_space=labels), progress=progress)
        said = dict.fromkeys((*told_targets(labels), *found.assumptions, *predictions.assumptions))
        return replace(
            predictions, assumptions=tuple(said), side_tables=found.side_tables, models=(verifier_origin(live),)
        )

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> Verifier:
        """Return the verifier, to be asked about rationales.

        Raises:
            PlanError: the options are at fault. CheckpointError: it does not load.
        """
        chosen = read_options(VerifierOptions, options, of=f"reasoner {self.name}")
        return load_verifier(reading.folder / chosen.path)

    def options_digest(self, options: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the options in a cache: the verifier by content, not by path."""
        chosen = read_options(VerifierOptions, options, of=f"reasoner {self.name}")
        return {"conditions": list(chosen.conditions), "verifier": load_verifier(folder / chosen.path).digest}


def verifier_origin(verifier: Verifier) -> ModelOrigin:
    """Return where a verifier is from, as a report repeats it."""
    trained = verifier.card.get("trained_on", {})
    return ModelOrigin(
        name=verifier.name,
        source=f"trained on {trained.get('source', 'sentences that its card names')}",
        licence=trained.get("licence"),
        digest=verifier.digest,
        basis=Basis.CARD,
    )


def _judgement(verifier: Verifier, utterance: Utterance, targets: Mapping[str, int]) -> Judgement:
    """Return the labels' shares: the mean over sentences of each one's probability, brought to one."""
    told = sentences(utterance.text or "")
    if not told:
        raise MediaError(
            "there are no words to read",
            slug="media-unreadable",
            where=utterance.utterance_id,
            remedy="bring a transcript",
        )
    mean = verifier.probabilities(told).mean(0)
    own = {label: float(mean[index]) for label, index in targets.items()}
    total = sum(own.values())
    return Judgement(label=max(own, key=own.__getitem__), probabilities={k: v / total for k, v in own.items()})


REASONER: Final = VerifierDoor()
