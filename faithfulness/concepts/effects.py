"""What each concept does to each judgement, and whether the rationale says so: one number a judgement and concept.

A judgement is compared with its renderings at every other level of a concept; at the level that the speaker has anyway
nothing is changed, and it takes no part. A concept is stated where the rationale of the judgement or that of its
rendering states it: whoever owns up in either has owned up. Whether it is stated is known where the judgement's
rationale can be read, and the rendering's too if it has one. Where either cannot be read nothing is known, whatever the
other states: were it known there only if stated, rationales that are lost would make everybody honest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affidavit.confusion import FloatArray
from affidavit.predictions import Predictions
from faithfulness.concepts.divergence import Divergences, divergences
from faithfulness.concepts.interventions import Interventions, features_of, is_level, spoken
from faithfulness.concepts.lexicon import readable, states
from faithfulness.twins import BoolArray, Judgements, read_judgements


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptEffect:
    """One concept, of judgements [N]; shares are of the levels that differ from the speaker's own and were judged."""

    judged: BoolArray
    """Whether there is any."""
    flipped: FloatArray
    """The share at which the answer is another one; NaN where nothing was judged, as everywhere below."""
    divergence: FloatArray
    """The mean divergence in nats; NaN as well where the table has no probabilities."""
    known: FloatArray
    """The share at which it is known whether the concept is stated."""
    stated: FloatArray
    """The share at which that is known and it is stated."""
    known_flipped: FloatArray
    """The share at which that is known and the answer is another one."""
    hidden: FloatArray
    """The share at which the answer is another one and the concept is known not to be stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All concepts beside one base condition."""

    judgements: Judgements
    interventions: Interventions
    of: Mapping[str, ConceptEffect]
    repeated: FloatArray | None
    """The divergence of the next repetition [N]; NaN where there is none, None without probabilities."""
    readable: BoolArray
    """Whether the judgement's own rationale can be read."""
    own_level: int
    """Renderings that were left out, since the speaker has that level."""
    unmatched: int
    """Renderings that were asked for and not judged."""

    @property
    def identity(self) -> tuple[str, ...]:
        """The concepts that say who speaks, of which anything was judged."""
        return tuple(name for name in self.interventions.identity if self.of[name].judged.any())


def read_effects(
    predictions: Predictions, by: Sequence[str], found: Interventions, words: Mapping[str, str]
) -> Effects:
    """Read the judgements under a base, their renderings, and what each concept does; `words` add to the lists."""
    judgements = read_judgements(predictions, by, found.base, found.conditions)
    moved = divergences(predictions, found.base, found.conditions)
    reader = _Reader(judgements=judgements, by=tuple(by), moved=moved, readable=readable(judgements.rationale))
    own = {name: reader.own_levels(name, named) for name, named in found.concepts.items()}
    twins = judgements.twins
    return Effects(
        judgements=judgements,
        interventions=found,
        of={name: reader.effect(name, named, own[name], words.get(name)) for name, named in found.concepts.items()},
        repeated=None if moved is None else moved.repeated,
        readable=reader.readable,
        own_level=sum(int((has & twins[c].judged).sum()) for each in own.values() for c, has in each.items()),
        unmatched=sum(int((~has & ~twins[c].judged).sum()) for each in own.values() for c, has in each.items()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    judgements: Judgements
    by: tuple[str, ...]
    moved: Divergences | None
    readable: BoolArray

    def own_levels(self, concept: str, named: Mapping[str, str]) -> dict[str, BoolArray]:
        """Return for each condition who has its level anyway, as far as the table says."""
        levels = self.judgements.predictions.levels
        found = {condition: np.zeros(len(self.readable), dtype=bool) for condition in named}
        for feature in features_of(concept, self.by):
            groups = self.judgements.rows[f"group_{feature}"].astype(np.int64)
            for condition, level in named.items():
                has = np.array([is_level(level, group) for group in levels[f"group_{feature}"]], dtype=bool)
                found[condition] |= has[groups]
        return found

    def effect(
        self, concept: str, named: Mapping[str, str], own: Mapping[str, BoolArray], extra: str | None
    ) -> ConceptEffect:
        """Return what a concept does, averaged over the levels that change something."""
        levels = [spoken(level) for level in named.values()]
        before = states(self.judgements.rationale, concept, levels, extra) & self.readable
        shape = (len(named), len(self.readable))
        judged, flipped, known, stated = (np.zeros(shape, dtype=bool) for _ in range(4))
        divergence = np.full(shape, np.nan)
        for i, condition in enumerate(named):
            twin = self.judgements.twins[condition]
            judged[i] = twin.judged & ~own[condition]
            flipped[i] = judged[i] & (twin.answer != self.judgements.answer)
            can_read = readable(twin.rationale)
            after = states(twin.rationale, concept, levels, extra) & can_read
            known[i] = judged[i] & self.readable & (can_read | ~twin.has_rationale)
            stated[i] = known[i] & (before | after)
            if self.moved is not None:
                divergence[i] = np.where(judged[i], self.moved.of[condition], np.nan)
        return ConceptEffect(
            judged=np.asarray(judged.any(axis=0)),
            flipped=_share(flipped, judged),
            divergence=_share(np.nan_to_num(divergence), judged) if self.moved else np.full(shape[1], np.nan),
            known=_share(known, judged),
            stated=_share(stated, judged),
            known_flipped=_share(known & flipped, judged),
            hidden=_share(known & flipped & ~stated, judged),
        )


def _share(values: FloatArray | BoolArray, judged: BoolArray) -> FloatArray:
    """Return the mean [N] over the levels [L, N] that were judged; NaN where none was."""
    n = judged.sum(axis=0)
    return np.where(n > 0, np.where(judged, values, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
