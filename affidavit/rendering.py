"""The same turns shown again with one thing about them made another: whose voice, whose face, which words.

A corpus that makes its own media can render a turn as somebody else's, all else as it was (Matton et al. 2025).
The condition names it as `modalities/concept=level`: under `TAV/voice-accent=scottish` every patient speaks Scottish.
Spaces of a level are written as hyphens.

A rendering is a corpus of its own with the same utterances: a reasoner judges it under the modalities alone, and knows
of no rendering (`affidavit.judged_renderings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import PlanError

if TYPE_CHECKING:
    from affidavit.corpus import Corpus
    from affidavit.protocols import Progress
    from affidavit.utterances import Utterance

CONCEPTS: Final[Mapping[str, str]] = MappingProxyType(
    {"voice-accent": "A", "voice-age": "A", "voice-sex": "A", "face": "V", "transcript": "T"}
)
"""Operators that name a rendering, and the modality that each renders: all else stays as it was."""


@runtime_checkable
class Rendering(Protocol):
    """What a corpus has that can show its own turns otherwise."""

    @property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """Concept (a key of `CONCEPTS`) to the levels that it can be given; what cannot be rendered is not there."""

    def render(self, concept: str, level: str, *, progress: Progress) -> Corpus:
        """Return the corpus with the same utterances, in the same order, rendered at a level of a concept.

        Ids, speakers, sensitive features and labels stay; reference cues and rationales go, for they describe what was
        shown before. Media are made once and kept.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One rendering under one set of modalities."""

    condition: Condition
    """As it was asked for."""
    concept: str
    level: str
    """As the corpus names it, with its spaces."""

    @property
    def shown(self) -> str:
        """The condition under which the rendering is judged: the modalities alone."""
        return str(Condition(modalities=self.condition.modalities))


def level_text(level: str) -> str:
    """Return a level as a condition writes it, without spaces.

    >>> level_text("75 and over")
    '75-and-over'
    """
    return "-".join(level.split())


def rendering_conditions(corpus: Corpus, modalities: str = "TAV") -> tuple[str, ...]:
    """Return every condition under which the modalities show a rendering of a corpus; none where it has no renderings.

    They are what a plan names beside the base to ask `causal-concepts`.
    """
    rendering = _rendering_of(corpus)
    levels: Mapping[str, tuple[str, ...]] = {} if rendering is None else rendering.levels
    return tuple(
        f"{modalities}/{concept}={level_text(level)}"
        for concept, named in levels.items()
        if CONCEPTS[concept] in modalities
        for level in named
    )


def rendered(corpus: Corpus, concept: str, level: str, *, progress: Progress) -> Corpus:
    """Return a corpus rendered at a level (written with spaces or hyphens): its own utterances only, in its order.

    A part of a corpus (the held-out units) renders as that part; what it says of labels and people stays its own. So do
    the modalities that the concept does not render, whatever became of them since the corpus was loaded.

    Raises:
        PlanError: the corpus cannot be re-rendered, has no such concept or level, has ids of its own making, or
            loses what was to be rendered.
    """
    condition = Condition(modalities=frozenset("TAV"), operator=concept, level=level_text(level))
    asked = asked_for(corpus, condition)
    rendering = _rendering_of(corpus)
    if rendering is None:  # `asked_for` refused that already
        raise ValueError("the corpus cannot be rendered")
    made = rendering.render(asked.concept, asked.level, progress=progress)
    media = {utterance.utterance_id: utterance for utterance in made.utterances}
    shown = MODALITIES[CONCEPTS[asked.concept]]
    strangers = [
        own.utterance_id
        for own in corpus.utterances
        if own.utterance_id not in media
        or (getattr(own, shown) is not None and getattr(media[own.utterance_id], shown) is None)
    ]
    if strangers:
        raise PlanError(
            f"a rendering of the corpus lacks an utterance, or its {shown}",
            slug="plan-impossible",
            where=f"corpus {corpus.name}, {concept}={level}",
            found=f"{len(strangers)} of {len(corpus.utterances)} utterances, as {strangers[0]}",
            allowed="the ids that the loader gave, each rendered",
            remedy="render the corpus as it was loaded, or a part of it; what its loader cannot render, ask its maker",
        )
    return replace(
        corpus,
        utterances=tuple(_shown(own, media[own.utterance_id], shown) for own in corpus.utterances),
        digest=made.digest,
        recorded=None,
        measurements=None,
        rendering=None,
    )


def _shown(own: Utterance, other: Utterance, modality: str) -> Utterance:
    """Return an utterance with one modality of another; what it has not (any more) it does not get, and all else stays.

    Else a part of a corpus whose words were masked would have them back, and that would be what moves the answer.
    """
    plain = replace(own, cues=(), rationales={})
    if modality == "text":
        return replace(plain, text=None if own.text is None else other.text)
    if modality == "audio":
        return replace(plain, audio=None if own.audio is None else other.audio)
    return replace(plain, video=None if own.video is None else other.video)


def _rendering_of(corpus: Corpus) -> Rendering | None:
    found = getattr(corpus, "rendering", None)
    return found if isinstance(found, Rendering) else None


def asked_for(corpus: Corpus, condition: Condition) -> Asked:
    """Return which level of which concept a condition names.

    Raises:
        PlanError: the corpus cannot do that, or the condition does not show what would be rendered.
    """
    rendering = _rendering_of(corpus)
    if rendering is None:
        raise _impossible(
            corpus,
            condition,
            allowed="plain conditions, such as TAV",
            remedy="bring a table with these conditions from whoever can render the utterances so, or audit a corpus "
            "that makes its own media (clinic)",
        )
    concept = condition.operator or ""
    levels = {level_text(level): level for level in rendering.levels.get(concept, ())}
    if condition.level not in levels:
        known = [f"{name}={level_text(level)}" for name, named in rendering.levels.items() for level in named]
        raise _impossible(corpus, condition, allowed=", ".join(known) or "nothing", remedy="name one of these levels")
    if CONCEPTS[concept] not in condition.modalities:
        raise _impossible(
            corpus,
            condition,
            allowed=f"conditions that show {MODALITIES[CONCEPTS[concept]]}, which {concept} renders",
            remedy="show it, or leave the rendering out: nobody could notice it",
        )
    return Asked(condition=condition, concept=concept, level=levels[condition.level])


def _impossible(corpus: Corpus, condition: Condition, *, allowed: str, remedy: str) -> PlanError:
    return PlanError(
        "the corpus cannot be rendered as this condition asks",
        slug="plan-impossible",
        where=f"corpus {corpus.name}",
        found=str(condition),
        allowed=allowed,
        remedy=remedy,
    )
