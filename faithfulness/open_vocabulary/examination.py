"""Do the emotion words that are predicted match those of people, whichever words they are? Open sets, by group.

Of a table whose task is `open_set` the words are `y_pred`; of one with closed labels they are those that the rationale
asserts, held against the label (`set_recall` is then the hit rate of MER-UniBench). Words are mapped to clusters by the
project's own list or by `lexicon: PATH`; `neutral` is a cluster like any other, which the published wheels do not have.

What a score of open sets can hide stands beside it: words that nobody maps (`out_of_vocabulary_rate`, and the strict
score that counts them as wrong), how many words are given, what listing every cluster would score, what words dealt
anew would. Every number under every mapping is in an exhibit, with the rows that each keeps.

Source: Lian et al. 2024 (MER2024), 2025 (emotion wheels).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.conditions import Condition
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.lexicons.open_emotions.labels import read_labels
from affidavit.lexicons.open_emotions.lexicon import EmotionLexicon, load_lexicon, open_emotions
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Record, Refusal
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from faithfulness.conclusions.listing import Row, exhibit_of, listed
from faithfulness.conclusions.repeats import NO_REPEATS
from faithfulness.open_vocabulary.extraction import WordRows, read_texts, words_of_lists
from faithfulness.open_vocabulary.layout import CONTROLS, F1, STRICT, TOLD, Layout
from faithfulness.open_vocabulary.noise import KEY, METRIC, change_rate, repeats_of
from faithfulness.open_vocabulary.sets import COLUMNS
from faithfulness.telling import Told, claims_of

NAME: Final = "open-vocabulary"
VERSION: Final = "1"
COMPARED: Final = frozenset({F1, STRICT})
METRICS: Final = frozenset({*TOLD, METRIC, *(f"{metric}_difference" for metric in COMPARED)})
SLICE_ROWS: Final = 65_536
"""Rows are counted in slices: each adds some 150 numbers."""
DROPPED: Final = "words outside the list are left out, as published; the strict score counts them as wrong"
FROM_TEXT: Final = "words of the rationale: those outside the list cannot be seen, nor how many there are"


class OpenVocabularyOptions(Record):
    """What the examination can be told in a plan."""

    lexicon: str | None = None
    """A list of emotion words by cluster, laid out as `affidavit/lexicons/open_emotions/emotions.yaml`; relative to
    the plan. The project's own list where absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """One batch: its rows with the words of people and of the reasoner."""

    rows: Mapping[str, NDArray[Any]]
    gold: WordRows
    predicted: WordRows
    utterances: pa.Array
    taken: NDArray[np.bool_]
    """Rows that can be asked: all lists, and of texts those that are there and in a language that can be read."""
    unreadable: NDArray[np.bool_]
    """Texts in a language or script that is not read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Reading:
    """One run and the list that its words are read with."""

    predictions: Predictions
    lexicon: EmotionLexicon

    @property
    def of_lists(self) -> bool:
        return self.predictions.task is Task.OPEN_SET

    def sides(self, columns: list[str]) -> Iterator[_Sides]:
        """Yield the batches of the run with both sides' words."""
        said = self.predictions.batches(["utterance_id", "y_true", "y_pred" if self.of_lists else "rationale"])
        for coded, given in zip(self.predictions.coded_batches(columns), said, strict=True):
            for start in range(0, given.num_rows, SLICE_ROWS):
                texts = given.slice(start, SLICE_ROWS)
                rows = {name: values[start : start + SLICE_ROWS] for name, values in coded.items()}
                yield self._listed(rows, texts) if self.of_lists else self._extracted(rows, texts)

    def _listed(self, rows: Mapping[str, NDArray[Any]], texts: pa.RecordBatch) -> _Sides:
        gold, predicted = (words_of_lists(texts.column(name)) for name in ("y_true", "y_pred"))
        return _Sides(
            rows=rows,
            gold=gold,
            predicted=predicted,
            utterances=texts.column("utterance_id"),
            taken=np.ones(texts.num_rows, dtype=np.bool_),
            unreadable=np.zeros(texts.num_rows, dtype=np.bool_),
        )

    def _extracted(self, rows: Mapping[str, NDArray[Any]], texts: pa.RecordBatch) -> _Sides:
        rationales = pc.utf8_trim_whitespace(pc.fill_null(texts.column("rationale").cast(pa.string()), ""))
        there = pc.not_equal(rationales, "").to_numpy(zero_copy_only=False)
        predicted, unreadable = read_texts(rationales, self.lexicon)
        return _Sides(
            rows=rows,
            gold=words_of_lists(self._meant(texts.column("y_true"))),
            predicted=predicted,
            utterances=texts.column("utterance_id"),
            taken=there & ~unreadable,
            unreadable=there & unreadable,
        )

    def _meant(self, labels: pa.Array) -> pa.Array:
        """Return labels as words of the list where it knows them (`hap` is happy)."""
        names = list(self.predictions.levels["y_true"])
        meant = read_labels(self.lexicon, names).meant
        words = [name if word is None else word.base for name, word in zip(names, meant, strict=True)]
        return pc.take(pa.array(words, pa.string()), pc.index_in(labels.cast(pa.string()), pa.array(names)))


def refuses(case: Case) -> Refusal | None:
    """Refuse closed labels without rationales to take words from; a list that does not read is an error."""
    _lexicon(case)
    (run,) = case.runs.values()
    if run.task is Task.OPEN_SET or "rationale" in run.columns:
        return None
    return Refusal(
        examination=NAME,
        because="the labels are a closed set, and there are no rationales to take words from",
        remedy="declare the table an open set (task: open_set) if y_pred holds several words, or ask for rationales",
    )


def examine(case: Case) -> Testimony:
    """Answer for every run: of open sets under every condition, of rationales under the fullest that has them."""
    lexicon = _lexicon(case)
    layout = Layout(lexicon=lexicon)
    claims: list[Claim] = []
    rows: list[Row] = []
    refused: list[Refusal] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        reading = _Reading(predictions=predictions, lexicon=lexicon)
        counted = _counted(case, reading, layout)
        refused += [] if counted.tallies else [_nothing_kept(run, lexicon)]
        for i, tally in enumerate(counted.tallies):
            told = _told(reading, layout, tally, counted)
            if reading.of_lists or i == 0:
                claims += _claims(case, told, counted.noise.get(tally.condition), of_lists=reading.of_lists)
            rows += listed(case, told, layout.listed())
        case.progress("comparing sets of emotion words", done, len(case.runs))
    exhibits = exhibit_of(rows, name="open-vocabulary", title="Sets of emotion words under every mapping")
    return Testimony(claims=tuple(claims), exhibits=exhibits, refusals=tuple(refused))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    tallies: Sequence[Tally]
    """Of the conditions under which any row is kept."""
    noise: Mapping[str, Tally]
    """Repeated judgements and changed ones, by condition."""
    unreadable: Mapping[str, int]
    """By condition: rationales that are not read."""
    silent: Mapping[str, int]
    """By condition: rows without a rationale, where words are taken from rationales."""


def _lexicon(case: Case) -> EmotionLexicon:
    options = read_options(OpenVocabularyOptions, case.options, of=f"examination {NAME}")
    return open_emotions() if options.lexicon is None else load_lexicon(case.folder / options.lexicon)


def _counted(case: Case, reading: _Reading, layout: Layout) -> _Counted:
    """Count a run in one pass."""
    predictions = reading.predictions
    counters = {
        code: OutcomeCounter(predictions, case.by, condition=condition)
        for code, condition in enumerate(predictions.conditions)
        if not Condition.parse(condition).intervenes
    }
    kept = dict.fromkeys(counters, 0.0)
    repeats = repeats_of(predictions, case.by)
    unreadable, silent = dict.fromkeys(counters, 0), dict.fromkeys(counters, 0)
    for sides in reading.sides(list(dict.fromkeys([*outcome_columns(predictions, case.by), *KEY]))):
        sums = layout.sums(sides.gold, sides.predicted)
        for code, counter in counters.items():
            under = sides.rows["condition"] == code
            unreadable[code] += int((under & sides.unreadable).sum())
            silent[code] += int((under & ~sides.unreadable & ~sides.taken).sum())
            chosen = np.flatnonzero(under & sides.taken)
            if len(chosen):
                counter.add({name: values[chosen] for name, values in sides.rows.items()}, sums[chosen])
                kept[code] += sums[chosen, COLUMNS.index("kept")].sum()
        if repeats is not None:
            taken = np.flatnonzero(sides.taken)
            rows = {name: values[taken] for name, values in sides.rows.items()}
            repeats.add(rows, sides.utterances.take(pa.array(taken)), layout.named(sides.predicted)[taken])
    return _Counted(
        tallies=[counter.tally() for code, counter in counters.items() if kept[code]],
        noise={} if repeats is None else repeats.tallies(),
        unreadable={predictions.conditions[code]: n for code, n in unreadable.items()},
        silent={predictions.conditions[code]: n for code, n in silent.items()},
    )


def _told(reading: _Reading, layout: Layout, tally: Tally, counted: _Counted) -> Told:
    of_lists = reading.of_lists
    foreign, silent = counted.unreadable[tally.condition], counted.silent[tally.condition]
    return Told(
        examination=NAME,
        version=VERSION,
        run=reading.predictions.run,
        tally=tally,
        statistics=layout.told(of_lists=of_lists),
        property=ExplanationProperty.PLAUSIBILITY,
        compared=COMPARED if of_lists else frozenset({F1}),
        controls=CONTROLS,
        caveats=(
            f"words by {layout.mappings['level1'].name}",
            DROPPED if of_lists else FROM_TEXT,
            *([f"{foreign:,} rationales are in languages that are not read here"] if foreign else []),
            *([f"{silent:,} judgements have no rationale and take no part"] if silent else []),
            *([] if tally.condition in counted.noise else [NO_REPEATS]),
        ),
    )


def _claims(case: Case, told: Told, noise: Tally | None, *, of_lists: bool) -> list[Claim]:
    """Return the claims; words that are the answer itself are no explanation and have no property of one."""
    claims = claims_of(case, told)
    if noise is not None:
        own = claims_of(
            case, replace(told, tally=noise, statistics=(change_rate(),), compared=frozenset(), controls=())
        )
        beside = {tuple(claim.finding.groups.items()): claim.finding.id for claim in own}
        claims = [_beside(claim, beside) for claim in claims] + own
    if not of_lists:
        return claims
    return [replace(claim, finding=claim.finding.model_copy(update={"property": None})) for claim in claims]


def _beside(claim: Claim, noise: Mapping[tuple[tuple[str, str], ...], str]) -> Claim:
    """Name the noise among the controls of a group's number."""
    finding = claim.finding
    if finding.controls is None:
        return claim
    controls = (*finding.controls, noise[tuple(finding.groups.items())])
    return replace(claim, finding=finding.model_copy(update={"controls": controls}))


def _nothing_kept(run: str, lexicon: EmotionLexicon) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no row has a reference word of the list (open emotions {lexicon.version}) and words to compare",
        remedy="give a list that has the table's words: the option lexicon, laid out as the project's own",
    )


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Open sets of emotion words",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=METRICS,
    tasks=frozenset({Task.OPEN_SET, Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
