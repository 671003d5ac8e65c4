"""The trainer behind `trainers: grpo`: rewards any reasoner that writes for form, answer and explanation (ERV).

Units are split before anything else is done: some are held out and never seen, the rest are rewarded. The explanation
reward needs a verifier: one that was trained before, or one that is trained here on the reference rationales of the
units that are rewarded. The verifier lies in the checkpoint, and its digest in the card, so that nobody judges by it
what was rewarded by it.

Source: Rha et al. 2026 (ERV); Shao et al. 2024 (GRPO).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from affidavit.corpus import Corpus, require_distinct
from affidavit.files import replacing_folder
from affidavit.options import read_options
from affidavit.protocols import Progress, Trainable, Trainer
from affidavit.provenance import package_version
from affidavit.seeds import seed_of
from affidavit.splits import labelled, split
from affidavit.training_card import training_card
from affidavit.training_state import STATE
from affidavit.utterances import Utterance
from reasoners.grpo.course import Course, Taught
from reasoners.grpo.options import GrpoOptions
from reasoners.grpo.rewarded import VERIFIER
from reasoners.grpo.rewards import Rewards
from reasoners.grpo.writers import writer_of
from reasoners.units import units_card
from reasoners.verifier.checkpoints import load_verifier
from reasoners.verifier.examples import rationale_sentences
from reasoners.verifier.training import trained_verifier
from reasoners.verifier.verifier import Verifier

_KEPT: Final = ".verifier"
"""Where a verifier lies while training has not ended."""
_PACKAGES: Final = ("trl", "torch", "transformers")


class GrpoTrainer:
    """Rewards what a reasoner writes."""

    name = "grpo"
    options = GrpoOptions

    def options_digest(self, options: Mapping[str, Any], folder: Path) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the verifier in the name of a training: its content; `folder` holds the checkpoints.

        Raises:
            PlanError: the options are at fault. CheckpointError: the verifier does not load.
        """
        chosen = read_options(GrpoOptions, options, of=f"trainer {self.name}")
        named = chosen.verifier is not None and chosen.explanation != "none"
        return load_verifier(folder / str(chosen.verifier)).digest if named else None

    def train(
        self,
        reasoner: Trainable,
        corpus: Corpus,
        options: Mapping[str, Any],
        *,
        folder: Path,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Trainable:
        """Reward, and leave the checkpoint of the last step in `folder`, the verifier in it.

        Raises:
            PlanError: the options are at fault, the reasoner writes nothing, two utterances have one id, nobody has a
                label, there are no rationales to train a verifier on, or no split is possible.
            RowError: the verifier has no index for a label. CheckpointError: the verifier does not load.
            MissingPartError: TRL is not installed.
        """
        chosen = read_options(GrpoOptions, options, of=f"trainer {self.name}")
        require_distinct(corpus)
        groups = labelled(corpus, by=chosen.split_by)
        shares = {"held_out": chosen.held_out} if chosen.held_out else {}
        parts = split(sorted(groups), shares, seed=seed_of(chosen.split_seed, "split"))
        told = [turn for name in parts["train"] for turn in groups[name]]
        writer = writer_of(reasoner, told)
        folder.mkdir(parents=True, exist_ok=True)
        verifier = _verifier(chosen, corpus, told, folder, progress)
        rewards = Rewards.of(corpus.label_space, reader=verifier, explanation=chosen.explanation)
        reasoner.prepare(told, progress=progress)
        taught = Taught(
            reasoner=reasoner,
            writer=writer,
            rewards=rewards,
            turns=tuple(turn for turn in told if turn.label is not None),
            options=chosen,
            identity="none" if verifier is None else verifier.digest,
        )
        course = Course(taught, rng=rng, progress=progress)
        course.run(folder / STATE)
        card = training_card(reasoner, corpus, trainer=self.name, options=chosen)
        card |= {
            **units_card({"train": parts["train"]}, groups, chosen.split_by, card["training_digest"]),
            "n_units": {name: len(names) for name, names in parts.items()},
            "history": course.windows,
            "cold_start": course.cold,
            "n_steps": course.steps,
            "versions": {**card.get("versions", {}), **{p: package_version(p) or "not installed" for p in _PACKAGES}},
        }
        if verifier is not None:
            card["reward"] = {"explanation": chosen.explanation, VERIFIER: verifier.digest, "card": _short(verifier)}
        if course.not_resumed is not None:
            card["not_resumed"] = course.not_resumed
        with replacing_folder(folder) as temporary:
            if (folder / _KEPT).is_dir():
                shutil.copytree(folder / _KEPT, temporary / "verifier")
            reasoner.save(temporary, card)
        return reasoner


def _verifier(
    options: GrpoOptions, corpus: Corpus, told: Sequence[Utterance], folder: Path, progress: Progress
) -> Verifier | None:
    """Return the verifier that is named, or one of the training units' reference rationales; none where none is asked.

    One that is trained here is kept beside the state, so that an interrupted training goes on with it.
    """
    if options.explanation == "none":
        return None
    if options.verifier is not None:
        return load_verifier(folder.parent / options.verifier)
    sentences = rationale_sentences(corpus, told)
    verifier, _ = trained_verifier(sentences, options.fitting, folder=folder / _KEPT, progress=progress)
    return verifier


def _short(verifier: Verifier) -> Mapping[str, Any]:
    """Return what a reasoner's card repeats of its verifier's."""
    return {name: verifier.card[name] for name in ("trained_on", "tested") if name in verifier.card}


TRAINER: Final[Trainer] = GrpoTrainer()
