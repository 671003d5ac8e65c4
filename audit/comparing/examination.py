"""Which of two or more runs on the same items is better, for whom, and did the gap between groups change?

Every two runs are matched item by item (utterance and condition) and compared by accuracy, unweighted average recall
and macro F1: the second less the first, over the items that both judged, resampled by unit. For groups also: how the
gap between groups changes, and of accuracy whether all groups change alike. Tests swap the two runs' answers of units
(McNemar's exact test where items are the units). Accuracy is tested in every group, the rest for everybody, under the
fullest shared condition; all of these make one family of their own under Holm's correction. Of three or more runs each
gets the places that it may have. Options: `baseline` names the run that the others come after, `tested: all` tests
under every condition. Without `baseline`, runs stand in the order of their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, Literal

from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place
from affidavit.errors import PlanError
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.levels import natural
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Record, Refusal
from affidavit.seeds import seed_of
from affidavit.statistics.bootstrap import UnitResampler
from affidavit.yaml_files import did_you_mean
from audit.comparing.claims import Ground, change_claims, gap_claims, rank_claims
from audit.comparing.exhibits import change_exhibit, matching_exhibit
from audit.comparing.items import panel_of
from audit.comparing.pairing import Pairing, pair
from audit.comparing.ranks import PairOutcome, Ranking
from audit.comparing.statistics import Metric, metrics

NAME: Final = "model-comparison"
VERSION: Final = "1"
RANKED: Final = 3
"""Runs from which on places are told; of two, the difference says as much."""
SHARED: Final = (
    "name utterances alike in both tables (utterance_id), and conditions too, or compare only runs on the same"
)
LABELLED: Final = "spell reference labels alike in both tables, or name the column that holds them with `columns`"
_NAMES: Final = ("accuracy", "unweighted_average_recall", "macro_f1")


class ComparisonOptions(Record):
    """The options of this examination in a plan."""

    baseline: str | None = None
    """The run that the others come after; of a table with several reasoners, all of them."""
    tested: Literal["fullest", "all"] = "fullest"
    """Under which shared conditions hypotheses are tested."""
    most_rows: int = Field(default=10_000_000, ge=1)
    """More rows than this, over all runs, are refused: matching items takes them all at once."""


@dataclass(slots=True, kw_only=True)
class _Found:
    """What was found between every two runs, gathered for ranks and exhibits."""

    claims: list[Claim] = field(default_factory=list)
    changes: list[Claim] = field(default_factory=list)
    outcomes: dict[tuple[str, tuple[str, ...], str], dict[tuple[str, str], list[PairOutcome]]] = field(
        default_factory=dict
    )
    """By condition, family and metric: the outcomes of each pair, in the order of groups."""
    groups: dict[tuple[str, ...], tuple[Mapping[str, str], ...]] = field(default_factory=dict)


def refuses(case: Case) -> Refusal | None:
    """Refuse what cannot be matched: fewer than two runs, too many rows, or nothing shared."""
    options = _options(case)
    if len(case.runs) < 2:
        return Refusal(
            examination=NAME,
            because="it needs at least two runs on the same utterances",
            remedy="audit two tables in one plan, or `affidavit compare OLD NEW`",
        )
    n_rows = sum(run.n_rows for run in case.runs.values())
    if n_rows > options.most_rows:
        return Refusal(
            examination=NAME,
            because=f"the runs have {n_rows:,} rows, and at most {options.most_rows:,} are matched",
            remedy="compare a sample of the utterances, or set the option most_rows of this examination in the plan",
        )
    pairings = _pairings(case)
    return None if any(pairing.conditions for pairing in pairings) else _unshared(pairings, run=None)


def _unshared(pairings: Sequence[Pairing], *, run: str | None) -> Refusal:
    """Return why nothing can be paired: no item is shared, or none with the same reference label."""
    if any(pairing.contradicted.any() for pairing in pairings):
        because, remedy = "every utterance that they share has another reference label in each table", LABELLED
    else:
        because, remedy = "no two runs judged the same utterance under one condition", SHARED
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)


def _options(case: Case) -> ComparisonOptions:
    return read_options(ComparisonOptions, case.options, of=f"examination {NAME}")


def _ordered(case: Case) -> tuple[str, ...]:
    """Return the runs, the baseline first: what is the second less the first must not depend on a file's order."""
    baseline = _options(case).baseline
    of_baseline = {run for run in case.runs if baseline is not None and f"{run}/".startswith(f"{baseline}/")}
    if baseline is not None and not of_baseline:
        raise PlanError(
            f"the baseline {baseline!r} is not a run{did_you_mean(baseline, list(case.runs))}",
            slug="plan-invalid",
            where=f"examination {NAME}",
            allowed=", ".join(case.runs),
            remedy="correct the option baseline",
        )
    return tuple(sorted(case.runs, key=lambda run: (run not in of_baseline, natural(run))))


def _pairings(case: Case) -> list[Pairing]:
    panel = panel_of({run: case.runs[run] for run in _ordered(case)}, case.by)
    return [pair(panel, first, second) for first, second in combinations(panel.runs, 2)]


def examine(case: Case) -> Testimony:
    """Compare every two runs under every condition that they share."""
    pairings = _pairings(case)
    found = _Found()
    for done, pairing in enumerate(pairings, start=1):
        for condition in pairing.conditions:
            _compare(case, pairing, condition, found)
        case.progress("comparing runs", done, len(pairings))
    ranks = _ranks(case, found) if len(case.runs) >= RANKED else []
    return Testimony(
        claims=(*found.claims, *ranks),
        exhibits=(change_exhibit(found.changes), matching_exhibit(pairings)),
        refusals=tuple(_unshared([pairing], run=pairing.name) for pairing in pairings if not pairing.conditions),
    )


def _compare(case: Case, pairing: Pairing, condition: str, found: _Found) -> None:
    tally = pairing.tally(condition)
    seed = seed_of(case.book.seed, NAME, pairing.name)
    resampler = UnitResampler(n_units=tally.n_units, n_resamples=case.statistics.n_resamples, seed=seed)
    tested = _options(case).tested == "all" or condition == pairing.conditions[0]
    evidence = Evidence(grouped=tally.by(()), options=case.statistics, resampler=resampler, seed=seed)
    for family in case.families:
        evidence = Evidence(
            grouped=tally.by(family),
            options=case.statistics,
            resampler=resampler,
            seed=seed_of(seed, condition, *family),
            shufflers=evidence.shufflers,
        )
        place = _place(case, pairing.name, condition, family, has_units=pairing.has_units)
        ground = Ground(
            place=place, evidence=evidence, caveats=pairing.caveats(condition), tested=tested, seed=case.book.seed
        )
        found.groups[family] = evidence.grouped.groups
        for metric in metrics(len(pairing.panel.labels)):
            _add(found, ground, metric, (pairing.first, pairing.second))


def _add(found: _Found, ground: Ground, metric: Metric, runs: tuple[str, str]) -> None:
    claims, outcomes = change_claims(ground, metric)
    found.changes += claims
    found.claims += claims
    found.outcomes.setdefault((ground.place.condition, ground.place.family, metric.name), {})[runs] = outcomes
    if ground.place.family:
        found.claims += gap_claims(ground, metric)


def _ranks(case: Case, found: _Found) -> list[Claim]:
    runs, claims = _ordered(case), []
    has_units = all(run.unit != "row" for run in case.runs.values())
    for (condition, family, metric), pairs in found.outcomes.items():
        if len(pairs) < len(runs) * (len(runs) - 1) // 2:
            continue  # some two runs do not share this condition
        groups = found.groups[family]
        rankings = {
            g: Ranking(runs=runs, pairs={two: outcomes[g] for two, outcomes in pairs.items()})
            for g in range(len(groups))
        }
        place = _place(case, "", condition, family, has_units=has_units)
        claims += rank_claims(place, metric, rankings, groups)
    return claims


def _place(case: Case, run: str, condition: str, family: tuple[str, ...], *, has_units: bool) -> Place:
    return Place(
        examination=NAME,
        method_version=VERSION,
        run=run,
        condition=condition,
        family=family,
        has_units=has_units,
        level=case.statistics.level,
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Runs compared on the same items",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=frozenset(
        ("accuracy_change_difference", *(f"{n}{end}" for n in _NAMES for end in ("_change", "_gap_change", "_rank")))
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    together=refuses,
)
