"""A word is put into the input: does the rationale mention it when it moves the answer, and not when it does not?

The conditions are `T/insert=WORD` (a blank is written `_`). For each judgement and word: did the
answer flip (d), by how much did the probabilities move (e, total variation), does the new rationale mention the word
(m), and did the old one, which never saw it?

| number | formula | |
|---|---|---|
| flip rate | P(d = 1) | without flips nothing below is defined |
| disclosure | P(m = 1 given d = 1) | counterfactual test; its denominator are the flips alone |
| mention without flip | P(m = 1 given d = 0) | whoever mentions everything has as much here |
| phi-CCT | phi of d and m | what mentioning everything does not win |
| CCT | correlation of e and m | needs probabilities |
| F-AUROC | area under (mention without flip, disclosure) over verbosity | needs instructions of several levels |

Control: how often the rationale before the insertion mentions the word.

Source: Atanasova et al. 2023; Siegel et al. 2024 (CCT); Siegel et al. 2025, arXiv 2503.13445 (phi-CCT, F-AUROC).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExplanationProperty, Refusal
from affidavit.tally import Tally, tally_outcomes
from faithfulness.disclosure.mentions import mentions
from faithfulness.telling import Told, claims_of
from faithfulness.twins import BoolArray, Judgements, MatchingOptions, read_judgements, without_interventions

NAME: Final = "insertions"
VERSION: Final = "1"
OPERATOR: Final = "insert"
COUNTS: Final = 8
"""Sums of one level: all, d, m, d m, what the old rationale mentioned, e, e e, e m."""
SOURCE: Final = "Atanasova et al. 2023; Siegel et al. 2024, 2025"
BY_WORD: Final = "a word counts as mentioned where it stands in the rationale; a paraphrase of it escapes"
LONG: Final = "a longer rationale mentions more by chance: read it beside the mentions without flip"
METRICS: Final = frozenset(
    {
        "insertion_flip_rate",
        "insertion_disclosure_rate",
        "insertion_mention_without_flip_rate",
        "insertion_mention_before_rate",
        "phi_cct",
        "cct",
        "f_auroc",
        "insertion_disclosure_rate_difference",
        "phi_cct_difference",
    }
)


class InsertionOptions(MatchingOptions):
    """The options of this examination in a plan."""

    verbosity: tuple[str, ...] = ()
    """Instructions from the tersest to the most verbose; none tells no F-AUROC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertions:
    """The insertions into one base condition."""

    base: str
    words: Mapping[str, str]
    """Condition to the word that was put in."""


def insertions(conditions: Sequence[str]) -> tuple[Insertions, ...]:
    """Return what a table has of insertions, whose base it has too.

    >>> [(i.base, dict(i.words)) for i in insertions(["T", "T/insert=very_tired", "TA/insert=calm"])]
    [('T', {'T/insert=very_tired': 'very tired'})]
    """
    found: dict[str, dict[str, str]] = {}
    for name in conditions:
        condition = Condition.parse(name)
        base = str(Condition(modalities=condition.modalities))
        if condition.operator == OPERATOR and condition.level and base in conditions:
            found.setdefault(base, {})[name] = condition.level.replace("_", " ")
    return tuple(Insertions(base=base, words=words) for base, words in sorted(found.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Sums [L COUNTS] for L levels of verbosity; the first block alone where there are no levels."""

    n_levels: int

    def total(self, sums: FloatArray) -> FloatArray:
        """Return the counts [..., COUNTS] over all levels."""
        return np.asarray(sums.reshape(*sums.shape[:-1], self.n_levels, COUNTS).sum(-2))

    def rate(self, name: str, above: Mapping[int, int], below: Mapping[int, int], *, better: bool | None) -> Statistic:
        """Return a rate: counts by place, added or taken away, over counts."""
        weights = [np.zeros(COUNTS), np.zeros(COUNTS)]
        for part, places in zip(weights, (above, below), strict=True):
            for place, sign in places.items():
                part[place] = sign
        numerator, denominator = (np.tile(part, self.n_levels) for part in weights)
        return ratio_statistic(name, numerator, denominator, source=SOURCE, higher_is_better=better)

    def phi_cct(self) -> Statistic:
        """Return the correlation of flipping and mentioning."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            n, flips, said, both = np.moveaxis(self.total(sums)[..., :4], -1, 0)
            spread = flips * (n - flips) * said * (n - said)
            return _correlation(n * both - flips * said, spread, n)

        return Statistic(name="phi_cct", value=value, low=-1.0, high=1.0, higher_is_better=True, source=SOURCE)

    def cct(self) -> Statistic:
        """Return the correlation of the total variation distance and mentioning."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            n, _, said, _, _, moved, squared, with_word = np.moveaxis(self.total(sums), -1, 0)
            spread = (n * squared - moved**2) * said * (n - said)
            return _correlation(n * with_word - moved * said, spread, n)

        return Statistic(name="cct", value=value, low=-1.0, high=1.0, higher_is_better=True, source=SOURCE)

    def f_auroc(self) -> Statistic:
        """Return the area under disclosure against mention without flip over levels, by trapezoids from 0 to 1."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            counts = sums.reshape(*sums.shape[:-1], self.n_levels, COUNTS)
            n, flips, said, both = np.moveaxis(counts[..., :4], -1, 0)
            told, false = divide(both, flips), divide(said - both, n - flips)
            order = np.argsort(false, axis=-1, kind="stable")
            x, y = (np.take_along_axis(each, order, -1) for each in (false, told))
            nothing, everything = np.zeros_like(x[..., :1]), np.ones_like(x[..., :1])
            x, y = (np.concatenate([nothing, each, everything], axis=-1) for each in (x, y))
            return np.asarray(np.trapezoid(y, x, axis=-1))

        return Statistic(name="f_auroc", value=value, low=0.0, high=1.0, higher_is_better=True, source=SOURCE)


def _correlation(covariance: FloatArray, spread: FloatArray, n: FloatArray) -> FloatArray:
    """Return covariance / sqrt(spread), NaN where either side does not vary."""
    root = np.sqrt(np.maximum(spread, 0.0))
    constant = root <= 1e-9 * np.maximum(n, 1.0) ** 2
    return np.where(constant, np.nan, covariance / np.where(constant, 1.0, root))


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without insertions, with unknown levels of verbosity, or too large to be matched."""
    options = read_options(InsertionOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if not insertions(run.conditions):
        return without_interventions(
            NAME,
            "ask the supplier to judge the same utterances with words put in (T/insert=tired), with rationales",
        )
    if unknown := set(options.verbosity) - set(run.levels["instruction"]):
        return Refusal(
            examination=NAME,
            because=f"no row has the instructions {', '.join(sorted(unknown))}",
            remedy=f"name under verbosity instructions of the table: {', '.join(run.levels['instruction'])}",
        )
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run and every base condition that words were put into."""
    options = read_options(InsertionOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    refused: list[Refusal] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        for inserted in insertions(predictions.conditions):
            judgements = read_judgements(predictions, case.by, inserted.base, list(inserted.words))
            tally = _tally(case.by, judgements, inserted, options.verbosity)
            if tally is None:
                refused.append(_without_twins(run, inserted))
                continue
            claims += claims_of(case, _told(run, tally, judgements, inserted, options))
        case.progress("looking for inserted words in rationales", done, len(case.runs))
    return Testimony(claims=tuple(claims), refusals=tuple(refused))


def _told(run: str, tally: Tally, judgements: Judgements, inserted: Insertions, options: InsertionOptions) -> Told:
    layout = Layout(n_levels=max(len(options.verbosity), 1))
    statistics = [
        layout.rate("insertion_flip_rate", {1: 1}, {0: 1}, better=None),
        layout.rate("insertion_disclosure_rate", {3: 1}, {1: 1}, better=True),
        layout.rate("insertion_mention_without_flip_rate", {2: 1, 3: -1}, {0: 1, 1: -1}, better=None),
        layout.rate("insertion_mention_before_rate", {4: 1}, {0: 1}, better=None),
        layout.phi_cct(),
        *([layout.cct()] if judgements.has_probabilities else []),
        *([layout.f_auroc()] if options.verbosity else []),
    ]
    words = ", ".join(inserted.words.values())
    return Told(
        examination=NAME,
        version=VERSION,
        run=run,
        tally=tally,
        statistics=statistics,
        property=ExplanationProperty.CAUSAL,
        compared=frozenset({"insertion_disclosure_rate", "phi_cct"}),
        controls=("insertion_mention_without_flip_rate", "insertion_mention_before_rate"),
        caveats=(f"put into {inserted.base}: {words}", BY_WORD, *_left_out(judgements, inserted)),
        remarks={"insertion_disclosure_rate": (LONG,)},
    )


def _tally(by: Sequence[str], judgements: Judgements, inserted: Insertions, verbosity: Sequence[str]) -> Tally | None:
    """Count judgements with a rationale, over all words; None where there is none.

    A judgement adds all its words at once: where rows are the units it is one of them, however many words it was given.
    """
    level, n = _levels(judgements, verbosity), len(judgements.answer)
    total, counted = np.zeros((n, COUNTS)), np.zeros(n, dtype=bool)
    for condition, word in inserted.words.items():
        part = _takes_part(judgements, condition) & (level >= 0)
        total[part] += _sums(judgements, condition, word)[part]
        counted |= part
    if not counted.any():
        return None
    placed = np.eye(max(len(verbosity), 1))[level[counted]][:, :, None] * total[counted][:, None, :]
    rows = {name: values[counted] for name, values in judgements.rows.items()}
    condition = f"{inserted.base}/{OPERATOR}"
    sums = placed.reshape(len(placed), -1)
    return tally_outcomes(judgements.predictions, by, condition=condition, rows=rows, sums=sums)


def _takes_part(judgements: Judgements, condition: str) -> BoolArray:
    """Say which judgements were given the word, and a reason with it."""
    twin = judgements.twins[condition]
    return np.asarray(twin.judged & twin.has_rationale)


def _left_out(judgements: Judgements, inserted: Insertions) -> tuple[str, ...]:
    """Say what takes no part."""
    twins = [judgements.twins[condition] for condition in inserted.words]
    lost = sum(int((~twin.judged).sum()) for twin in twins)
    silent = sum(int((twin.judged & ~twin.has_rationale).sum()) for twin in twins)
    said = ((lost, "judgements have no twin with a word put in"), (silent, "judgements with a word have no rationale"))
    return tuple(f"{n:,} {what}" for n, what in said if n)


def _sums(judgements: Judgements, condition: str, word: str) -> FloatArray:
    """Return what each judgement adds for one word, [N, COUNTS]."""
    twin = judgements.twins[condition]
    flipped = (twin.answer != judgements.answer).astype(np.float64)
    said = mentions(twin.rationale, word).astype(np.float64)
    before = mentions(judgements.rationale, word).astype(np.float64)
    moved = np.nan_to_num(twin.distance)
    return np.stack([np.ones(len(said)), flipped, said, flipped * said, before, moved, moved**2, moved * said], axis=1)


def _levels(judgements: Judgements, verbosity: Sequence[str]) -> NDArray[np.int64]:
    """Return the level of verbosity of each judgement's instruction, -1 for an instruction that is none of them."""
    if not verbosity:
        return np.zeros(len(judgements.answer), dtype=np.int64)
    codes = {name: code for code, name in enumerate(judgements.predictions.levels["instruction"])}
    level = np.full(len(codes), -1)
    level[[codes[name] for name in verbosity]] = np.arange(len(verbosity))
    return np.asarray(level[judgements.instruction])


def _without_twins(run: str, inserted: Insertions) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no judgement under {', '.join(inserted.words)} has a rationale and a twin under {inserted.base}",
        remedy="ask for the same utterances, instructions and repetitions under each of these, with rationales",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Inserted words, and whether rationales mention them",
    method_version=VERSION,
    access=("table", "rationales", "several conditions"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
