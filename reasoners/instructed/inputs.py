"""What the model takes in of one utterance: measured once, in worker processes, whatever conditions are judged later.

A modality that was not consented to is never opened. One that cannot be read becomes a refusal that names the file; the
other modalities of the utterance stay usable, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics.functionals import FUNCTIONAL_NAMES, functionals
from affidavit.acoustics.mel import log_mel
from affidavit.conditions import Condition
from affidavit.degradations import degradation
from affidavit.errors import MediaError
from affidavit.media.frames import read_frames
from affidavit.media.sound import read_sound
from affidavit.protocols import Progress
from affidavit.seeds import seed_of
from affidavit.utterances import MediaSpan, Utterance
from affidavit.workers import map_in_workers
from reasoners.instructed.config import AcousticFeature, AudioEncoderConfig, ModelConfig, VisualEncoderConfig

SAMPLE_RATE: Final = 16_000
HOP_S: Final = 0.010
_MEL_CENTRE, _MEL_SCALE = -6.0, 4.0
"""Fixed, so that one patient's recordings change nobody else's inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What is measured: a picklable extract of a model's records, sent to worker processes."""

    acoustics: tuple[AcousticFeature, ...] = ()
    max_s: float = 8.0
    n_frames: int = 8
    size: int = 64
    colour: Literal["grey", "rgb"] | None = None
    """None does not look."""

    @property
    def n_functionals(self) -> int:
        """Numbers that describe a whole utterance's sound."""
        from affidavit.acoustics.egemaps import EGEMAPS_NAMES

        sizes = {"functionals": len(FUNCTIONAL_NAMES), "egemaps": len(EGEMAPS_NAMES), "log-mel": 0}
        return sum(sizes[feature] for feature in self.acoustics)


def senses_of(config: ModelConfig) -> Senses:
    """Return what a model needs measured."""
    audio, visual = config.audio, config.visual
    return Senses(
        acoustics=() if audio is None else _acoustics(audio),
        max_s=8.0 if audio is None else audio.max_s,
        n_frames=1 if visual is None else visual.n_frames,
        size=1 if visual is None else visual.size,
        colour=None if visual is None else _colour(visual),
    )


def _acoustics(audio: AudioEncoderConfig) -> tuple[AcousticFeature, ...]:
    return audio.features


def _colour(visual: VisualEncoderConfig) -> Literal["grey", "rgb"]:
    return "rgb" if visual.architecture == "resnet" else "grey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A modality of an utterance that cannot be used, and why."""

    utterance_id: str
    modality: str
    because: str
    slug: str = "not-there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Perceived:
    """One utterance as numbers; None where a modality is not there."""

    utterance_id: str
    text: str | None = None
    mel: NDArray[np.float16] | None = None
    """`[T, 40]`"""
    functionals: NDArray[np.float32] | None = None
    frames: NDArray[np.uint8] | None = None
    """`[F, S, S(, 3)]`"""
    refused: tuple[Refused, ...] = field(default=())

    @property
    def modalities(self) -> frozenset[str]:
        """The letters of what is there."""
        heard = self.mel is not None or self.functionals is not None
        there = {"T": self.text is not None, "A": heard, "V": self.frames is not None}
        return frozenset(letter for letter, has in there.items() if has)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    utterance: Utterance
    senses: Senses
    condition: str
    """`TAV`, or with an operator that is applied before anything is measured."""
    seed: int
    vocabulary: tuple[str, ...] = ()


def perceive(
    utterances: Sequence[Utterance],
    senses: Senses,
    *,
    conditions: Sequence[str] | None = None,
    vocabulary: tuple[str, ...] = (),
    workers: int = 0,
    progress: Progress,
) -> Generator[Perceived, None, None]:
    """Yield what is perceived of each utterance, in order; media are decoded and measured in worker processes.

    `conditions` names one for each utterance (`TAV/noise=10dB`), whose operator is applied before anything is measured;
    what it draws depends on the utterance and the condition, not on who else is measured. `vocabulary` is what
    transcript errors draw from (`words_of`).
    """
    under = ["TAV"] * len(utterances) if conditions is None else conditions
    jobs = [
        _Job(
            utterance=utterance,
            senses=senses,
            condition=condition,
            seed=seed_of(utterance.utterance_id, condition),
            vocabulary=vocabulary,
        )
        for utterance, condition in zip(utterances, under, strict=True)
    ]
    return map_in_workers(_perceived, jobs, workers=workers, what="listening and looking", progress=progress)


def words_of(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Return the words of a corpus, for transcript errors to draw from; none of a text that was not consented to."""
    texts = (utterance.text for utterance in utterances if utterance.text and not _declined(utterance, "text"))
    return tuple(sorted({word for text in texts for word in text.split()}))


def _perceived(job: _Job) -> Perceived:
    utterance = job.utterance
    text, no_text = _read(job)
    sound, no_sound = _heard(job)
    frames, no_frames = _seen(job)
    mel, numbers = (None, None) if sound is None else sound
    return Perceived(
        utterance_id=utterance.utterance_id,
        text=text,
        mel=mel,
        functionals=numbers,
        frames=frames,
        refused=tuple(refusal for refusal in (no_text, no_sound, no_frames) if refusal is not None),
    )


def _read(job: _Job) -> tuple[str | None, Refused | None]:
    text = job.utterance.text
    if _declined(job.utterance, "text"):
        return None, _without(job, "text", "no consent", "no-consent")
    if text is None or not text.strip():
        return None, _without(job, "text", "there is no text" if text is None else "the text is empty", "not-there")
    operator = degradation(Condition.parse(job.condition))
    if operator is not None and operator.modality == "text":
        text = operator.apply_to_text(text, np.random.default_rng(job.seed), job.vocabulary)
        if not text.strip():
            return None, _without(job, "text", "nothing was left of the text", "not-there")
    return text, None


def _heard(job: _Job) -> tuple[tuple[NDArray[np.float16] | None, NDArray[np.float32] | None] | None, Refused | None]:
    if not job.senses.acoustics:
        return None, None
    span, refusal = _span(job, "audio")
    if span is None:
        return None, refusal
    try:
        sound = read_sound(span, sample_rate=SAMPLE_RATE)
        operator = degradation(Condition.parse(job.condition))
        if operator is not None and operator.modality == "audio":
            sound = operator.apply_to_sound(sound, np.random.default_rng(job.seed))
        return measured(sound.samples, job.senses), None
    except MediaError as error:
        return None, _without(job, "audio", _said(error), error.slug)


def measured(
    samples: NDArray[np.float32], senses: Senses
) -> tuple[NDArray[np.float16] | None, NDArray[np.float32] | None]:
    """Return log-mel frames and functionals of a sound at 16 kHz, scaled by fixed constants."""
    mel, numbers = None, []
    if "log-mel" in senses.acoustics:
        frames = log_mel(samples[: int(senses.max_s * SAMPLE_RATE)], SAMPLE_RATE, hop_s=HOP_S)
        mel = ((frames - _MEL_CENTRE) / _MEL_SCALE).astype(np.float16)
    if "functionals" in senses.acoustics:
        numbers.append(functionals(samples, SAMPLE_RATE))
    if "egemaps" in senses.acoustics:
        from affidavit.acoustics.egemaps import egemaps

        numbers.append(_compressed(egemaps(samples, SAMPLE_RATE)))
    return mel, np.concatenate(numbers).astype(np.float32) if numbers else None


def _compressed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring descriptors of all units to one order of magnitude by a fixed map, sign(x) log(1 + |x|)."""
    return (np.sign(values) * np.log1p(np.abs(values))).astype(np.float32)


def _seen(job: _Job) -> tuple[NDArray[np.uint8] | None, Refused | None]:
    senses = job.senses
    if senses.colour is None:
        return None, None
    span, refusal = _span(job, "video")
    if span is None:
        return None, refusal
    try:
        frames = read_frames(span, n_frames=senses.n_frames, size=senses.size, colour=senses.colour)
        operator = degradation(Condition.parse(job.condition))
        if operator is not None and operator.modality == "video":
            frames = operator.apply_to_frames(frames, np.random.default_rng(job.seed))
        return frames.pixels, None
    except MediaError as error:
        return None, _without(job, "video", _said(error), error.slug)


def _span(job: _Job, modality: Literal["audio", "video"]) -> tuple[MediaSpan | None, Refused | None]:
    span = job.utterance.audio if modality == "audio" else job.utterance.video
    if _declined(job.utterance, modality):
        return None, _without(job, modality, "no consent", "no-consent")
    if span is None:
        return None, _without(job, modality, f"there is no {modality}", "not-there")
    return span, None


def _declined(utterance: Utterance, modality: str) -> bool:
    return utterance.consent.get(modality) is False


def _without(job: _Job, modality: str, because: str, slug: str) -> Refused:
    return Refused(utterance_id=job.utterance.utterance_id, modality=modality, because=because, slug=slug)


def _said(error: MediaError) -> str:
    found = f" ({error.found})" if error.found else ""
    return f"{error.where}: {error.what}{found}" if error.where else f"{error.what}{found}"
