"""How much does performance rest on each modality, under every way of removing one that the table has?

The same utterances were judged with all modalities and with some of them removed: left out (`TA`), exchanged for
another utterance's (`TAV/resampled=V`), zeroed, averaged. Of every operator: exact Shapley values in accuracy with gaps
between groups, what removing one modality costs, and how modalities interact. Each group's own values are findings
under the first operator, and stand in an exhibit under all; so do average recall, the probability of the answer and the
value of every set of modalities. Where the table has them, the perceptual score beside its controls (permuted within
labels and speakers), and the model beside its best projection without interactions (EMAP).

A number hangs on the operator, so operators are held against each other; what is removed in one way only, the findings
say. Beside all of them stands how often the answer changes on mere repetition. Rationales are not read: what a
rationale claims is the matter of the examination `citation`.

Source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.case import Case
from affidavit.conditions import MODALITIES
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from faithfulness.reliance.agreement import DIFFERENCE, RANKS, agreements
from faithfulness.reliance.games import ABLATION, INTERACTION, SHAPLEY, conditions_of, numbers_of
from faithfulness.reliance.judged import Judged, read_judged
from faithfulness.reliance.operators import (
    ABSENT,
    Operator,
    fullest,
    permutations,
    projection,
    removals,
    unread,
)
from faithfulness.reliance.panel import FLIPS, Measure, panel_of
from faithfulness.reliance.permutations import OF_MODEL, OF_TASK, WITHIN, scores
from faithfulness.reliance.projection import GAIN, WITH, WITHOUT, projected
from faithfulness.reliance.telling import NAME, VERSION, Answer, Number, Row, noise_claims, tell
from faithfulness.twins import MatchingOptions, without_twins

NO_REPEATS: Final = "the table has no repetitions: how often the answer changes by chance alone is not known"
REMEDY: Final = (
    "ask the supplier to judge the same utterances without each modality as well (TAV, and TA, TV, AV, T, A, V), and "
    "with another utterance's in its place (TAV/resampled=V), or let a reasoner of the plan judge under these"
)
VALUES: Final[tuple[Measure, ...]] = ("accuracy", "unweighted_average_recall", "answer_probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the conditions of a run allow to ask."""

    base: str
    operators: tuple[Operator, ...]
    permuted: Mapping[str, Mapping[str, str]]
    additive: str | None
    unread: tuple[str, ...]

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition that is read."""
        removing = (condition for operator in self.operators for condition in operator.conditions.values())
        dealt = (condition for by_letter in self.permuted.values() for condition in by_letter.values())
        return tuple(dict.fromkeys((*removing, *dealt, *([self.additive] if self.additive else []))))

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says."""
        named = ", ".join(self.unread)
        return (f"conditions that name no modalities of {self.base}: {named}",) if self.unread else ()

    def hanging(self, letters: Iterable[str]) -> tuple[str, ...]:
        """Return what to say of the modalities among these that the table removes in one way only."""
        ways = {letter: sum(letter in each.singles or each.whole for each in self.operators) for letter in letters}
        alone = ", ".join(MODALITIES[letter] for letter, n in ways.items() if n < 2)
        return (f"the table removes {alone} in one way only: what is said of it hangs on it",) if alone else ()


def found_in(conditions: Sequence[str]) -> Found | None:
    """Return what conditions allow to ask; None where no condition says which modalities were shown."""
    base = fullest(conditions)
    if base is None:
        return None
    return Found(
        base=base,
        operators=tuple(operator for operator in removals(conditions, base) if operator.singles or operator.whole),
        permuted=permutations(conditions, base),
        additive=projection(conditions, base),
        unread=unread(conditions, base),
    )


def refuses(case: Case) -> Refusal | None:
    """Refuse a run from which no modality was removed, or that is too large to be matched."""
    options = read_options(MatchingOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    found = found_in(run.conditions)
    if found is None:
        return Refusal(examination=NAME, because="no condition says which modalities were shown", remedy=REMEDY)
    if not found.conditions:
        return Refusal(
            examination=NAME,
            because=f"no condition removes a modality from {found.base}, alone or as a whole game",
            remedy=REMEDY,
        )
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run, under every operator that it has."""
    answers: list[Answer] = []
    refused: list[Refusal] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        found = found_in(predictions.conditions)
        if found is not None:
            told, not_told = _answers(case, predictions, found)
            answers += told
            refused += not_told or ([] if told else [without_twins(NAME, run, found.base, found.conditions)])
        case.progress("removing modalities", done, len(case.runs))
    rows = [row for answer in answers for row in answer.rows]
    values = [row for row in rows if row["metric"] in VALUES]
    shares = [row for row in rows if row["metric"] not in VALUES]
    exhibits = (
        _table("reliance-by-modality", "What rests on each modality, by group and operator", shares),
        _table("reliance-coalitions", "How well with every set of modalities, by group", _distinct(values)),
    )
    return Testimony(
        claims=tuple(claim for answer in answers for claim in answer.claims),
        exhibits=tuple(exhibit for exhibit in exhibits if exhibit is not None),
        refusals=tuple(refused),
    )


def _answers(case: Case, predictions: Predictions, found: Found) -> tuple[list[Answer], list[Refusal]]:
    judged = read_judged(predictions, case.by, found.base, found.conditions)
    noise = _noise(case, judged, found.caveats)
    caveats = (*found.caveats, *([] if noise else [NO_REPEATS]), *_without_base(judged))
    answers: list[Answer] = []
    refused: list[Refusal] = []
    answered: list[Operator] = []
    by_group: set[str] = set()
    for operator in found.operators:
        panel = panel_of(case, judged, conditions_of(operator), name=operator.condition)
        if panel is None:
            refused.append(without_twins(NAME, predictions.run, found.base, conditions_of(operator)[1:]))
            continue
        hanging = found.hanging(operator.players if operator.whole else operator.singles)
        said = (*_removed(operator), *hanging, *panel.caveats, *caveats)
        numbers = _not_again(numbers_of(panel, operator), by_group)
        by_group |= {number.statistic.name for number in numbers if number.told == "by group"}
        answers.append(tell(panel, numbers, caveats=said, noise=noise))
        answered.append(operator)
    if len(answered) > 1:
        compared, apart = agreements(case, judged, answered, caveats=caveats, noise=noise)
        answers, refused = [*answers, *compared], [*refused, *apart]
    dealt, missing = scores(case, judged, found.permuted, hanging=found.hanging, caveats=caveats, noise=noise)
    answers, refused = [*answers, *dealt], [*refused, *missing]
    if found.additive is not None:
        told, missing = projected(case, judged, found.additive, caveats=caveats, noise=noise)
        answers, refused = [*answers, *told], [*refused, *missing]
    return ([Answer(claims=tuple(noise)), *answers] if answers else []), refused


def _noise(case: Case, judged: Judged, caveats: tuple[str, ...]) -> list[Claim]:
    """Return the findings of repetition alone, over all that was judged under the base."""
    panel = panel_of(case, judged, [judged.conditions[0]], name=judged.conditions[0])
    return [] if panel is None else noise_claims(panel, caveats=caveats)


def _not_again(numbers: Sequence[Number], by_group: Collection[str]) -> list[Number]:
    """Return numbers, those told by group already as of everybody: each operator's would bury the rest."""
    return [
        replace(number, told="everybody") if number.told == "by group" and number.statistic.name in by_group else number
        for number in numbers
    ]


def _removed(operator: Operator) -> tuple[str, ...]:
    """Return what an operator removed, and what it never did."""
    never = [
        name for letter, name in MODALITIES.items() if letter in operator.players and letter not in operator.singles
    ]
    shown = ", ".join(f"{MODALITIES[letter]} by {name}" for letter, name in operator.singles.items())
    without = "the commonest label" if operator.name == ABSENT else operator.game[0] if operator.whole else ""
    return (
        f"removed: {shown}" if shown else f"removed together: {', '.join(operator.conditions.values())}",
        *([f"never removed: {', '.join(never)}"] if never else []),
        *([f"in place of no modality: {without}"] if operator.whole else []),
    )


def _without_base(judged: Judged) -> tuple[str, ...]:
    missing = judged.without_base
    return (f"{missing:,} utterances were not judged under {judged.conditions[0]}",) if missing else ()


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Return rows without those that two operators share: the base, told once for each set of utterances."""
    return list({tuple(row.values()): row for row in rows}.values())


def _table(name: str, title: str, rows: Sequence[Row]) -> ExhibitTable | None:
    if not rows:
        return None
    values = {column.name: [row[column.name] for row in rows] for column in BY_GROUP}
    return ExhibitTable(id=name, title=title, columns=BY_GROUP, values=values)


def _metrics() -> frozenset[str]:
    names = list(MODALITIES.values())
    pairs = [f"{first}_{second}" for i, first in enumerate(names) for second in names[i + 1 :]]
    main = {
        f"{stem}_{name}{ending}" for stem in (SHAPLEY, ABLATION) for name in names for ending in ("", "_difference")
    }
    together = {f"{INTERACTION}_{some}" for some in (*pairs, "_".join(names))}
    dealt = {f"{OF_MODEL}{within}_{name}" for within in WITHIN.values() for name in names}
    of_task = {f"{OF_TASK}_{name}" for name in names}
    between = {f"{DIFFERENCE}_{name}" for name in names}
    return frozenset(main | together | dealt | of_task | between | {RANKS, GAIN, WITH, WITHOUT, FLIPS})


EXAMINATION = FunctionExamination(
    name=NAME,
    title="What rests on each modality",
    method_version=VERSION,
    access=("table", "labels", "several conditions"),
    metrics=_metrics(),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
