"""What each row adds to every number of open sets, and those numbers: under several mappings, with their controls.

Words are told apart as clusters (level 1 of a wheel), as groups within them (level 2, near synonyms), and as words;
and as a wheel does that knows no neutral. Each mapping keeps its own rows (those whose gold words it knows), so numbers
under two mappings compare over the rows that both keep and over no others.

| control | what stands in the place of the predicted words | how |
|---|---|---|
| template | every cluster of the list, for every row | exactly, from the sizes of gold sets |
| shuffled | the words predicted for a row of the group drawn at random | in expectation, from cluster counts |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, Level, open_emotions
from faithfulness.open_vocabulary.extraction import WordRows
from faithfulness.open_vocabulary.mappings import SetMapping, by_lexicon, with_neutral
from faithfulness.open_vocabulary.sets import (
    COLUMNS,
    SOURCE,
    f_of_means,
    kept_by_all,
    membership,
    set_statistics,
    set_sums,
)

F1: Final = "set_f1"
STRICT: Final = "set_f1_strict"
WORDS: Final = "words_per_prediction"
OUT_OF_VOCABULARY: Final = "out_of_vocabulary_rate"
SYNONYMS: Final = "set_average_of_synonyms"
TEMPLATE: Final = f"{F1}_template"
SHUFFLED: Final = f"{F1}_shuffled"
CONTROLS: Final = (TEMPLATE, SHUFFLED)
TOLD: Final = (F1, STRICT, "set_precision", "set_recall", SYNONYMS, OUT_OF_VOCABULARY, WORDS, *CONTROLS)
OF_LISTS: Final = frozenset({STRICT, OUT_OF_VOCABULARY, "set_precision", SYNONYMS})
"""Numbers that only lists of words have: of a text, words outside the list cannot be seen."""
CONTROL_SOURCE: Final = "controls and traps of docs/faithfulness.md"
_OF_OTHERS: Final = frozenset(
    {F1, STRICT, "set_precision", "set_recall", "set_average", "unmapped_gold_rate", "ambiguous_word_rate"}
)
_LEVEL1: Final = "level1"
_LEVEL2: Final = "level2"
_COMMON: Final = "on_common_rows"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How sums [..., S] lie: `COLUMNS` by block, then by cluster what gold and predicted sets hold."""

    lexicon: EmotionLexicon

    @cached_property
    def mappings(self) -> dict[str, SetMapping]:
        """By the name of each: clusters, groups, words, and clusters as wheels know them, without neutral."""
        levels = {_LEVEL1: Level.CLUSTER, _LEVEL2: Level.GROUP, "word": Level.WORD}
        told = {name: with_neutral(by_lexicon(self.lexicon, level), open_emotions()) for name, level in levels.items()}
        return told | {"wheel": _without_neutral(told[_LEVEL1])}

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks: every mapping on the rows that it keeps, two of them on rows that all keep."""
        return (*self.mappings, f"{_LEVEL1}_{_COMMON}", f"wheel_{_COMMON}")

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        """The clusters of level 1."""
        return tuple(sorted(set(self.mappings[_LEVEL1].clusters.values())))

    @property
    def n_sums(self) -> int:
        """S."""
        return len(COLUMNS) * len(self.blocks) + 4 * len(self.clusters)

    def sums(self, gold: WordRows, predicted: WordRows) -> FloatArray:
        """Return what each row adds, [N, S]."""
        each = {name: set_sums(gold, predicted, mapping) for name, mapping in self.mappings.items()}
        common = kept_by_all(list(each.values()))[:, None]
        shared = [each[_LEVEL1] * common, each["wheel"] * common]
        kept = each[_LEVEL1][:, [COLUMNS.index("kept")]]
        named = [self.named(side) * kept for side in (gold, predicted)]
        shares = [part / np.maximum(part.sum(axis=1, keepdims=True), 1.0) for part in named]
        return np.concatenate([*each.values(), *shared, *named, *shares], axis=1)

    def named(self, words: WordRows) -> NDArray[np.bool_]:
        """Return which clusters each row names, [N, K]."""
        return membership(words, self.mappings[_LEVEL1], self.clusters)

    def told(self, *, of_lists: bool) -> tuple[Statistic, ...]:
        """Return what findings tell."""
        own = {statistic.name: statistic for statistic in self._of_block(_LEVEL1)}
        synonyms = next(s for s in self._of_block(_LEVEL2) if s.name == "set_average")
        more = (replace(synonyms, name=SYNONYMS), self._words(), self._template(), self._shuffled())
        own |= {statistic.name: statistic for statistic in more}
        return tuple(own[name] for name in TOLD if of_lists or name not in OF_LISTS)

    def listed(self) -> tuple[Statistic, ...]:
        """Return what the exhibit lists: every number of clusters, and the scores under every other mapping."""
        return tuple(
            replace(statistic, name=f"{statistic.name}_{block}")
            for block in self.blocks
            for statistic in self._of_block(block)
            if block == _LEVEL1 or statistic.name in _OF_OTHERS
        )

    def _of_block(self, block: str) -> Sequence[Statistic]:
        start = len(COLUMNS) * self.blocks.index(block)
        return [_shifted(statistic, start, self.n_sums) for statistic in set_statistics()]

    def _words(self) -> Statistic:
        above, below = (np.eye(self.n_sums)[COLUMNS.index(name)] for name in ("predicted_words", "kept"))
        plain = ratio_statistic(WORDS, above, below, source=SOURCE, high=None, higher_is_better=None)
        return replace(plain, counts_rows=False)

    def _template(self) -> Statistic:
        kept, size, n_clusters = COLUMNS.index("kept"), COLUMNS.index("gold_size"), len(self.clusters)

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            precision = divide(sums[..., size] / n_clusters, sums[..., kept])
            return f_of_means(precision, np.ones_like(precision))

        return Statistic(name=TEMPLATE, value=value, higher_is_better=None, source=CONTROL_SOURCE)

    def _shuffled(self) -> Statistic:
        kept, n_clusters = COLUMNS.index("kept"), len(self.clusters)
        first = self.n_sums - 4 * n_clusters

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            parts = sums[..., first:].reshape(*sums.shape[:-1], 4, n_clusters)
            gold, predicted, of_gold, of_predicted = (parts[..., i, :] for i in range(4))
            pairs = sums[..., kept] ** 2
            precision = divide((gold * of_predicted).sum(-1), pairs)
            return f_of_means(precision, divide((predicted * of_gold).sum(-1), pairs))

        return Statistic(name=SHUFFLED, value=value, higher_is_better=None, source=CONTROL_SOURCE)


def _shifted(statistic: Statistic, start: int, n_sums: int) -> Statistic:
    """Return a statistic of `COLUMNS` as one of all sums, of the block that begins at `start`."""
    inner, stop = statistic.value, start + len(COLUMNS)

    def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
        return inner(sums[..., start:stop], reference[..., start:stop])

    wide = None
    if statistic.ratio is not None:
        above, below = (np.pad(part, (start, n_sums - stop)) for part in statistic.ratio)
        wide = (above, below)
    return replace(statistic, value=value, ratio=wide)


def _without_neutral(mapping: SetMapping) -> SetMapping:
    clusters = {form: cluster for form, cluster in mapping.clusters.items() if cluster != mapping.neutral}
    return replace(mapping, name=f"{mapping.name}, without neutral", clusters=clusters, neutral=None)
