"""Every utterance judged under every condition, with what its judgement rests on and what its rationale says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reasoners.transparent.citing import EVERYTHING, KINDS, Citations, cite, decorative_law
from reasoners.transparent.decisions import Decisions, decide
from reasoners.transparent.draws import Drawn, draw, drawn_codes
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import BoolArray, FloatArray, IntArray, exchanged
from reasoners.transparent.projection import under
from reasoners.transparent.showing import Showing
from reasoners.transparent.wording import TEMPLATES

Place = tuple[IntArray, IntArray, int, IntArray]
"""Where in `Decisions` the judgements of one condition stand: shifted, leading, mask, pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was asked, what was answered, and why; arrays are [U, C, R]: utterance, condition, repeat."""

    drawn: Drawn
    decisions: Decisions
    answer: IntArray
    slipped: BoolArray
    """Whether noise took the place of evidence."""
    cited: IntArray
    """Bits: text 1, audio 2, video 4."""
    named: IntArray
    """The label that the rationale concludes, K where it names none."""
    disclosed: BoolArray
    """Whether the rationale names the feature of `identity`."""
    template: IntArray
    asked: BoolArray
    """Whether the utterance was judged at all under the condition, [U, C]: not where it has no partner."""


def judge_all(options: TransparentOptions, rng: np.random.Generator) -> Judged:
    """Return the judgements that `simulate` makes a table of from the same `rng`; `options.seed` overrides it."""
    rng = rng if options.seed is None else np.random.default_rng(options.seed)
    streams = rng.spawn(11)
    drawn, decisions = draw(options, [*streams[:6], streams[10]]), decide(options)
    shape = len(drawn.speaker), len(options.conditions), options.repeats
    evident = np.empty(shape, dtype=np.int64)
    for i, showing in enumerate(options.showings):
        answers = under(options, decisions, showing).answer
        for repeat in range(options.repeats):
            evident[:, i, repeat] = answers[place_of(options, drawn, showing, repeat)]
    slipped = streams[6].random(shape) < options.noise
    answer = np.where(slipped, streams[6].integers(len(options.labels), size=shape), evident)
    return Judged(
        drawn=drawn,
        decisions=decisions,
        answer=answer,
        slipped=slipped,
        cited=_cited(options, drawn, cite(options, decisions), streams[7]),
        named=_named(options, answer, streams[8]),
        disclosed=_disclosed(options, drawn, shape, streams[9]),
        template=streams[9].integers(len(TEMPLATES), size=shape),
        asked=np.stack([drawn.partnered(showing.exchange) for showing in options.showings], axis=1),
    )


def place_of(options: TransparentOptions, drawn: Drawn, showing: Showing, repeat: int) -> Place:
    """Return where in `Decisions` each utterance's judgement stands."""
    donor = drawn.donors(showing.exchange)[:, repeat]
    told = exchanged(drawn.told, drawn.told[donor], showing.resampled, len(options.labels))
    return _shifted(options, drawn, showing).astype(np.int64), drawn.leading, showing.mask, told


def probabilities_at(options: TransparentOptions, judged: Judged, showing: Showing, repeat: int) -> FloatArray:
    """Return what evidence alone makes of each utterance, [U, K]."""
    decisions = under(options, judged.decisions, showing)
    probabilities: FloatArray = decisions.probabilities[place_of(options, judged.drawn, showing, repeat)]
    return probabilities


def answers_at(options: TransparentOptions, judged: Judged, showing: Showing, repeat: int) -> IntArray:
    """Return what evidence alone answers of each utterance, [U]."""
    decisions = under(options, judged.decisions, showing)
    answers: IntArray = decisions.answer[place_of(options, judged.drawn, showing, repeat)]
    return answers


def slip_probabilities(options: TransparentOptions) -> FloatArray:
    """Return the probabilities beside a random answer, [K, K]: as if a weight of 1 had spoken for it."""
    raised = np.exp(np.eye(len(options.labels)) / options.temperature - 1 / options.temperature)
    shares: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _shifted(options: TransparentOptions, drawn: Drawn, showing: Showing) -> BoolArray:
    """Say of which utterances identity shifts the decision, [U]: the speaker's own, or the one rendered."""
    told = options.identity
    if told is None or options.rule != "identity":
        return np.zeros(len(drawn.speaker), dtype=bool)
    if showing.rendered is not None and showing.rendered[0] == told.feature:
        return np.full(len(drawn.speaker), showing.rendered[1] == told.level)
    position = list(options.levels[told.feature]).index(told.level)
    has_level: BoolArray = drawn.level[told.feature] == position
    return has_level[drawn.speaker]


def _cited(options: TransparentOptions, drawn: Drawn, citations: Citations, rng: np.random.Generator) -> IntArray:
    shape = len(drawn.speaker), len(options.conditions), options.repeats
    uniform = rng.random(shape)
    cited = np.empty(shape, dtype=np.int64)
    for i, showing in enumerate(options.showings):
        by_chance = drawn_codes(decorative_law(options, citations, showing), uniform[:, i])
        for repeat in range(options.repeats):
            place = place_of(options, drawn, showing, repeat)
            choices = {
                "faithful": citations.faithful[place],
                "decorative": by_chance[:, repeat],
                "template": np.full(shape[0], EVERYTHING),
                "inverted": citations.inverted[place],
            }
            cited[:, i, repeat] = np.choose(drawn.kind, [choices[kind] for kind in KINDS])
    return cited


def _named(options: TransparentOptions, answer: IntArray, rng: np.random.Generator) -> IntArray:
    n_labels = len(options.labels)
    which = drawn_codes(np.array(options.concludes.shares), rng.random(answer.shape))
    another = (answer + 1 + rng.integers(n_labels - 1, size=answer.shape)) % n_labels
    return np.choose(which, [answer, another, np.full_like(answer, n_labels)])


def _disclosed(
    options: TransparentOptions, drawn: Drawn, shape: tuple[int, int, int], rng: np.random.Generator
) -> BoolArray:
    uniform = rng.random(shape)
    if options.identity is None:
        return np.zeros(shape, dtype=bool)
    shifted = np.stack([_shifted(options, drawn, showing) for showing in options.showings], axis=1)
    return shifted[:, :, None] & (uniform < options.identity.disclosed)
