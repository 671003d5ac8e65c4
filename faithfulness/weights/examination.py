"""Are modality weights read from the input, and do they point at what the answer hangs on? From a table alone.

Two questions of a reasoner that says how much weight it gave to text, audio and video. Do the weights differ between
utterances at all: three global numbers can be no explanation of one judgement. And is the modality with more weight
the one whose removal changes the answer: asked of judgements that were repeated with a modality taken away.

Controls, beside every agreement: the same weights dealt anew among judgements with the same answer; the mean weights
given to every judgement (template); weights at random, which get 0.5; and the answer's changes on mere repetition.
What weights a randomised model would give, a table cannot tell.

Source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims
from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray, Statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Refusal
from affidavit.tally import OutcomeCounter, Tally
from faithfulness.citation.removals import Removals, fullest, removals
from faithfulness.telling import Told, claims_of
from faithfulness.twins import BoolArray, Codes, Judgements, MatchingOptions, read_judgements
from faithfulness.weights.agreement import CONCORDANCE, EXCESS, NOISE, SHUFFLED, TEMPLATE, AgreementLayout
from faithfulness.weights.ranking import AUROC, RankingLayout
from faithfulness.weights.reading import Weights, read_weights, weighted_letters
from faithfulness.weights.variation import DIFFER, MEAN, VARIATION, WITHIN, VariationLayout

NAME: Final = "modality-weights"
VERSION: Final = "1"
METRICS: Final = frozenset(
    {VARIATION, WITHIN, DIFFER, CONCORDANCE, SHUFFLED, TEMPLATE, EXCESS, f"{EXCESS}_difference", NOISE}
    | {f"{metric}_{name}" for metric in (VARIATION, MEAN, AUROC) for name in MODALITIES.values()}
)
GLOBAL: Final = "the weights are the same for every utterance: they are settings of the model, and depend on no input"
NO_REPEATS: Final = "the table has no repetitions: how often the answer changes by chance alone is not known"
AT_RANDOM: Final = "weights at random get 0.5"
NO_RANDOMISED: Final = "what weights a randomised model would give is not known from a table"
REMEDY: Final = (
    "ask the supplier for the weight that the reasoner gave each modality (weight_text, weight_audio, weight_video) "
    "under the fullest condition, such as TAV"
)
JUDGED_WITHOUT: Final = (
    "ask the supplier to judge the same utterances without each modality as well (TAV, and TA, TV, AV; or with another "
    "utterance's in its place, as TAV/resampled=V), or judge with the conditions `seven`"
)
_AT_ONCE: Final = 65_536


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One run's weights under its fullest condition, and the judgements that have them."""

    case: Case
    predictions: Predictions
    judgements: Judgements
    weights: Weights

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says."""
        known, differ = self.weights.known, self.weights.differ
        unknown = int((~known).sum())
        return (
            *([] if differ.any() else [GLOBAL]),
            *([f"{unknown:,} of {len(known):,} judgements lack a weight of some modality"] if unknown else []),
        )

    def counted(self, condition: str, chosen: Codes, sums: Callable[[Codes], FloatArray]) -> Tally:
        """Count what the chosen judgements add, a part at a time."""
        counter = OutcomeCounter(self.predictions, self.case.by, condition=condition)
        for start in range(0, len(chosen), _AT_ONCE):
            part = chosen[start : start + _AT_ONCE]
            counter.add({name: values[part] for name, values in self.judgements.rows.items()}, sums(part))
        return counter.tally()

    def told(self, tally: Tally, statistics: Sequence[Statistic], caveats: tuple[str, ...]) -> Told:
        """Return what is told of a tally; numbers have their controls beside them.

        Groups are compared in what weights know beyond weights dealt anew: constant weights suit one group better than
        another wherever other modalities matter there, and that gap in concordance is no fault of theirs.
        """
        names = [statistic.name for statistic in statistics]
        controls = [name for name in (SHUFFLED, TEMPLATE, NOISE) if name in names]
        return Told(
            examination=NAME,
            version=VERSION,
            run=self.predictions.run,
            tally=tally,
            statistics=statistics,
            property=ExplanationProperty.CAUSAL,
            compared=frozenset({EXCESS}),
            controls=controls,
            caveats=(*self.caveats, *caveats),
        )


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without weights of two modalities that were shown together, or too large to be matched."""
    options = read_options(MatchingOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if fullest(run.conditions) is None:
        return Refusal(examination=NAME, because="no condition says which modalities were shown", remedy=REMEDY)
    if len(weighted_letters(run)) < 2:
        because = "the table has no weights of two modalities that were shown together"
        return Refusal(examination=NAME, because=because, remedy=REMEDY)
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run, and for every operator of removal that it has."""
    claims: list[Claim] = []
    refused: list[Refusal] = []
    rows: list[dict[str, str | int | float | None]] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        found, more = _run(case, predictions, refused)
        claims += found
        rows += more
        case.progress(f"weighing modalities of {run}", done, len(case.runs))
    exhibit = ExhibitTable(
        id="modality-weights",
        title="Weights of modalities: how they vary, and whether they point at what mattered",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,) if rows else (), refusals=tuple(refused))


def _run(
    case: Case, predictions: Predictions, refused: list[Refusal]
) -> tuple[list[Claim], list[dict[str, str | int | float | None]]]:
    """Return claims and exhibit rows of one run, and append what could not be asked of it."""
    letters, full = weighted_letters(predictions), fullest(predictions.conditions) or ""
    taken = removals(predictions.conditions, full)
    others = [condition for each in taken for condition in each.conditions.values()]
    study = Study(
        case=case,
        predictions=predictions,
        judgements=read_judgements(predictions, case.by, full, others),
        weights=read_weights(predictions, full, letters),
    )
    if not study.weights.known.any():
        because = "no judgement has a weight for every modality that the table has weights of"
        refused.append(Refusal(examination=NAME, run=predictions.run, because=because, remedy=REMEDY))
        return [], []
    claims, rows = _variation(study)
    agreed = [found for each in taken if (found := _agreement(study, each)) is not None]
    for told, more in agreed:
        claims += told
        rows += more
    if not agreed:
        because = "whether weights go with what matters: no judgement with weights was repeated without two modalities"
        refused.append(Refusal(examination=NAME, run=predictions.run, because=because, remedy=JUDGED_WITHOUT))
    return claims, rows


def _variation(study: Study) -> tuple[list[Claim], list[dict[str, str | int | float | None]]]:
    """Tell of every group how much weights vary; the other numbers of everybody, and all of them in the exhibit."""
    layout = VariationLayout(letters=study.weights.letters)
    chosen = np.flatnonzero(study.weights.known)
    sums = layout.sums(study.weights, study.judgements.rows["unit"][chosen])
    place = np.full(len(study.weights.known), -1)
    place[chosen] = np.arange(len(chosen))
    tally = study.counted(study.weights.condition, chosen, lambda part: sums[place[part]])
    return _told(study.told(tally, [layout.variation()], ()), study.case, layout.others())


def _agreement(study: Study, removal: Removals) -> tuple[list[Claim], list[dict[str, str | int | float | None]]] | None:
    """Tell of every group how far weights agree with effects; None where no judgement can say."""
    letters = tuple(letter for letter in study.weights.letters if letter in removal.conditions)
    judged = study.weights.known & np.all(
        [study.judgements.twins[removal.conditions[letter]].judged for letter in letters], axis=0
    )
    if len(letters) < 2 or not judged.any():
        return None
    chosen = np.flatnonzero(judged)
    shares = study.weights.shares[:, [study.weights.letters.index(letter) for letter in letters]]
    effects = _effects(study.judgements, [removal.conditions[letter] for letter in letters])
    noise = np.stack([study.judgements.repeated, study.judgements.changed_on_repetition], axis=1)
    layout = AgreementLayout(n_modalities=len(letters), n_labels=len(study.predictions.labels))
    answer = study.judgements.answer
    tally = study.counted(
        removal.name, chosen, lambda part: layout.sums(shares[part], effects[part], answer[part], noise[part])
    )
    ranking = RankingLayout.of(letters, shares[chosen])
    ranks = study.counted(removal.name, chosen, lambda part: ranking.sums(shares[part], effects[part]))
    repeated = bool(study.judgements.repeated[chosen].any())
    caveats = _caveats(removal, letters, judged, effects[chosen], repeated=repeated)
    main = [layout.concordance(), layout.excess(), layout.shuffled(), layout.template()]
    told = study.told(tally, main, caveats)
    claims, rows = _told(told, study.case, [layout.noise()] if repeated else [])
    singles = [ranking.auroc(m) for m in range(len(letters))]
    more, further = _told(study.told(ranks, [], caveats), study.case, singles)
    return [*claims, *more], [*rows, *further]


def _effects(judgements: Judgements, conditions: Sequence[str]) -> BoolArray:
    """Return whether each answer is another one under each condition, [N, M]."""
    return np.stack([judgements.twins[condition].answer != judgements.answer for condition in conditions], axis=1)


def _caveats(
    removal: Removals, letters: tuple[str, ...], judged: BoolArray, effects: BoolArray, *, repeated: bool
) -> tuple[str, ...]:
    """Return what to say of the agreement with effects [N, M] of the judgements that take part."""
    shown = ", ".join(f"{MODALITIES[letter]} by {removal.conditions[letter]}" for letter in letters)
    count = effects.sum(axis=1)
    informative = int(((count > 0) & (count < len(letters))).sum())
    missing = int((~judged).sum())
    return (
        f"taken away: {shown}",
        f"in {informative:,} of {len(effects):,} judgements some modalities mattered and some did not: they alone tell",
        AT_RANDOM,
        NO_RANDOMISED,
        *([] if repeated else [NO_REPEATS]),
        *([f"{missing:,} judgements lack a weight, or a twin under one of them"] if missing else []),
    )


def _told(
    told: Told, case: Case, others: Sequence[Statistic]
) -> tuple[list[Claim], list[dict[str, str | int | float | None]]]:
    """Return claims of the main numbers everywhere and of the others for everybody, and exhibit rows of all."""
    claims = claims_of(case, told)
    rows: list[dict[str, str | int | float | None]] = []
    for place in told.places(case):
        evidence = told.evidence(case, place)
        for statistic in (*told.statistics, *others):
            found = group_claims(place, measure(evidence, statistic), caveats={})
            rows += claim_rows(found)
            if statistic in others and not place.family:
                claims += [told.spoken(claim) for claim in found]
    return claims, rows


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Modality weights and what matters",
    method_version=VERSION,
    access=("table",),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
