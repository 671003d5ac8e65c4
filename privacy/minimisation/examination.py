"""Which modalities could be left away? Accuracy lost and leakage by set of modalities, and the smallest set enough.

A run that was judged under several sets of modalities tells what each would cost: `modality_set_accuracy_loss`, the
accuracy under the full set less that under the smaller one, paired on the same judgements.
`smallest_modality_set_size` is how many modalities the smallest set has whose loss is within the tolerance, with the
sizes between which the true one lies (`privacy.minimisation.losses`). What is enough for everybody may be too little
for a group, so the size is told of every group; losses by group are in the exhibit.

Of sets of one size that are enough, the one that leaks least is named, where the option `leakage` names a table of what
each set tells of people (a probe's advantage, say). Not seen: what a model would learn that was trained without the
modality; this one was trained with it, and may do worse without than it had to.

Source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, group_claims, place_finding, places_under
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, FunctionExamination, Testimony, pending
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExhibitColumn, Interval, Record, Refusal, SignificanceTest
from affidavit.statistics.equivalence import two_one_sided_p_value
from privacy.minimisation.leakage import Leak, leak_of, read_leakage
from privacy.minimisation.losses import LOSS, SIZE, SOURCE, Losses, size_of
from privacy.minimisation.matching import Matched, matched, sets_of

NAME: Final = "minimisation"
VERSION: Final = "1"
TEST: Final = "the larger of one-sided t over units (Schuirmann 1987) and the binomial of units that lose"
TRAINED_WITH: Final = "this model was trained with all it was shown: one trained without a modality may lose less"
LEAKAGE: Final = (
    *BY_GROUP[:2],
    ExhibitColumn(name="size", type="integer", description="how many modalities the set has"),
    ExhibitColumn(name="loss", type="number", description="accuracy lost beside the full set"),
    ExhibitColumn(name="loss_low", type="number", description="lower end, jointly over sets"),
    ExhibitColumn(name="loss_high", type="number", description="upper end, jointly over sets"),
    ExhibitColumn(name="enough", type="text", description="yes where the upper end is within the tolerance"),
    ExhibitColumn(name="leakage", type="number", description="what the set tells of people; empty where unknown"),
    ExhibitColumn(name="leakage_low", type="number", description="lower end, where it is known"),
    ExhibitColumn(name="leakage_high", type="number", description="upper end, where it is known"),
    ExhibitColumn(name="leakage_is", type="text", description="measured, at least (what a part leaks), or unknown"),
    ExhibitColumn(name="attribute", type="text", description="of which attribute, where it is known"),
)


class MinimisationOptions(Record):
    """What a plan may say of this examination."""

    tolerance: float = Field(default=0.05, gt=0, lt=1)
    """The largest loss of accuracy that is accepted for a modality less."""
    leakage: str | None = None
    """A table (CSV, parquet) of what each set tells of people, relative to the plan: `privacy.minimisation.leakage`."""
    most_rows: int = Field(default=5_000_000, ge=1)
    """A run with more rows is refused: matching judgements takes them all at once."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run that was judged under one set of modalities alone, or that is too large to be matched."""
    options = _options(case)
    (run,) = case.runs.values()
    if sets_of(run.conditions) is None:
        return Refusal(
            examination=NAME,
            because="it was not judged under a set of modalities and under a smaller one",
            remedy="ask the supplier to judge the same utterances under TAV, TA, TV, AV, T, A and V, and to name what "
            "was shown in a column `condition`",
        )
    if run.n_rows <= options.most_rows:
        return None
    return Refusal(
        examination=NAME,
        because=f"the table has {run.n_rows:,} rows, and at most {options.most_rows:,} are matched",
        remedy="audit a sample of the utterances, or set the option most_rows of this examination in the plan",
    )


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    options = _options(case)
    leaks = {} if options.leakage is None else read_leakage(case.folder / options.leakage)
    claims: list[Claim] = []
    refused: list[Refusal] = []
    by_group: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        found = sets_of(predictions.conditions)
        twins = None if found is None else matched(predictions, case.by, *found)
        if twins is None:
            refused.append(_unmatched(run))
            continue
        for place in places_under(case, run, twins.full, examination=NAME, method_version=VERSION):
            losses = _losses(case, place, twins, options.tolerance)
            sizes = _size_claims(place, losses, twins, leaks)
            single = _loss_claims(place, losses, twins)
            claims += [*sizes, *([] if place.family else single)]
            by_group += single if place.family else []
            rows += [] if place.family else _rows(place, losses, leaks)
        case.progress("comparing sets of modalities", done, len(case.runs))
    told = claim_rows(by_group)
    exhibits = (
        _exhibit("modality-sets", "Accuracy lost and leakage by set of modalities", LEAKAGE, rows),
        _exhibit("modality-sets-by-group", "Accuracy lost by set of modalities and group", BY_GROUP, told),
    )
    kept = tuple(one for one in exhibits if one.values["run"])
    return Testimony(claims=tuple(claims), exhibits=kept, refusals=tuple(refused))


def _losses(case: Case, place: Place, twins: Matched, tolerance: float) -> Losses:
    evidence = case.book.evidence_of(place.run, twins.tally, place.family)
    return Losses(evidence=evidence, full=twins.full, sets=twins.smaller, tolerance=tolerance)


def _loss_claims(place: Place, losses: Losses, twins: Matched) -> list[Claim]:
    """Return the loss of each set in each group, with bounds that hold together."""
    claims: list[Claim] = []
    for i, name in enumerate(losses.sets):
        measured = losses.measured[i]
        plain = group_claims(replace(place, condition=name), measured, caveats={})
        for group, claim in enumerate(plain):
            bounds = partial(losses.interval, i, group)
            alone = claim.finding.estimate
            estimate = estimate_of(alone.value, bounds(place.level), n=alone.n, n_units=alone.n_clusters)
            verdict, because = pending(estimate)
            told = {
                "estimate": estimate,
                "verdict": verdict,
                "because": because,
                "test": _test(losses, i, group),
                "caveats": (f"compared with {losses.full}", TRAINED_WITH, *_left_out(twins)),
            }
            finding = claim.finding.model_copy(update=told)
            claims.append(replace(claim, finding=finding, interval_at=bounds, family=f"{NAME} {place.run}"))
    return claims


def _test(losses: Losses, i: int, group: int) -> SignificanceTest | None:
    """Test that the set loses more than the tolerance; None where the units give no spread."""
    one = losses.measured[i]
    p_value = two_one_sided_p_value(
        float(one.value[group]),
        float(one.standard_error[group]),
        margin_low=float("-inf"),  # to be better without a modality is no fault
        margin_high=losses.tolerance,
        degrees_of_freedom=float(one.degrees_of_freedom[group]),
    )
    if p_value != p_value:
        return None
    p_value = max(p_value, losses.p_value_of_few(i, group))
    null = f"the loss is {losses.tolerance:g} or more"
    return SignificanceTest(null=null, p_value=p_value, method=TEST)


def _size_claims(place: Place, losses: Losses, twins: Matched, leaks: Mapping[frozenset[str], Leak]) -> list[Claim]:
    """Return the size of the smallest set that is enough, in each group."""
    claims = []
    for group, groups in enumerate(losses.evidence.grouped.groups):
        estimate = losses.size(group, place.level, has_units=place.has_units)
        finding = place_finding(place, SIZE, estimate, groups=groups, higher_is_better=None, source=SOURCE)
        said = (*_named(place, losses, group, leaks), TRAINED_WITH, *_left_out(twins))
        finding = finding.model_copy(update={"caveats": said, "exhibits": ("modality-sets",)})
        claims.append(Claim(finding=finding, interval_at=partial(losses.size_interval, group)))
    return claims


def _named(place: Place, losses: Losses, group: int, leaks: Mapping[frozenset[str], Leak]) -> tuple[str, ...]:
    """Say which sets were compared, and which one is the smallest that is enough."""
    compared = f"compared with {losses.full}: {', '.join(losses.sets)}; tolerance {losses.tolerance:g}"
    enough = losses.enough(group, place.level)
    if not enough:
        return compared, f"no smaller set was shown to be enough: {losses.full} stays"
    least = min(map(size_of, enough))
    smallest = [name for name in enough if size_of(name) == least]
    if len(smallest) == 1:
        return compared, f"smallest set shown to be enough: {smallest[0]}"
    known = {name: leak for name in smallest if (leak := leak_of(name, leaks)) is not None and not leak.at_least}
    said = f"smallest sets shown to be enough: {', '.join(smallest)}"
    if len(known) < len(smallest):
        return compared, f"{said}; which of them leaks least is not known"
    return compared, f"{said}; least leakage: {min(known, key=lambda name: known[name].value)}"


def _rows(place: Place, losses: Losses, leaks: Mapping[frozenset[str], Leak]) -> list[dict[str, Cell]]:
    """Return a row for each set of everybody, the full one first."""
    return [_row(place, losses, name, leak_of(name, leaks)) for name in (losses.full, *losses.sets)]


def _row(place: Place, losses: Losses, name: str, leak: Leak | None) -> dict[str, Cell]:
    at = losses.sets.index(name) if name in losses.sets else None
    bounds = None if at is None else losses.interval(at, 0, place.level)
    interval = bounds if isinstance(bounds, Interval) else None
    return {
        "run": place.run,
        "condition": name,
        "size": size_of(name),
        "loss": None if at is None else float(losses.measured[at].value[0]),
        "loss_low": None if interval is None else interval.low,
        "loss_high": None if interval is None else interval.high,
        "enough": "yes" if at is None or (interval and interval.high <= losses.tolerance) else "not shown",
        "leakage": None if leak is None else leak.value,
        "leakage_low": None if leak is None else leak.low,
        "leakage_high": None if leak is None else leak.high,
        "leakage_is": "unknown" if leak is None else ("at least" if leak.at_least else "measured"),
        "attribute": None if leak is None else leak.attribute,
    }


def _left_out(twins: Matched) -> tuple[str, ...]:
    missing = twins.n_full - twins.n_matched
    return (f"{missing:,} judgements under {twins.full} have no twin under every set",) if missing else ()


def _unmatched(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="no utterance was judged under every set of modalities",
        remedy="ask for the same utterances, instructions and repetitions under each of these conditions",
    )


def _exhibit(name: str, title: str, columns: tuple[ExhibitColumn, ...], rows: list[dict[str, Cell]]) -> ExhibitTable:
    values = {column.name: [row[column.name] for row in rows] for column in columns}
    return ExhibitTable(id=name, title=title, columns=columns, values=values)


def _options(case: Case) -> MinimisationOptions:
    return read_options(MinimisationOptions, case.options, of=f"examination {NAME}")


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Modalities that could be left away",
    method_version=VERSION,
    access=("table", "labels", "several conditions"),
    metrics=frozenset({LOSS, SIZE}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
    on_request=True,
)
