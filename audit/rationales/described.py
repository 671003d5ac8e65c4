"""What do rationales look like, for whom? Presence, length, and which modalities they cite; from the table alone.

Citations are found by word lists, English and Chinese (`affidavit.citations`), so they are a floor: a paraphrase
escapes them. A rationale that cites a modality which was not shown cannot have its evidence from there; that share
needs no label and no model.

What no list can read (another language, or nothing but a quotation) is no silence: citations are shares of the
rationales that can be read, and words are counted in those that are English, for not every script parts its words. Each
group says what share was left out.

A condition under which no row has a rationale is not assessed, and the report says so once: most often nobody asked for
rationales there, and a rate of zero would say that they were asked for and withheld. One under which none can be read
has `rationale_rate` alone, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.citations import VERSION as WORD_LIST
from affidavit.citations import citations
from affidavit.claims import Place, gap_claim, group_claims, places_under
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from audit.rationales.plain import UNCITED, UNREAD, array, plain, present, readings, words

NAME = "rationales"
VERSION = "4"
NAMES: Final = MappingProxyType({"T": "text", "A": "audio", "V": "video"})
_COLUMNS: Final = ("present", "rows", "read", "english", "words", *(f"cites_{NAMES[m]}" for m in NAMES), "cites_absent")
WORDS: Final = "rationale_words"
SOURCE: Final = f"share of rationales, word lists of affidavit/citations.py version {WORD_LIST}"


def _pick(column: str) -> FloatArray:
    return np.asarray(np.eye(len(_COLUMNS))[_COLUMNS.index(column)])


RATE: Final = ratio_statistic(
    "rationale_rate",
    _pick("present"),
    _pick("rows"),
    higher_is_better=None,
    source="share of rows with a rationale",
)


def _read_statistics(*, absent_can_be_cited: bool) -> tuple[Statistic, ...]:
    """Return what is measured of the rationales that can be read."""
    cites = [f"cites_{NAMES[m]}" for m in NAMES] + (["cites_absent"] if absent_can_be_cited else [])
    named = {"cites_absent": "cites_absent_modality_rate"}
    return (
        ratio_statistic(
            WORDS,
            _pick("words"),
            _pick("english"),
            higher_is_better=None,
            high=None,
            source="mean number of words of an English rationale",
        ),
        *(
            ratio_statistic(
                named.get(name, f"{name}_rate"),
                _pick(name),
                _pick("read"),
                higher_is_better=False if name == "cites_absent" else None,
                source=SOURCE,
            )
            for name in cites
        ),
    )


def examine(case: Case) -> Testimony:
    """Describe the rationales of every group under every condition."""
    claims: list[Claim] = []
    refusals: list[Refusal] = []
    for run, predictions in case.runs.items():
        said, n_read = _tallies(predictions, case.by)
        tallies = {condition: said[condition] for condition in predictions.conditions_of_use if condition in said}
        silent = [condition for condition in predictions.conditions_of_use if condition not in tallies]
        unread = [condition for condition in tallies if not n_read[condition]]
        refusals += [_nothing_said(run, silent)] if silent else []
        refusals += [_nothing_read(run, unread)] if unread else []
        for i, (condition, tally) in enumerate(tallies.items()):
            shown = Condition.parse(condition).modalities
            absent = condition != AS_SUPPLIED and len(shown) < len(NAMES)
            read = () if condition in unread else _read_statistics(absent_can_be_cited=absent)
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                claims += _family(place, case.book.evidence_of(run, tally, place.family), read)
            case.progress("describing rationales", i + 1, len(tallies))
    return Testimony(claims=tuple(claims), refusals=tuple(refusals))


def _family(place: Place, evidence: Evidence, read: Sequence[Statistic]) -> list[Claim]:
    """Return the claims of every group and the gaps of every statistic."""
    uncounted, uncited = _left_out(evidence, "english", UNREAD), _left_out(evidence, "read", UNCITED)
    claims: list[Claim] = []
    for statistic in (RATE, *read):
        own = {} if statistic is RATE else uncounted if statistic.name == WORDS else uncited
        left_out = ("rationales that cannot be read are left out",) if own else ()
        claims += group_claims(place, measure(evidence, statistic), caveats=own)
        if place.family:
            kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
            gap = measure_gap(evidence, [statistic], kind)
            claims.append(gap_claim(place, gap, source=statistic.source, caveats=left_out))
    return claims


def _left_out(evidence: Evidence, column: str, why: str) -> dict[int, tuple[str, ...]]:
    """Return per group what share of its rationales is left out of a mean, where some are."""
    present, read = (evidence.totals @ _pick(name) for name in ("present", column))
    return {
        int(group): (f"{1 - read[group] / present[group]:.1%} of the rationales cannot be read: {why}",)
        for group in np.flatnonzero(present > read)
    }


def _nothing_said(run: str, conditions: Sequence[str]) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no row has a rationale under {', '.join(conditions)}",
        remedy="ask for rationales under these conditions too, if they are to be assessed there (the reasoner "
        "`instructed` writes them with `rationales: all`)",
    )


def _nothing_read(run: str, conditions: Sequence[str]) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no rationale under {', '.join(conditions)} can be read: each is {UNCITED}",
        remedy="bring rationales in English or Chinese, or translate them first and say so",
    )


def _tallies(predictions: Predictions, by: tuple[str, ...]) -> tuple[dict[str, Tally], dict[str, int]]:
    """Return the tallies of the conditions under which any row has a rationale, and how many can be read under each.

    The table is read once, batch by batch, so that it does not matter whether it is held or streamed.
    """
    counters = [OutcomeCounter(predictions, by, condition=condition) for condition in predictions.conditions]
    counted = np.zeros((len(counters), len(_COLUMNS)))
    absent = [_absent(condition) for condition in predictions.conditions]
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), "rationale"]):
        sums = _row_sums(pa.array(batch["rationale"], pa.string()), batch["condition"], absent)
        for i, counter in enumerate(counters):
            chosen = batch["condition"] == i
            if chosen.any():
                counter.add({name: values[chosen] for name, values in batch.items()}, sums[chosen])
                counted[i] += sums[chosen].sum(axis=0)
    n_present, n_read = (counted @ _pick(column) for column in ("present", "read"))
    tallies = {counter.condition: counter.tally() for counter, n in zip(counters, n_present, strict=True) if n}
    return tallies, {counter.condition: int(n) for counter, n in zip(counters, n_read, strict=True)}


def _absent(condition: str) -> list[str]:
    """Return the modalities that were not shown; none where nobody knows what was."""
    shown = Condition.parse(condition).modalities
    return [m for m in NAMES if m not in shown] if shown else []


def _row_sums(text: pa.Array, condition: NDArray[Any], absent: list[list[str]]) -> FloatArray:
    """Return [N, columns]: what each row adds to presence, rows, what is read, words and citations."""
    texts = plain(text)
    there, (english, read) = present(texts), readings(texts)
    cites = {m: array(cited) & read for m, cited in citations(texts).items()}
    absent_cited = np.zeros(len(there), dtype=bool)
    for i, missing in enumerate(absent):
        if missing:
            absent_cited |= (condition == i) & np.any([cites[m] for m in missing], axis=0)
    counted = np.where(english, words(texts), 0)
    columns = [there, np.ones(len(there)), read, english, counted, *cites.values(), absent_cited]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Rationales by group",
    method_version=VERSION,
    access=("table", "rationales"),
    metrics=frozenset(
        f"{statistic.name}{ending}"
        for statistic in (RATE, *_read_statistics(absent_can_be_cited=True))
        for ending in ("", "_difference")
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
)
