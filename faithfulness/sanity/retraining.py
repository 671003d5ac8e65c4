"""Transcripts with words erased by a ranking, a model trained again on such, and whether it still answers rightly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from affidavit.conditions import MODALITIES
from affidavit.corpus import Corpus
from affidavit.digests import digest_of
from affidavit.errors import RegistryError
from affidavit.protocols import Ablatable
from affidavit.seeds import seed_of
from affidavit.statistics.types import FloatArray
from affidavit.utterances import Utterance
from faithfulness.attribution.drawing import Drawn
from faithfulness.attribution.explaining import explained
from faithfulness.attribution.opening import Bench, dialogue_rows
from faithfulness.attribution.targets import predicted_emotion
from faithfulness.sanity.options import Ranking, RetrainingOptions
from faithfulness.sanity.words import erased, n_erased, word_values, words_of

Again = Callable[[Corpus], object]
"""Trains the same model anew on another version of its corpus, and returns it."""
_TEXT = MODALITIES["T"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Eraser:
    """Erases words of a corpus; what is drawn for an utterance depends on its id and the seed alone."""

    bench: Bench
    """The reasoner as it was judged, on this corpus: its attributions rank the words."""
    options: RetrainingOptions
    seed: int
    ranked: dict[str, FloatArray] = field(default_factory=dict)
    """Attributed values of the words, by utterance; kept for every fraction."""

    def without(self, utterance: Utterance, ranking: Ranking, fraction: float) -> Utterance:
        """Return an utterance without a share of its words; one that has none comes back as it is."""
        text = utterance.text or ""
        n_words = len(words_of(text))
        if not n_words:
            return utterance
        order = self._order(utterance, ranking, n_words)
        places = set(order[: n_erased(n_words, fraction)].tolist())
        return replace(utterance, text=erased(text, places))

    def at_random(self, utterance: Utterance) -> Utterance:
        """Return an utterance without a share of its words that is drawn too, and may be none."""
        drawn = np.random.default_rng(seed_of(self.seed, "share", utterance.utterance_id))
        fraction = (0.0, *self.options.fractions)[int(drawn.integers(1 + len(self.options.fractions)))]
        return self.without(utterance, "random", fraction) if fraction else utterance

    def _order(self, utterance: Utterance, ranking: Ranking, n_words: int) -> NDArray[np.int64]:
        if ranking == "first":
            return np.arange(n_words)
        dealt = np.random.default_rng(seed_of(self.seed, "order", utterance.utterance_id)).permutation(n_words)
        if ranking == "random":
            return dealt
        values = self._values(utterance, n_words)
        return np.asarray(dealt[np.argsort(-values[dealt], kind="stable")])  # among equals, at random

    def _values(self, utterance: Utterance, n_words: int) -> FloatArray:
        name = utterance.utterance_id
        if name not in self.ranked:
            turn = self.bench.turn(name, "")
            text = [] if turn is None else [item for item in turn.features if item.modality == _TEXT]
            self.ranked[name] = np.zeros(n_words)
            if turn is not None and text:
                rng = np.random.default_rng(seed_of(self.seed, "attributing", name))
                (item,) = explained(turn, predicted_emotion(turn), text, options=self.options, rng=rng)
                self.ranked[name] = word_values(utterance.text or "", item.spans, item.values)
        return self.ranked[name]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """Trains again and judges again."""

    again: Again
    training: Eraser
    """Of the corpus that trained the model."""
    corpus: Corpus
    judged: Eraser
    """Of the corpus that is judged."""
    drawn: Drawn
    progress: Callable[[int], None]

    def numbers(self) -> list[dict[str, float]]:
        """Return for each drawn judgement whether it is right without anything erased, and under each erasure."""
        options = self.judged.options
        found: list[dict[str, float]] = [{} for _ in self.drawn.utterance_ids]
        kept = self._trained(self.training.at_random if options.how == "f-fidelity" else _as_it_is, 1)
        self._judge(kept, _as_it_is, "whole", found)
        for place, (ranking, fraction) in enumerate(cells(options)):
            model = (
                kept
                if options.how == "f-fidelity"
                else self._trained(_erasing(self.training, ranking, fraction), 2 + place)
            )
            self._judge(model, _erasing(self.judged, ranking, fraction), f"{ranking}@{fraction:g}", found)
        return [_means(one, options) for one in found]

    def _trained(self, change: Callable[[Utterance], Utterance], number: int) -> Ablatable:
        model = self.again(changed(self.corpus, change, number))
        self.progress(number)
        if not isinstance(model, Ablatable):
            raise RegistryError(
                "a model that was trained again cannot be asked",
                slug="plugin-broken",
                where="roar",
                found=type(model).__name__,
                allowed="an affidavit.protocols.Ablatable",
                remedy="let the trainer return a reasoner that judges under a condition",
            )
        return model

    def _judge(
        self, model: Ablatable, change: Callable[[Utterance], Utterance], name: str, found: Sequence[dict[str, float]]
    ) -> None:
        rows = self.judged.bench.rows
        wanted = set(self.drawn.utterance_ids)
        whole = dict.fromkeys(turn for one in self.drawn.utterance_ids for turn in (rows[one][0].utterance_id,))
        utterances = [change(turn) if turn.utterance_id in wanted else turn for first in whole for turn in rows[first]]
        answers = model.judge_under(utterances, condition=self.drawn.condition)
        told = {turn.utterance_id: answer.label for turn, answer in zip(utterances, answers, strict=True)}
        for one, utterance_id, truth in zip(found, self.drawn.utterance_ids, self.drawn.truths, strict=True):
            place = {turn.utterance_id: turn for turn in rows[utterance_id]}
            if words_of(place[utterance_id].text or ""):
                one[name] = float(told[utterance_id] == truth)


def cells(options: RetrainingOptions) -> list[tuple[Ranking, float]]:
    """Return every ranking at every fraction."""
    return [(ranking, fraction) for ranking in options.rankings for fraction in options.fractions]


def changed(corpus: Corpus, change: Callable[[Utterance], Utterance], number: int) -> Corpus:
    """Return a corpus whose labelled utterances were changed, under a digest of its own."""
    utterances = tuple(change(turn) if turn.label is not None else turn for turn in corpus.utterances)
    digest = digest_of([corpus.digest, "words erased", number, [turn.text for turn in utterances]])
    return replace(corpus, utterances=utterances, digest=digest)


def eraser_of(bench: Bench, corpus: Corpus, options: RetrainingOptions, *, seed: int) -> Eraser:
    """Return what erases words of a corpus, ranked by the reasoner on the bench."""
    return Eraser(bench=replace(bench, rows=dialogue_rows(corpus)), options=options, seed=seed)


def _erasing(eraser: Eraser, ranking: Ranking, fraction: float) -> Callable[[Utterance], Utterance]:
    return lambda utterance: eraser.without(utterance, ranking, fraction)


def _as_it_is(utterance: Utterance) -> Utterance:
    return utterance


def _means(one: Mapping[str, float], options: RetrainingOptions) -> dict[str, float]:
    """Return the numbers of a judgement with means over fractions, and what the ranking costs beyond random."""
    if "whole" not in one:
        return {}
    means = {
        f"without_{ranking}": float(np.mean([one[f"{ranking}@{fraction:g}"] for fraction in options.fractions]))
        for ranking in options.rankings
    }
    beyond = {"beyond_random": means["without_random"] - means["without_attributed"]}
    return {**one, **means, **beyond}
