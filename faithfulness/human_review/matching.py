"""Reviews beside the judgements that they are of, one condition of one run at a time.

A review counts for a judgement only if its card showed that judgement's rationale: a table that was made anew since, or
another run's, has other rationales under the same names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from affidavit.reviews import Arm
from faithfulness.human_review.reading import Given, Material, Subject
from faithfulness.plausibility.explained import Explained


@dataclass(slots=True, kw_only=True)
class Scores:
    """What was said of one judgement, by reviewer."""

    row: int
    weight: float = 1.0
    own: dict[str, int] = field(default_factory=dict)
    shuffled: dict[str, int] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    assigned: int = 0
    done: int = 0
    automatic: list[float] = field(default_factory=list)

    def of(self, arm: Arm) -> dict[str, int]:
        """Return the scores of one arm."""
        return {Arm.OWN: self.own, Arm.SHUFFLED: self.shuffled, Arm.AGAIN: self.again}[arm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The reviewed judgements of one condition."""

    explained: Explained
    scores: tuple[Scores, ...]
    """In the order of the judgements."""
    left_out: Counter[str]

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Everybody who scored a rationale of this condition."""
        return tuple(sorted({name for item in self.scores for name in (*item.own, *item.shuffled)}))


def match(material: Material, explained: Explained, *, run: str) -> Matched:
    """Return the judgements of a condition that somebody was to review."""
    of_card: dict[str, list[Given]] = {}
    for given in material.given:
        of_card.setdefault(given.card, []).append(given)
    readers = Counter(card for _, card in material.assigned or ())
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(explained.utterance):
        rows.setdefault(name, []).append(row)
    named = any(subject.run == run for subject in material.subjects.values())
    found: dict[int, Scores] = {}
    left_out: Counter[str] = Counter()
    for subject in material.subjects.values():
        if (named and subject.run != run) or subject.condition not in (None, explained.condition):
            continue
        candidates = [row for row in rows.get(subject.utterance_id, ()) if _fits(subject, explained, row)]
        if len(candidates) != 1:
            left_out["unmatched" if not candidates else "ambiguous"] += 1
            continue
        if subject.rationale is not None and subject.rationale.strip() != explained.rationale[candidates[0]]:
            left_out["stale"] += 1
            continue
        scores = found.setdefault(candidates[0], Scores(row=candidates[0], weight=subject.weight))
        _add(scores, subject, of_card.get(subject.card, ()), readers[subject.card])
    return Matched(explained=explained, scores=tuple(found[row] for row in sorted(found)), left_out=left_out)


def _fits(subject: Subject, explained: Explained, row: int) -> bool:
    pairs: Mapping[str, tuple[object, object]] = {
        "reasoner": (subject.reasoner, explained.reasoner[row]),
        "instruction": (subject.instruction, explained.instruction[row]),
        "repeat": (subject.repeat, explained.repeat[row]),
    }
    return all(wanted is None or wanted == there for wanted, there in pairs.values())


def _add(scores: Scores, subject: Subject, given: Sequence[Given], n_readers: int) -> None:
    scores.of(subject.arm).update({review.reviewer: review.score for review in given})
    scores.assigned += n_readers
    scores.done += len(given)
    if subject.arm is Arm.OWN:
        scores.automatic += [review.automatic for review in given if review.automatic is not None]
