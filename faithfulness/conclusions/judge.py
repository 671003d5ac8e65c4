"""Which label of a closed set does a rationale conclude with? The protocol of judges, and the one that is built in.

A judge reads the rationale alone: no answer, no label, no sound, no picture. It says one label or abstains, and why.
The built-in judge reads English and Chinese with the open emotion lexicon; it is deterministic and reads no grammar, so
its agreement with people has to be measured (`reliability`) before a number that rests on it is more than informative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from affidavit.lexicons.dismissals import VERSION as DISMISSALS
from affidavit.lexicons.dismissals import without_dismissals
from affidavit.lexicons.open_emotions.labels import LabelReading, label_forms, read_labels
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, open_emotions
from affidavit.lexicons.open_emotions.tokens import text_array
from faithfulness.conclusions import cleaning, markers, scope
from faithfulness.conclusions.mentions import MentionFinder, Mentions
from faithfulness.conclusions.scripts import unreadable_script

if TYPE_CHECKING:
    import pyarrow as pa

ABSTAINED: Final = -1
NEUTRAL: Final = "neutral"


class Outcome(IntEnum):
    """What came of judging one rationale: a label, or why there is none."""

    CONCLUDED = 0
    EMPTY = 1
    """No rationale, or nothing but markup, an answer and quotations."""
    UNREADABLE = 2
    """In a language or script that the judge does not read."""
    SILENT = 3
    """Names no emotion."""
    TAKEN_BACK = 4
    """Every emotion it names is negated or conceded."""
    OUTSIDE = 5
    """Names emotions, none of which is of the closed set."""
    TIED = 6
    """Ends on several labels of the set."""
    RUBBISH = 7
    """The judge answered something else than a label of the set."""
    FAILED = 8
    """The judge did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusions:
    """What a judge makes of N rationales."""

    labels: tuple[str, ...]
    label: NDArray[np.int64]
    """[N] the place in `labels`, -1 where the judge abstains."""
    outcome: NDArray[np.int64]
    """[N] the `Outcome`."""
    proxy: NDArray[np.bool_]
    """[N] where the label was named by a word of its nearest cluster only."""

    def counts(self) -> dict[str, int]:
        """Return how many rationales came to what, by the outcome's name in lower case; all outcomes are there."""
        found = np.bincount(self.outcome, minlength=len(Outcome))
        return {outcome.name.lower(): int(found[outcome]) for outcome in Outcome}

    def at(self, place: NDArray[np.integer]) -> Conclusions:
        """Return the conclusions of these rationales, in this order."""
        return Conclusions(
            labels=self.labels, label=self.label[place], outcome=self.outcome[place], proxy=self.proxy[place]
        )

    def replaced(self, place: NDArray[np.integer], others: Conclusions) -> Conclusions:
        """Return these conclusions with others [P] in the places [P]."""
        label, outcome, proxy = self.label.copy(), self.outcome.copy(), self.proxy.copy()
        label[place], outcome[place], proxy[place] = others.label, others.outcome, others.proxy
        return Conclusions(labels=self.labels, label=label, outcome=outcome, proxy=proxy)


class Judge(Protocol):
    """Whoever reads rationales."""

    @property
    def name(self) -> str:
        """What reports call the judge, with all that changes its answers: versions, model, masking."""
        ...

    def conclude(self, rationales: pa.Array | pa.ChunkedArray, labels: Sequence[str]) -> Conclusions:
        """Return for each rationale [N] a label of the closed set or an abstention; never raises over a rationale."""
        ...


@dataclass(frozen=True, kw_only=True)
class LexiconJudge:
    """The built-in judge: the last emotion that a rationale asserts (`scope`), as the label it speaks for.

    Edge cases: an empty set of labels makes every conclusion `OUTSIDE`. A label that the lexicon does not know counts
    where its own text stands in the rationale.
    """

    lexicon: EmotionLexicon = field(default_factory=open_emotions)
    meanings: Mapping[str, str] = field(default_factory=dict)
    """From a label to the word that it means, where its text does not say."""
    masked: bool = False
    """Read as if the labels' own words and their forms were not there."""

    @property
    def name(self) -> str:
        """The judge with its versions."""
        version = f"{cleaning.VERSION}.{markers.VERSION}.{scope.VERSION}.{DISMISSALS}"
        masking = ", label words masked" if self.masked else ""
        return f"lexicon judge {version}, open emotions {self.lexicon.version}{masking}"

    def conclude(self, rationales: pa.Array | pa.ChunkedArray, labels: Sequence[str]) -> Conclusions:
        """Return what each rationale [N] concludes with.

        >>> import pyarrow as pa
        >>> texts = pa.array(["Not angry but sad.", "看起来很高兴，但其实很焦虑。", "The voice is low.", None])
        >>> found = LexiconJudge().conclude(texts, ["anger", "anxiety", "joy", "sadness"])
        >>> [found.labels[i] if i >= 0 else Outcome(o).name for i, o in zip(found.label, found.outcome)]
        ['sadness', 'anxiety', 'SILENT', 'EMPTY']
        """
        import pyarrow.compute as pc

        coded = pc.dictionary_encode(text_array(rationales))
        reading = read_labels(self.lexicon, labels, meanings=self.meanings)
        each = self._concluded(cleaning.reasoning_of(coded.dictionary), reading)
        return _repeated(each, pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False))

    def _concluded(self, texts: pa.Array, reading: LabelReading) -> Conclusions:
        """Judge texts without what they say of modalities that tell nothing, unless they say nothing else.

        "Anger. The voice and face stay neutral." concludes anger; "The voice and face stay neutral." is neutral.
        """
        import pyarrow.compute as pc

        whole = self._judged(texts, reading)
        rest = without_dismissals(texts)
        dismissing = np.flatnonzero(pc.not_equal(texts, rest).to_numpy(zero_copy_only=False))
        if not len(dismissing):
            return whole
        again = self._judged(rest.take(dismissing), reading)
        said = np.flatnonzero(~np.isin(again.outcome, (Outcome.SILENT, Outcome.EMPTY)))
        return whole.replaced(dismissing[said], again.at(said))

    def _judged(self, texts: pa.Array, reading: LabelReading) -> Conclusions:
        import pyarrow.compute as pc

        hidden = label_forms(self.lexicon, reading) if self.masked else frozenset()
        finder = MentionFinder(lexicon=self.lexicon, further=reading.unknown, hidden=hidden)
        mentions = finder.find(texts)
        ending = scope.endings(_events(mentions, reading), len(texts))
        spoken = pc.match_substring_regex(texts, r"[\p{L}\p{N}]").to_numpy(zero_copy_only=False)
        reasons = [
            (~spoken, Outcome.EMPTY),
            (unreadable_script(texts) | mentions.foreign, Outcome.UNREADABLE),
            (ending.label >= 0, Outcome.CONCLUDED),
            (ending.tied, Outcome.TIED),
            (ending.asserted, Outcome.OUTSIDE),
            (ending.named, Outcome.TAKEN_BACK),
        ]
        outcome = np.select([where for where, _ in reasons], [int(why) for _, why in reasons], int(Outcome.SILENT))
        concluded = outcome == Outcome.CONCLUDED
        return Conclusions(
            labels=reading.labels,
            label=np.where(concluded, ending.label, ABSTAINED),
            outcome=outcome.astype(np.int64),
            proxy=ending.proxy & concluded,
        )


def _events(mentions: Mentions, reading: LabelReading) -> scope.Events:
    """Say of each mention for which label it speaks, and how much that counts."""
    further = [reading.labels.index(label) for label in reading.unknown]
    direct = np.concatenate([reading.direct, np.array([*further, -1], dtype=np.int64)])  # the last is for markers
    proxy = np.concatenate([reading.proxy, np.full(len(further) + 1, -1)])
    neutral = np.isin(direct, list(reading.of_cluster(NEUTRAL)))
    label = np.where(direct >= 0, direct, proxy)
    rank = np.where(direct >= 0, np.where(neutral, 1, 0), 2)
    return scope.Events(
        row=mentions.row,
        position=mentions.position,
        marker=mentions.marker,
        label=label[mentions.word],
        rank=rank[mentions.word],
    )


def _repeated(each: Conclusions, place: NDArray[np.int64]) -> Conclusions:
    """Return the conclusions of all rows from those of the different texts; -1 is a row without a rationale."""
    missing = Conclusions(
        labels=each.labels,
        label=np.append(each.label, ABSTAINED),
        outcome=np.append(each.outcome, int(Outcome.EMPTY)),
        proxy=np.append(each.proxy, False),
    )
    return missing.at(place)
