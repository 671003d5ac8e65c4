"""What do rationales look like, for whom? Presence, length, and which modalities they cite; from the table alone.

Citations are found by an English word list (`affidavit.citations`), so they are a floor: a paraphrase escapes it. A
rationale that cites a modality which was not shown cannot have its evidence from there; that share needs no label and
no model.

A condition under which no row has a rationale is not assessed, and the report says so once: most often nobody asked for
rationales there, and a rate of zero would say that they were asked for and withheld.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affidavit.case import Case
from affidavit.citations import VERSION as WORD_LIST
from affidavit.citations import citations
from affidavit.conditions import AS_SUPPLIED, Condition
from affidavit.confusion import FloatArray, Statistic, ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Refusal
from affidavit.tally import OutcomeCounter, Tally, outcome_columns
from audit.outcomes import outcome_claims

NAME = "rationales"
VERSION = "3"
NAMES: Final = MappingProxyType({"T": "text", "A": "audio", "V": "video"})
_COLUMNS: Final = ("present", "rows", "words", *(f"cites_{NAMES[m]}" for m in NAMES), "cites_absent")
SOURCE: Final = f"share of rationales, English word list of affidavit/citations.py version {WORD_LIST}"


def _pick(column: str) -> FloatArray:
    return np.asarray(np.eye(len(_COLUMNS))[_COLUMNS.index(column)])


def _statistics(*, absent_can_be_cited: bool) -> tuple[Statistic, ...]:
    cites = [f"cites_{NAMES[m]}" for m in NAMES] + (["cites_absent"] if absent_can_be_cited else [])
    named = {"cites_absent": "cites_absent_modality_rate"}
    return (
        ratio_statistic(
            "rationale_rate",
            _pick("present"),
            _pick("rows"),
            higher_is_better=None,
            source="share of rows with a rationale",
        ),
        ratio_statistic(
            "rationale_words",
            _pick("words"),
            _pick("present"),
            higher_is_better=None,
            high=None,
            source="mean number of words of a rationale",
        ),
        *(
            ratio_statistic(
                named.get(name, f"{name}_rate"),
                _pick(name),
                _pick("present"),
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
        tallies = _tallies(predictions, case.by)
        silent = [condition for condition in predictions.conditions if condition not in tallies]
        refusals += [_nothing_said(run, silent)] if silent else []
        for i, (condition, tally) in enumerate(tallies.items()):
            shown = Condition.parse(condition).modalities
            statistics = _statistics(absent_can_be_cited=condition != AS_SUPPLIED and len(shown) < len(NAMES))
            claims += outcome_claims(
                case, examination=NAME, version=VERSION, run=run, tally=tally, statistics=statistics
            )
            case.progress("describing rationales", i + 1, len(tallies))
    return Testimony(claims=tuple(claims), refusals=tuple(refusals))


def _nothing_said(run: str, conditions: Sequence[str]) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because=f"no row has a rationale under {', '.join(conditions)}",
        remedy="ask for rationales under these conditions too, if they are to be assessed there (the reasoner "
        "`instructed` writes them with `rationales: all`)",
    )


def _tallies(predictions: Predictions, by: tuple[str, ...]) -> dict[str, Tally]:
    """Return the tallies of the conditions under which any row has a rationale.

    The table is read once, batch by batch, so that it does not matter whether it is held or streamed.
    """
    counters = [OutcomeCounter(predictions, by, condition=condition) for condition in predictions.conditions]
    n_present = np.zeros(len(counters))
    absent = [_absent(condition) for condition in predictions.conditions]
    for batch in predictions.coded_batches([*outcome_columns(predictions, by), "rationale"]):
        sums = _row_sums(pa.array(batch["rationale"], pa.string()), batch["condition"], absent)
        for i, counter in enumerate(counters):
            chosen = batch["condition"] == i
            if chosen.any():
                counter.add({name: values[chosen] for name, values in batch.items()}, sums[chosen])
                n_present[i] += sums[chosen, _COLUMNS.index("present")].sum()
    return {counter.condition: counter.tally() for counter, n in zip(counters, n_present, strict=True) if n}


def _absent(condition: str) -> list[str]:
    """Return the modalities that were not shown; none where nobody knows what was."""
    shown = Condition.parse(condition).modalities
    return [m for m in NAMES if m not in shown] if shown else []


def _row_sums(text: pa.Array, condition: NDArray[Any], absent: list[list[str]]) -> FloatArray:
    """Return [N, columns]: what each row adds to presence, rows, words and citations."""
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    words = pc.list_value_length(pc.split_pattern_regex(trimmed, r"\s+")).to_numpy(zero_copy_only=False)
    present = pc.not_equal(trimmed, "").to_numpy(zero_copy_only=False)
    cites = {m: cited.to_numpy(zero_copy_only=False) for m, cited in citations(trimmed).items()}
    absent_cited = np.zeros(len(present), dtype=bool)
    for i, missing in enumerate(absent):
        if missing:
            absent_cited |= (condition == i) & np.any([cites[m] for m in missing], axis=0)
    columns = [present, np.ones(len(present)), np.where(present, words, 0), *cites.values(), absent_cited]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Rationales by group",
    method_version=VERSION,
    access=("table", "rationales"),
    metrics=frozenset(
        f"{statistic.name}{ending}"
        for statistic in _statistics(absent_can_be_cited=True)
        for ending in ("", "_difference")
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
)
