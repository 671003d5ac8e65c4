"""What the model takes in of one utterance: measured once, in worker processes, whatever conditions are judged later.

A modality that was not consented to is never opened. One that cannot be read becomes a refusal that names the file; the
other modalities of the utterance stay usable, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from affidavit.acoustics.functionals import FUNCTIONAL_NAMES
from affidavit.conditions import MODALITIES, Condition
from affidavit.degradations import degradation
from affidavit.errors import MediaError
from affidavit.media.frames import Frames, read_frames
from affidavit.media.sound import Sound, read_sound
from affidavit.protocols import Progress
from affidavit.seeds import seed_of
from affidavit.utterances import MediaSpan, Utterance
from affidavit.workers import map_in_workers
from reasoners.instructed.config import AcousticFeature, AudioEncoderConfig, ModelConfig, VisualEncoderConfig
from reasoners.instructed.hearing import SAMPLE_RATE, measured
from reasoners.instructed.recent import Recent, version_of


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
    def n_bytes(self) -> int:
        """What it takes in memory, but for a few hundred bytes."""
        arrays = (self.mel, self.functionals, self.frames)
        return 512 + len(self.text or "") + sum(array.nbytes for array in arrays if array is not None)

    @property
    def modalities(self) -> frozenset[str]:
        """The letters of what is there."""
        heard = self.mel is not None or self.functionals is not None
        there = {"T": self.text is not None, "A": heard, "V": self.frames is not None}
        return frozenset(letter for letter, has in there.items() if has)


RECENT: Final = Recent[Perceived]()
"""Across models of one process: a plan's private model and its twin are trained on the same patients."""
_PLAIN: Final = "TAV"

Perceivable = tuple[str, str | None, MediaSpan | None, MediaSpan | None, frozenset[str]]
"""All that perceiving an utterance depends on."""


def perceivable(utterance: Utterance) -> Perceivable:
    """Return an utterance's id, words, files with their seconds, and the modalities that were declined."""
    declined = frozenset(name for name in MODALITIES.values() if _declined(utterance, name))
    return utterance.utterance_id, utterance.text, utterance.audio, utterance.video, declined


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    utterance: Utterance
    senses: Senses
    condition: str
    """`TAV`, or with an operator that is applied before anything is measured."""
    again: tuple[str, ...] = ()
    """Conditions under which the modality that they degrade is measured once more."""
    vocabulary: tuple[str, ...] = ()

    def rng(self, condition: str) -> np.random.Generator:
        """Return what a degradation draws from: it depends on the utterance and the condition, and nobody else."""
        return np.random.default_rng(seed_of(self.utterance.utterance_id, condition))


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
    under = [_PLAIN] * len(utterances) if conditions is None else conditions
    jobs = [
        _Job(utterance=utterance, senses=senses, condition=condition, vocabulary=vocabulary)
        for utterance, condition in zip(utterances, under, strict=True)
    ]
    with closing(_measured_in_workers(jobs, workers, progress)) as found:
        for (perceived,) in found:
            yield perceived


def perceive_again(
    utterances: Sequence[Utterance],
    senses: Senses,
    *,
    conditions: Sequence[str],
    vocabulary: tuple[str, ...] = (),
    workers: int = 0,
    progress: Progress,
) -> Generator[tuple[Perceived, ...], None, None]:
    """Yield of each utterance what is perceived of it as it is, then under each condition; its media are decoded once.

    Under a condition only the modality that its operator degrades is measured; the others are None.
    """
    jobs = [
        _Job(utterance=utterance, senses=senses, condition=_PLAIN, again=tuple(conditions), vocabulary=vocabulary)
        for utterance in utterances
    ]
    return _measured_in_workers(jobs, workers, progress)


def _measured_in_workers(
    jobs: Sequence[_Job], workers: int, progress: Progress
) -> Generator[tuple[Perceived, ...], None, None]:
    """Yield what is perceived for each job, in order; who was measured a while ago is not measured again."""
    keys = [_key(job) for job in jobs]
    before = [None if key is None else RECENT.get(key) for key in keys]
    new = [job for job, known in zip(jobs, before, strict=True) if known is None]
    found = map_in_workers(_perceived, new, workers=workers, what="listening and looking", progress=progress)
    with closing(found):
        for key, known in zip(keys, before, strict=True):
            perceived = next(found) if known is None else (known,)
            if key is not None and not perceived[0].refused:
                RECENT.keep(key, perceived[0], size=perceived[0].n_bytes)
            yield perceived


def _key(job: _Job) -> Hashable | None:
    """Return all that perceiving depends on, the versions of the files too; None where inputs are degraded."""
    if job.again or job.condition != _PLAIN:
        return None
    spans = (job.utterance.audio, job.utterance.video)
    versions = tuple(None if span is None else version_of(span.path) for span in spans)
    return perceivable(job.utterance), versions, job.senses


def words_of(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Return the words of a corpus, for transcript errors to draw from; none of a text that was not consented to."""
    texts = (utterance.text for utterance in utterances if utterance.text and not _declined(utterance, "text"))
    return tuple(sorted({word for text in texts for word in text.split()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """An utterance's media, decoded; None where the model does not listen or look, or a refusal."""

    text: str | Refused
    sound: Sound | Refused | None
    frames: Frames | Refused | None


def _perceived(job: _Job) -> tuple[Perceived, ...]:
    decoded = _Decoded(text=_text(job), sound=_sound(job), frames=_frames(job))
    plain = _under(job, decoded, job.condition, frozenset(MODALITIES.values()))
    return plain, *(_under(job, decoded, name, frozenset({_touched(name)})) for name in job.again)


def _touched(condition: str) -> str | None:
    operator = degradation(Condition.parse(condition))
    return None if operator is None else operator.modality


def _under(job: _Job, decoded: _Decoded, condition: str, wanted: frozenset[str | None]) -> Perceived:
    """Return what is perceived of the modalities wanted under a condition."""
    text, no_text = _read(job, decoded.text, condition) if "text" in wanted else (None, None)
    sound, no_sound = _heard(job, decoded.sound, condition) if "audio" in wanted else (None, None)
    frames, no_frames = _seen(job, decoded.frames, condition) if "video" in wanted else (None, None)
    mel, numbers = (None, None) if sound is None else sound
    return Perceived(
        utterance_id=job.utterance.utterance_id,
        text=text,
        mel=mel,
        functionals=numbers,
        frames=frames,
        refused=tuple(refusal for refusal in (no_text, no_sound, no_frames) if refusal is not None),
    )


def _text(job: _Job) -> str | Refused:
    text = job.utterance.text
    if _declined(job.utterance, "text"):
        return _without(job, "text", "no consent", "no-consent")
    if text is None or not text.strip():
        return _without(job, "text", "there is no text" if text is None else "the text is empty", "not-there")
    return text


def _read(job: _Job, text: str | Refused, condition: str) -> tuple[str | None, Refused | None]:
    if isinstance(text, Refused):
        return None, text
    operator = degradation(Condition.parse(condition))
    if operator is not None and operator.modality == "text":
        text = operator.apply_to_text(text, job.rng(condition), job.vocabulary)
        if not text.strip():
            return None, _without(job, "text", "nothing was left of the text", "not-there")
    return text, None


def _sound(job: _Job) -> Sound | Refused | None:
    if not job.senses.acoustics:
        return None
    span = _span(job, "audio")
    try:
        return span if isinstance(span, Refused) else read_sound(span, sample_rate=SAMPLE_RATE)
    except MediaError as error:
        return _without(job, "audio", _said(error), error.slug)


def _heard(
    job: _Job, sound: Sound | Refused | None, condition: str
) -> tuple[tuple[NDArray[np.float16] | None, NDArray[np.float32] | None] | None, Refused | None]:
    if sound is None or isinstance(sound, Refused):
        return None, sound
    try:
        operator = degradation(Condition.parse(condition))
        if operator is not None and operator.modality == "audio":
            sound = operator.apply_to_sound(sound, job.rng(condition))
        return measured(sound.samples, job.senses.acoustics, max_s=job.senses.max_s), None
    except MediaError as error:
        return None, _without(job, "audio", _said(error), error.slug)


def _frames(job: _Job) -> Frames | Refused | None:
    senses = job.senses
    if senses.colour is None:
        return None
    span = _span(job, "video")
    try:
        if isinstance(span, Refused):
            return span
        return read_frames(span, n_frames=senses.n_frames, size=senses.size, colour=senses.colour)
    except MediaError as error:
        return _without(job, "video", _said(error), error.slug)


def _seen(
    job: _Job, frames: Frames | Refused | None, condition: str
) -> tuple[NDArray[np.uint8] | None, Refused | None]:
    if frames is None or isinstance(frames, Refused):
        return None, frames
    try:
        operator = degradation(Condition.parse(condition))
        if operator is not None and operator.modality == "video":
            frames = operator.apply_to_frames(frames, job.rng(condition))
        return frames.pixels, None
    except MediaError as error:
        return None, _without(job, "video", _said(error), error.slug)


def _span(job: _Job, modality: Literal["audio", "video"]) -> MediaSpan | Refused:
    span = job.utterance.audio if modality == "audio" else job.utterance.video
    if _declined(job.utterance, modality):
        return _without(job, modality, "no consent", "no-consent")
    return _without(job, modality, f"there is no {modality}", "not-there") if span is None else span


def _declined(utterance: Utterance, modality: str) -> bool:
    return utterance.consent.get(modality) is False


def _without(job: _Job, modality: str, because: str, slug: str) -> Refused:
    return Refused(utterance_id=job.utterance.utterance_id, modality=modality, because=because, slug=slug)


def _said(error: MediaError) -> str:
    found = f" ({error.found})" if error.found else ""
    return f"{error.where}: {error.what}{found}" if error.where else f"{error.what}{found}"
