"""Which emotion does each text end on, once negation, concession and contrast are read? On arrays of tokens.

1. An emotion is *taken back* where a negation stands before it in its clause, at most `REACH` words (in Chinese:
   characters) away, with nothing between that ends its reach, or where it follows, as in a list, at most `NEXT` words
   after an emotion that is taken back; where a concession stands before it in its clause; and where it is only what
   somebody looks like, and a contrast follows in its sentence (looks happy, but).
2. Sentences and contrasts (but, actually, then) cut a text into segments. The last segment that names a label counts;
   segments of sentences that sum up (therefore, overall, we infer) go before all others.
3. Within a segment, emotions go before `neutral`, and words of a label before words of a nearest cluster. If several
   labels are left, the first one after a word such as `mainly` counts; without one the text is a tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from faithfulness.conclusions.markers import Marker

VERSION: Final = "1"
REACH: Final = 7
NEXT: Final = 4
_Mask = NDArray[np.bool_]
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Tokens that matter, in the order of reading: arrays [M]. Every row must begin with a stop."""

    row: _Numbers
    position: _Numbers
    marker: _Numbers
    """The `Marker`, or -1 for an emotion."""
    label: _Numbers
    """The label that an emotion speaks for, -1 for none."""
    rank: _Numbers
    """0 a label's own word, 1 a word of `neutral`, 2 a word of the nearest cluster: the lowest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What N texts end on: arrays [N]."""

    label: _Numbers
    """-1 where no single label is left."""
    proxy: _Mask
    """The label was named by a word of its nearest cluster only."""
    tied: _Mask
    asserted: _Mask
    """Some emotion is said of the speaker, of whatever label."""
    named: _Mask
    """Some emotion word is there, be it taken back."""


def endings(events: Events, n_rows: int) -> Ending:
    """Return what each text ends on.

    Args:
        events: the emotions and markers of all texts.
        n_rows: how many texts there are.
    """
    emotion = events.marker < 0
    asserted = emotion & ~taken_back(events.position, events.marker)
    candidate = np.flatnonzero(asserted & (events.label >= 0))
    candidate = _of_best(events.row, _segment_weight(events), candidate, n_rows)
    candidate = _of_best(events.row, -events.rank, candidate, n_rows)
    label, several = _only_label(events, candidate, n_rows)
    leader = _leaders(events, candidate[several[events.row[candidate]]], n_rows)
    label = np.where(several, leader, label)
    return Ending(
        label=label,
        proxy=_any_row(events.row[candidate[events.rank[candidate] == 2]], n_rows) & (label >= 0),
        tied=several & (leader < 0),
        asserted=_any_row(events.row[asserted], n_rows),
        named=_any_row(events.row[emotion], n_rows),
    )


def taken_back(position: _Numbers, marker: _Numbers) -> _Mask:
    """Return which tokens [M] stand under a negation, a concession, or an appearance that is then denied.

    Args:
        position: how far on each token stands.
        marker: the `Marker` of each, -1 for an emotion; every row begins with a stop.
    """
    stop, pause = marker == Marker.STOP, marker == Marker.PAUSE
    turn, free = marker == Marker.TURNS, marker == Marker.FREES
    concession = (marker == Marker.CONCEDES) | _opening(position, marker)
    negation = _last(marker == Marker.NEGATES)
    out_of_reach = _out_of_reach(position, marker < 0, negation)
    negated_to = _last(stop | pause | turn | free | concession | out_of_reach)
    conceded = _last(concession) > _last(stop | pause | turn)
    seeming = _last(marker == Marker.SEEMS) > _last(stop | turn)
    return np.asarray((negation > negated_to) | conceded | (seeming & _before_a_turn(stop, turn)))


def _before_a_turn(stop: _Mask, turn: _Mask) -> _Mask:
    """Say of which tokens the next stop or turn is a turn."""
    following = _last((stop | turn)[::-1])[::-1]  # counted from the end
    return np.asarray((following >= 0) & turn[len(turn) - 1 - np.maximum(following, 0)]) if len(turn) else turn


def _opening(position: _Numbers, marker: _Numbers) -> _Mask:
    """Say where a sentence opens with `while`."""
    before = np.maximum(np.arange(len(marker)) - 1, 0)
    first_word = (marker[before] == Marker.STOP) & (position - position[before] <= 1)
    return np.asarray((marker == Marker.WHILE) & first_word)


def _out_of_reach(position: _Numbers, emotion: _Mask, negation: _Numbers) -> _Mask:
    """Say which emotions are too far both from the last negation and from the emotion before them."""
    before = np.append(-1, _last(emotion)[:-1])[: len(emotion)]
    far = position - position[np.maximum(negation, 0)] > REACH
    apart = (before < negation) | (position - position[np.maximum(before, 0)] > NEXT)
    return np.asarray(emotion & far & apart)


def _segment_weight(events: Events) -> _Numbers:
    """Return for each token how late its segment is; segments of sentences that sum up weigh more than all others."""
    stop = events.marker == Marker.STOP
    sentence = np.cumsum(stop)
    segment = np.cumsum(stop | (events.marker == Marker.TURNS))
    sums_up = np.zeros(len(sentence) + 1, dtype=bool)
    sums_up[sentence[(events.marker == Marker.CONCLUDES) | (events.marker == Marker.HEADS)]] = True
    return np.asarray(segment + sums_up[sentence] * (len(segment) + 1))


def _of_best(row: _Numbers, weight: _Numbers, candidate: _Numbers, n_rows: int) -> _Numbers:
    """Keep the candidates that weigh most in their row."""
    best = np.full(n_rows, np.iinfo(np.int64).min)
    np.maximum.at(best, row[candidate], weight[candidate])
    return np.asarray(candidate[weight[candidate] == best[row[candidate]]])


def _only_label(events: Events, candidate: _Numbers, n_rows: int) -> tuple[_Numbers, _Mask]:
    """Return the label that all candidates of a row share, -1 where there is none; and where there are several."""
    low, high = np.full(n_rows, np.iinfo(np.int64).max), np.full(n_rows, -1)
    np.minimum.at(low, events.row[candidate], events.label[candidate])
    np.maximum.at(high, events.row[candidate], events.label[candidate])
    return np.where(low == high, high, -1), (high >= 0) & (low != high)


def _leaders(events: Events, candidate: _Numbers, n_rows: int) -> _Numbers:
    """Return the label of the first candidate after a leading word of its own sentence; -1 where there is none."""
    leads = _last((events.marker == Marker.LEADS) | (events.marker == Marker.HEADS))
    led = candidate[leads[candidate] > _last(events.marker == Marker.STOP)[candidate]]
    first = np.full(n_rows, -1)
    first[events.row[led[::-1]]] = events.label[led[::-1]]
    return first


def _last(mask: _Mask) -> _Numbers:
    """Return for each token the place of the last one up to it that the mask holds; -1 before the first.

    Rows need no care: each begins with a stop, and nothing reaches over a stop.
    """
    return np.asarray(np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1)))


def _any_row(rows: _Numbers, n_rows: int) -> _Mask:
    return np.asarray(np.bincount(rows, minlength=n_rows) > 0)
