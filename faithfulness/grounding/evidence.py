"""Evidence of utterances [U] as tables of cues [U, C]: what was looked for, what was there, and what was said.

A list or a record? An aspect whose rows all say that something was there is a *list* of what was seen: in an utterance
with any row of it, what is not listed was not there. A list of action units alone says nothing of gaze, tears or
posture. An aspect with rows that say that something was not there is a *record* of what was looked for: what it does
not name is unknown. An utterance without any row of an aspect was not looked at, and everything about it is unknown.

A cue is there where it or one akin to it was seen (raised brows by AU1). An even voice is one whose pitch, rate and
level were measured and none of whose dimensions is beyond the tolerance; a relaxed face one of whose brows and mouth
were looked at and of which no action unit was seen but those of talking and blinking.

Nobody knows the turns before unless a corpus or a row tells of them: a transcript of the utterance alone does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from affidavit.measured_cues import ASPECTS
from faithfulness.grounding.atoms import atoms_of
from faithfulness.grounding.face_words import RELAXED, RELAXED_IN, UNIT_CUES
from faithfulness.grounding.history_words import NO_TURNS
from faithfulness.grounding.rows import NOTHING, EvidenceRow
from faithfulness.grounding.tone_words import DIRECTIONS, EVEN, EVEN_IN
from faithfulness.grounding.transcripts import Words, words_of
from faithfulness.grounding.vocabulary import MOST_OWN, BoolArray, Vocabulary, own_name, vocabulary

_CONTENT: Final = ASPECTS.index("content")
_SHORT: Final = 5
"""Words of a row of content up to which it may speak of the turns before and not be what was said."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What is known of utterances [U]."""

    vocabulary: Vocabulary
    place: Mapping[str, int]
    """Utterance to its place."""
    salient: BoolArray
    """[U, C]: what was seen and counts as salient."""
    present: BoolArray
    """[U, C]: what was there, by itself or by one akin."""
    known: BoolArray
    """[U, C]: whether somebody looked."""
    unshown: BoolArray
    """[U, C]: what no reasoner was shown: the turns before, where there are none."""
    said: Mapping[int, tuple[Words, ...]]
    """What was said by place: the utterance, then the turns before it; absent where no words are known."""
    lists: tuple[str, ...] = ()
    """Aspects whose rows list what was seen: what they do not name counts as not there."""
    n_not_held: int = 0
    """Cues in their own words beyond `MOST_OWN`."""

    @property
    def contradicted(self) -> BoolArray:
        """[U, C]: cues of which a contrary was there."""
        there = self.present.astype(np.float32) @ self.vocabulary.contrary.T.astype(np.float32)
        return np.asarray(there > 0)

    def looked_at(self, aspect: str) -> bool:
        """Whether anything is known of an aspect in any utterance."""
        told = bool(self.known[:, self.vocabulary.of(aspect)].any())
        return told or (aspect == "content" and bool(self.said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What is known of the words of utterances."""

    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The utterance, then the turns before it."""
    felt_before: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Cues of the turns before, `earlier anger`; empty where there was none; absent where they have no labels."""
    felt_incomplete: frozenset[str] = frozenset()
    """Utterances before which a turn has no label that is known: what is not told of their past may have been there."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Tables:
    vocabulary: Vocabulary
    place: Mapping[str, int]
    seen: BoolArray
    missed: BoolArray
    looked: BoolArray
    """[U, 4]"""
    even: dict[int, set[str]] = field(default_factory=dict)
    """Dimensions of the voice that are known, by place."""
    words: dict[int, list[str]] = field(default_factory=dict)
    first: set[int] = field(default_factory=set)
    """Utterances of which a row says that nothing came before."""
    read: dict[tuple[str, str], tuple[frozenset[int], frozenset[int]]] = field(default_factory=dict)
    """What each cell names and denies; the same cells recur in every utterance."""

    def add(self, row: EvidenceRow) -> None:
        """Enter one row."""
        at = self.place.get(row.utterance_id)
        if at is None:
            return
        self.looked[at, ASPECTS.index(row.aspect)] = True
        if row.cue.casefold() in NOTHING:
            return
        if row.aspect == "tone" and row.cue in DIRECTIONS:
            self._add_dimension(at, row)
        elif row.aspect == "content" and NO_TURNS.fullmatch(row.cue):
            self.first.add(at)
        elif row.aspect == "content" and not _of_history(row.cue, self.vocabulary):
            self.words.setdefault(at, []).append(row.cue)
        else:
            self._add_cue(at, row)

    def _add_dimension(self, at: int, row: EvidenceRow) -> None:
        self.even.setdefault(at, set()).add(row.cue)
        for cue, there in zip(DIRECTIONS[row.cue], (row.direction > 0, row.direction < 0), strict=True):
            if cue is not None:
                self._enter(at, self.vocabulary.place[cue], there=there)

    def _add_cue(self, at: int, row: EvidenceRow) -> None:
        if (row.aspect, row.cue) not in self.read:
            self.read[row.aspect, row.cue] = _read(row, self.vocabulary)
        places, denied = self.read[row.aspect, row.cue]
        for place in places:
            self._enter(at, place, there=(row.direction > 0) != (place in denied))

    def _enter(self, at: int, place: int, *, there: bool) -> None:
        (self.seen if there else self.missed)[at, place] = True


def evidence_of(utterances: Sequence[str], rows: Iterable[EvidenceRow], spoken: Spoken) -> Evidence:
    """Return what rows and words tell of these utterances."""
    wanted = set(utterances)
    held = [row for row in rows if row.utterance_id in wanted]
    own = _own_cues(held)
    cues = vocabulary(own)
    shape = (len(utterances), len(cues.entries))
    tables = _Tables(
        vocabulary=cues,
        place={name: i for i, name in enumerate(utterances)},
        seen=np.zeros(shape, dtype=bool),
        missed=np.zeros(shape, dtype=bool),
        looked=np.zeros((len(utterances), len(ASPECTS)), dtype=bool),
    )
    for row in held:
        tables.add(row)
    unshown = _history(tables, spoken)
    return replace(_settled(tables, unshown, _said(tables, spoken)), n_not_held=max(0, len(set(own)) - MOST_OWN))


def _settled(tables: _Tables, unshown: BoolArray, said: Mapping[int, tuple[Words, ...]]) -> Evidence:
    cues, seen = tables.vocabulary, tables.seen
    known = seen | tables.missed
    units = np.isin([entry.cue for entry in cues.entries], UNIT_CUES)
    lists = [aspect for i, aspect in enumerate(ASPECTS) if aspect != "content" and _is_list(tables, i)]
    for aspect in lists:
        own = cues.of(aspect)
        coded = aspect == "face" and seen[:, own].any() and not seen[:, own & ~units].any()
        known |= tables.looked[:, [ASPECTS.index(aspect)]] & (units if coded else own)
    present = (seen.astype(np.float32) @ cues.akin.astype(np.float32)) > 0
    widest = cues.covers.sum(axis=1)
    all_known = (known.astype(np.float32) @ cues.covers.T.astype(np.float32)) == widest
    known = known | present | (all_known & (widest > 0))
    _settle_rest(tables, present, known)
    return Evidence(
        vocabulary=cues,
        place=tables.place,
        salient=seen & cues.countable,
        present=present,
        known=known,
        unshown=unshown,
        said=said,
        lists=tuple(lists),
    )


def _is_list(tables: _Tables, aspect: int) -> bool:
    """Say whether the rows of an aspect name what was seen and nothing that was not."""
    return bool(tables.looked[:, aspect].any() and not tables.missed[:, tables.vocabulary.aspect == aspect].any())


def _settle_rest(tables: _Tables, present: BoolArray, known: BoolArray) -> None:
    """Say where a voice is even and a face relaxed, unless somebody said so."""
    cues = tables.vocabulary
    even, relaxed = cues.place[EVEN], cues.place[RELAXED]
    moves = cues.contrary[even]
    measured = np.zeros(len(present), dtype=bool)
    measured[[at for at, dimensions in tables.even.items() if dimensions >= EVEN_IN]] = True
    present[:, even] |= measured & ~present[:, moves].any(axis=1)
    listed = tables.looked[:, ASPECTS.index("tone")] & known[:, moves].all(axis=1)
    present[:, even] |= listed & ~present[:, moves].any(axis=1)
    known[:, even] |= measured | listed | present[:, moves].any(axis=1)
    moved = present[:, cues.contrary[relaxed]].any(axis=1)
    looked = known[:, [cues.place[unit] for unit in RELAXED_IN]].all(axis=1)
    present[:, relaxed] |= looked & ~moved
    known[:, relaxed] |= looked | moved


def _said(tables: _Tables, spoken: Spoken) -> dict[int, tuple[Words, ...]]:
    """Return words by place: those of rows where there are any, else those of the corpus."""
    said = {
        tables.place[name]: tuple(words_of(text) for text in texts)
        for name, texts in spoken.said.items()
        if name in tables.place
    }
    return said | {at: tuple(words_of(text) for text in texts) for at, texts in tables.words.items()}


def _history(tables: _Tables, spoken: Spoken) -> BoolArray:
    """Enter what was felt before, and return where no turn before was shown."""
    past = tables.vocabulary.of("content")
    unshown = np.zeros(tables.seen.shape, dtype=bool)
    for name, felt in spoken.felt_before.items():
        at = tables.place.get(name)
        if at is None:
            continue
        if not felt:
            unshown[at] = past
            continue
        there = [tables.vocabulary.place[cue] for cue in felt if cue in tables.vocabulary.place]
        if name not in spoken.felt_incomplete:
            tables.missed[at] |= past
        tables.seen[at, there] = True
        tables.missed[at, there] = False
    for at in tables.first:
        unshown[at] = past
    return unshown


def _of_history(cue: str, cues: Vocabulary) -> bool:
    if len(words_of(cue)) > _SHORT:
        return False
    told = atoms_of(cue, cues)
    return any(cues.aspect[place] == _CONTENT for place in told.stated | told.denied)


def _read(row: EvidenceRow, cues: Vocabulary) -> tuple[frozenset[int], frozenset[int]]:
    """Return the cues that a cell names, and those of them that it denies."""
    cue, of_aspect = row.cue.casefold(), ASPECTS.index(row.aspect)
    for own in (cues.place.get(cue), cues.place.get(own_name(row.aspect, cue))):
        if own is not None and cues.aspect[own] == of_aspect:
            return frozenset({own}), frozenset()
    told = atoms_of(row.cue, cues)
    named = frozenset(place for place in told.stated | told.denied if cues.aspect[place] == of_aspect)
    return named, told.denied


def _own_cues(rows: Sequence[EvidenceRow]) -> list[tuple[str, str]]:
    """Return the cues that no list knows, with their aspects."""
    plain = vocabulary()
    distinct = {(row.aspect, row.cue) for row in rows if row.aspect != "content"}
    distinct = {pair for pair in distinct if pair[1].casefold() not in NOTHING and pair[1] not in DIRECTIONS}
    return [
        (aspect, cue.casefold())
        for aspect, cue in distinct
        if not _read(EvidenceRow(utterance_id="", aspect=aspect, cue=cue, direction=1), plain)[0]
    ]
