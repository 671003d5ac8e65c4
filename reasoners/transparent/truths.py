"""What is true of the utterances that were drawn: what each judgement rests on, whatever its rationale says.

All are of evidence alone: what would have been, had no judging slipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affidavit.errors import PlanError
from reasoners.transparent.judging import Judged, answers_at, place_of, probabilities_at
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import BoolArray, FloatArray, IntArray
from reasoners.transparent.showing import Showing


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What another condition does to every utterance's judgement."""

    flips: BoolArray
    """Whether the answer is another one, [U]."""
    distances: FloatArray
    """Total variation distance of the probabilities, 0 to 1, [U]."""


def changes(options: TransparentOptions, judged: Judged, *, before: str, after: str, repeat: int = 0) -> Changes:
    """Return what changes from one condition to another; neither need be among those judged.

    `TAV` to `TA` takes video away, `TAV` to `TAV/resampled=V` replaces it by that of the utterance's donor of this
    repeat, `TAV` to `TAV/accent=coastal` renders the utterance as somebody else's.

    Raises:
        PlanError: a condition does not parse or names what is not there, or there is no such repeat.
    """
    showings = [showing_of(options, condition) for condition in (before, after)]
    _require_repeat(options, repeat)
    first, second = (answers_at(options, judged, showing, repeat) for showing in showings)
    near, far = (probabilities_at(options, judged, showing, repeat) for showing in showings)
    return Changes(flips=first != second, distances=np.abs(near - far).sum(axis=1) / 2)


def used(options: TransparentOptions, judged: Judged, condition: str, *, repeat: int = 0) -> BoolArray:
    """Return whether taking each modality away changes the answer, [U, 3]: text, audio, video.

    A modality that is not shown changes nothing. Of a single modality what is left is nothing: the prior.

    Raises:
        PlanError: as `changes`.
    """
    _require_repeat(options, repeat)
    found: BoolArray = judged.decisions.used[place_of(options, judged.drawn, showing_of(options, condition), repeat)]
    return found


def cited(options: TransparentOptions, judged: Judged, condition: str, *, repeat: int = 0) -> BoolArray:
    """Return which modalities each rationale cites, [U, 3]: text, audio, video.

    Raises:
        PlanError: the condition was not judged, or there is no such repeat.
    """
    _require_repeat(options, repeat)
    bits = judged.cited[:, position_of(options, condition), repeat]
    return (bits[:, None] >> np.arange(3) & 1).astype(bool)


def named(options: TransparentOptions, judged: Judged, condition: str, *, repeat: int = 0) -> IntArray:
    """Return the code of the label that each rationale concludes, [U]; the number of labels where it names none.

    Raises:
        PlanError: as `cited`.
    """
    _require_repeat(options, repeat)
    return judged.named[:, position_of(options, condition), repeat]


def showing_of(options: TransparentOptions, condition: str) -> Showing:
    """Return what a condition shows.

    Raises:
        PlanError: it does not parse, or names what is not there.
    """
    try:
        return options.showing(condition)
    except ValueError as error:
        raise impossible("condition", f"{condition!r} ({error})", "conditions of the levels that were drawn") from None


def position_of(options: TransparentOptions, condition: str) -> int:
    """Return the position of a condition among those judged.

    Raises:
        PlanError: it was not judged.
    """
    canonical = [showing.condition for showing in options.showings]
    showing = showing_of(options, condition)
    if showing.condition not in canonical:
        raise impossible("condition", repr(condition), ", ".join(canonical))
    return canonical.index(showing.condition)


def _require_repeat(options: TransparentOptions, repeat: int) -> None:
    if not 0 <= repeat < options.repeats:
        raise impossible("repeat", str(repeat), f"0 to {options.repeats - 1}")


def impossible(what: str, found: str, allowed: str) -> PlanError:
    """Return the error for a question about what is not there."""
    return PlanError(
        f"the transparent reasoner has no such {what}",
        slug="plan-impossible",
        where="reasoner transparent",
        found=found,
        allowed=allowed,
        remedy="ask for what was judged",
    )
