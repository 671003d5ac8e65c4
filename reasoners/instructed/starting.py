"""A new model that begins with the weights of a checkpoint: architecture, vocabulary and labels are the checkpoint's.

What an option says against them is refused, and so is a corpus with people whom the checkpoint met: what a private
training promises of them would not hold, and nobody could say any more who was held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.errors import PlanError
from reasoners.instructed.checkpoints import Checkpoint, load_checkpoint, read_records
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.lineage import met
from reasoners.instructed.origins import kept_origins
from reasoners.instructed.scope import require_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A checkpoint to begin with."""

    folder: Path
    card: Mapping[str, Any]
    config: ModelConfig

    @property
    def digest(self) -> str:
        """Name it by what a model takes from it: weights, records, vocabulary, pretrained parts, and whom it met.

        The same training done again gives the same digest.
        """
        kept = ("files", "units", "speakers", "training_digest", "intensity_scale")
        told = {name: self.card.get(name) for name in kept}
        return digest_of([told, self.card.get("started_from", {}).get("digest"), kept_origins(self.config, self.card)])

    def loaded(self) -> Checkpoint:
        """Return it with its weights.

        Raises:
            CheckpointError: a file is missing or not the one that the card was written for.
        """
        return load_checkpoint(self.folder)


def start_of(folder: str, corpus: Corpus, told: Mapping[str, Any]) -> Start:
    """Return the checkpoint that a new model begins with; `told` are the options that the plan states.

    Raises:
        CheckpointError: there is no checkpoint.
        PlanError: an option contradicts its architecture, or the corpus has labels that it does not know.
    """
    card, config = read_records(Path(folder))
    has = shape_of(config)
    against = {name: has[name] for name in has if name in told and told[name] != has[name]}
    if against:
        raise PlanError(
            "a model that starts from a checkpoint is made like the checkpoint, and an option says otherwise",
            slug="plan-invalid",
            where="reasoner instructed, start",
            found=", ".join(f"{name}: {_said(told[name])}" for name in against),
            allowed=", ".join(f"{name}: {_said(value)}" for name, value in against.items()),
            remedy="leave these options out, or start from another checkpoint",
        )
    require_labels(corpus, config)
    return Start(folder=Path(folder), card=card, config=config)


def require_strangers(start: Start, corpus: Corpus) -> None:
    """Refuse a corpus with people whom the start was trained on.

    Raises:
        PlanError: saying how many.
    """
    units = frozenset(utterance.unit for utterance in corpus.utterances)
    known = met(start.card, units)
    if known:
        raise PlanError(
            "the model that this one starts from was trained on people of this corpus",
            slug="units-overlap",
            where="reasoner instructed, start",
            found=f"{len(known)} of {len(units)} units",
            allowed="a start that met nobody of the corpus: what is promised of them would not hold",
            remedy="start from a model that was trained on others, or train one model on all of them at once",
        )


def shape_of(config: ModelConfig) -> dict[str, Any]:
    """Return the options that would make such a model, as a plan states them."""
    sources = {"text": config.text, "visual": config.visual, "backbone": config.backbone}
    return {
        "size": config.size,
        "alignment": config.alignment,
        "acoustics": None if config.audio is None else list(config.audio.features),
        "text": config.text is not None,
        "audio": config.audio is not None,
        "visual": config.visual is not None,
        "temporal": config.dialogue_layers > 0,
        "instructed": config.instructed,
        "rationales": config.backbone is not None,
        **{f"{name}_source": None if part is None else part.source for name, part in sources.items()},
    }


def scale_of(card: Mapping[str, Any], declared: float | None) -> float | None:
    """Return what an intensity of 1 in the start stands for; None where its card does not say.

    Raises:
        PlanError: the plan declares another one.
    """
    scale = card.get("intensity_scale")
    if scale is not None and declared is not None and declared != scale:
        raise PlanError(
            "a model that starts from a checkpoint keeps its scale of intensities, and the plan declares another one",
            slug="plan-invalid",
            where="reasoner instructed, intensity_scale",
            found=f"{declared:g}",
            allowed=f"{scale:g}",
            remedy="leave the option out",
        )
    return declared if scale is None else float(scale)


def _said(value: Any) -> str:  # noqa: ANN401 - an option
    if isinstance(value, bool):
        return str(value).lower()
    return (
        "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else "none" if value is None else str(value)
    )
