"""Who is this, and what are they like? Leakage of identity and attributes, source by source.

Sources are the rationale, modality states of a live reasoner, and vectors that somebody brings. Of each attribute
(accent, age, sex: the plan's features) a linear probe tells the group of units that it never met;
`<source>_leakage_advantage` is its balanced accuracy less that of always guessing the commonest group (one over the
number of groups), in [-1/C, 1 - 1/C]. Beside it stands `<source>_leakage_selectivity`: less what the same probe reaches
on control tasks, the attribute dealt anew to the units. As no unit is met before it is told, a control task cannot be
learnt by heart: what it reaches is the pipeline's own chance. Where there is a raw input, `<source>_leakage_beyond_raw`
says how much more (above zero) or less is told than from that, of the utterances that have both.

`<source>_speaker_advantage` is closed-set, `<source>_speaker_equal_error_rate` open-set (`privacy.probes.speaker`). A
nonlinear probe, all utterances of a unit together, and the raw inputs themselves are rows of an exhibit.

Source: Song, Raghunathan 2020; Hewitt, Liang 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from privacy.probes.attribute import Told, linear_told, nonlinear_told
from privacy.probes.claims import (
    ADVANTAGE,
    BEYOND_RAW,
    EER,
    SELECTIVITY,
    SPEAKER,
    Place,
    attribute_claims,
    beyond_raw_claim,
    speaker_claims,
    told_apart,
)
from privacy.probes.exhibit import Row, attribute_row, exhibit_of, speaker_row
from privacy.probes.gathering import gathered
from privacy.probes.options import NAME, VERSION, LeakageOptions
from privacy.probes.panel import Dealing, Panel, panel_of
from privacy.probes.roster import NOBODY, IntArray, Roster
from privacy.probes.sources import RAW_OF, SOURCES, TITLE
from privacy.probes.speaker import Lineup, closed_set, lineup_of, open_set
from privacy.probes.vectors import Vectors

METRICS = frozenset(
    f"{source}_{metric}" for source in SOURCES for metric in (ADVANTAGE, SELECTIVITY, BEYOND_RAW, SPEAKER, EER)
)

MORE_UNITS = "bring more units of each group, with two utterances or more of each"
FLAT = "all vectors are the same"
LOOK = "look at what the supplier put there: a text or a vector that is the same for everybody tells nothing"
UNWEIGHTED = "the table's weights have no part in it"


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without units, without sources, or without anything to be told."""
    options = _options(case)
    (run,) = case.runs.values()
    if run.unit in NOBODY:
        because = "nobody says which utterances are one unit's, and a probe must not meet whom it is asked about"
        remedy = "add speaker_id or unit_id to the table"
    elif not (options.speaker or case.by):
        because, remedy = "there is nothing to be told", "name features (--by accent), or let `speaker` be true"
    elif not _has_source(case, run, options):
        because = "there is nothing to tell from: no rationales, no embeddings, no states"
        remedy = "ask the supplier for rationales, or for a table of vectors by utterance_id (option embeddings)"
    else:
        return None
    return Refusal(examination=NAME, because=because, remedy=remedy)


def _has_source(case: Case, run: Predictions, options: LeakageOptions) -> bool:
    live = case.live.get(run.run)
    states = live is not None and options.states and "gradients" in live.offers
    return options.embeddings is not None or states or "rationale" in run.columns


def _options(case: Case) -> LeakageOptions:
    options = read_options(LeakageOptions, case.options, of=f"examination {NAME}")
    for attribute in options.attributes or ():
        _require(attribute, case.by, "attributes")
    return options


def _require(name: str, allowed: Sequence[str], option: str) -> None:
    if name not in allowed:
        raise PlanError(
            f"{name!r} is not there",
            slug="plan-impossible",
            where=f"examination {NAME}, option {option}",
            allowed=", ".join(allowed),
            remedy="correct the option",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """One run under one condition, and the vectors of its utterances by source."""

    case: Case
    options: LeakageOptions
    predictions: Predictions
    condition: str
    roster: Roster
    vectors: Vectors

    @property
    def run(self) -> str:
        """The run's name."""
        return self.predictions.run

    def place(self, source: str, attribute: str | None) -> Place:
        """Return where a number is measured."""
        weighted = (UNWEIGHTED,) if "weight" in self.predictions.columns else ()
        said = (*self.roster.caveats, *self.vectors.caveats(source), *weighted)
        return Place(
            case=self.case,
            run=self.run,
            condition=self.condition,
            source=source,
            attribute=attribute,
            caveats=said,
        )

    def refusal(self, source: str, because: str, remedy: str = MORE_UNITS) -> Refusal:
        """Return why something of a source cannot be told."""
        return Refusal(
            examination=NAME,
            run=self.run,
            because=f"from {TITLE[source]}: {because}",
            remedy=remedy,
        )

    def seed(self, *parts: str) -> int:
        """Return the seed of one draw."""
        return seed_of(self.case.book.seed, NAME, *parts)


def examine(case: Case) -> Testimony:
    """Tell attributes and speakers of every run from every source."""
    options = _options(case)
    claims: list[Claim] = []
    rows: list[Row] = []
    refusals: list[Refusal] = []
    for run, predictions in case.runs.items():
        study = _study(case, options, run, predictions)
        features = case.by if options.attributes is None else options.attributes
        for i, source in enumerate(study.vectors.main, start=1):
            for found in [_attributes(study, source, features), _speakers(study, source)]:
                claims, rows, refusals = claims + found[0], rows + found[1], refusals + found[2]
            case.progress("probing for leaks", i, len(study.vectors.main))
        refusals += [study.refusal(source, FLAT, LOOK) for source in study.vectors.flat]
        refusals += [
            Refusal(examination=NAME, run=run, because=lost.because, remedy=lost.remedy) for lost in study.vectors.lost
        ]
    told = _most_beyond_raw(claims)
    return Testimony(claims=tuple(told), exhibits=exhibit_of(rows), refusals=tuple(refusals))


def _study(case: Case, options: LeakageOptions, run: str, predictions: Predictions) -> Study:
    condition = options.condition or predictions.conditions[0]
    _require(condition, predictions.conditions, "condition")
    roster, vectors = gathered(case, options, run, condition)
    return Study(
        case=case, options=options, predictions=predictions, condition=condition, roster=roster, vectors=vectors
    )


Found = tuple[list[Claim], list[Row], list[Refusal]]


def _attributes(study: Study, source: str, features: Sequence[str]) -> Found:
    """Tell each attribute from one source."""
    claims, rows, refusals = list[Claim](), list[Row](), list[Refusal]()
    for attribute in features:
        panel = _panel(study, study.vectors.place(source), attribute)
        if isinstance(panel, str):
            refusals.append(study.refusal(source, panel))
            continue
        found = _attribute(study, source, panel)
        claims, rows, refusals = claims + found[0], rows + found[1], refusals + found[2]
    return claims, rows, refusals


def _panel(study: Study, place: IntArray, attribute: str) -> Panel | str:
    options = study.options
    dealing = Dealing(
        least=study.case.statistics.compared_units,
        folds=options.folds,
        permutations=options.permutations,
        most_rows=options.rows_per_unit,
        seed=study.seed("panel", attribute),
    )
    levels = study.predictions.levels[f"group_{attribute}"]
    return panel_of(study.roster, place, attribute, levels, dealing)


def _attribute(study: Study, source: str, panel: Panel) -> Found:
    place = study.place(source, panel.attribute)
    seen = study.vectors.at(source, panel.place)
    single, together = linear_told(seen, panel)
    claims = attribute_claims(place, panel, single)
    rows = [attribute_row(place, panel, told) for told in (single, together)]
    if study.options.hidden:
        seed = study.seed("network", panel.attribute)
        bent = nonlinear_told(seen, panel, hidden=study.options.hidden, spread=single.spread, seed=seed)
        rows.append(attribute_row(place, panel, bent))
    if not study.vectors.differs(RAW_OF[source]):
        return claims, rows, []
    found = _beside_raw(study, source, panel, single)
    return claims + found[0], rows + found[1], found[2]


def _beside_raw(study: Study, source: str, panel: Panel, single: Told) -> Found:
    """Hold what a source tells against what its raw input tells, of the utterances that have both."""
    raw, place = RAW_OF[source], study.place(source, panel.attribute)
    if not study.vectors.covers(raw, panel.place):
        attribute, shared = panel.attribute, study.vectors.shared(source, raw)
        lacking = len(study.vectors.place(source)) - len(shared)
        both = _panel(study, shared, attribute)
        if isinstance(both, str):
            return [], [], [study.refusal(source, f"beside {TITLE[raw]}, of the utterances that have both, {both}")]
        panel, single = both, linear_told(study.vectors.at(source, both.place), both)[0]
        place = replace(place, caveats=(*place.caveats, f"{lacking:,} utterances without {TITLE[raw]} are left out"))
    beside, all_of_it = linear_told(study.vectors.at(raw, panel.place), panel)
    there = study.place(raw, panel.attribute)
    rows = [replace(attribute_row(there, panel, told), beside=source) for told in (beside, all_of_it)]
    return [beyond_raw_claim(place, panel, single, beside)], rows, []


def _speakers(study: Study, source: str) -> Found:
    """Tell units apart from one source."""
    options = study.options
    if not options.speaker:
        return [], [], []
    lineup = _lineup(study, study.vectors.place(source))
    if isinstance(lineup, str):
        return [], [], [study.refusal(source, lineup)]
    place, seen = study.place(source, None), study.vectors.at(source, lineup.place)
    found = closed_set(seen, lineup)
    rows = [speaker_row(place, lineup, told_apart(found, lineup))]
    raw = RAW_OF[source]
    if study.vectors.differs(raw):
        both = _lineup(study, study.vectors.shared(source, raw))
        if not isinstance(both, str):
            known = closed_set(study.vectors.at(raw, both.place), both)
            there = speaker_row(study.place(raw, None), both, told_apart(known, both))
            rows.append(replace(there, beside=source))
    return speaker_claims(place, lineup, found, open_set(seen, lineup)), rows, []


def _lineup(study: Study, place: IntArray) -> Lineup | str:
    return lineup_of(
        study.roster,
        place,
        size=study.options.rows_per_unit,
        folds=study.options.folds,
        least=study.case.statistics.compared_units,
        seed=study.seed("lineup"),
    )


def _most_beyond_raw(claims: Sequence[Claim]) -> list[Claim]:
    """Say of which source most is told relative to its raw input, for each run and attribute."""
    values: dict[tuple[str, tuple[str, ...] | None], list[tuple[float, str]]] = {}
    for claim in claims:
        finding = claim.finding
        if finding.metric.endswith(BEYOND_RAW) and finding.estimate.value is not None:
            values.setdefault((finding.run, finding.compared), []).append((finding.estimate.value, finding.id))
    most = {max(told)[1]: len(told) for told in values.values() if len(told) > 1}
    return [_with_most(claim, most[claim.finding.id]) if claim.finding.id in most else claim for claim in claims]


def _with_most(claim: Claim, n: int) -> Claim:
    said = f"of the {n} sources with a raw input this one told most relative to it; compare the intervals"
    finding = claim.finding
    return replace(claim, finding=finding.model_copy(update={"caveats": (said, *finding.caveats)}))


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Who is speaking, told from embeddings, states and rationales",
    method_version=VERSION,
    access=("table",),
    metrics=METRICS,
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
    on_request=True,
    asks=("gradients",),
)
"""On request: it opens a live reasoner for each utterance that it looks at."""
