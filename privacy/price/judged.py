"""What all models judged, of patients whom none was trained on; or why there is nothing to compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from affidavit.case import Case
from affidavit.options import read_options
from affidavit.predictions import Predictions
from affidavit.records import Record, Refusal
from privacy.price.items import Items, match_items, shared_condition
from privacy.price.met import Met, met_by
from privacy.price.models import Declared, Models, enough

NAME: Final = "price-of-privacy"


class PriceOptions(Record):
    """The options of this examination in a plan."""

    runs: Mapping[str, Declared] = Field(default_factory=dict)
    """What is said of single runs: `private`, `epsilon`, `seed`; held against their cards."""
    cards: str | None = None
    """A JSON file with the card of each run's model, by run, where the plan did not train them."""
    condition: str | None = None
    """Under which condition; the fullest that every run has where absent."""
    most_rows: int = Field(default=5_000_000, ge=1)
    """More rows than this, over all runs, are refused: matching items takes them all at once."""


def options_of(case: Case) -> PriceOptions:
    """Return the options that the plan gives."""
    return read_options(PriceOptions, case.options, of=f"examination {NAME}")


def unmatched(case: Case, models: Models, options: PriceOptions) -> Refusal | None:
    """Refuse runs whose items cannot be matched."""
    runs = _runs(case, models)
    kinds = sorted({run.unit for run in runs.values()})
    n_rows = sum(run.n_rows for run in runs.values())
    several = [name for name, run in runs.items() if len(run.levels["reasoner"]) > 1]
    condition = _condition(runs, options)
    remedy = "judge the same utterances with every model, under one condition, and name them alike"
    if len(kinds) > 1:
        because = f"the tables count unlike units ({' and '.join(kinds)})"
        remedy = "bring the same ids (unit_id, else speaker_id) in every table"
    elif several:
        because = f"{several[0]} has the answers of several reasoners in one table"
        remedy = "make each model a run of its own, with its own card"
    elif n_rows > options.most_rows:
        because = f"the runs have {n_rows:,} rows, and at most {options.most_rows:,} are matched"
        remedy = "judge a sample of the utterances, or set the option most_rows"
    elif condition is None:
        because = _no_condition(runs, options)
    else:
        return None
    return Refusal(examination=NAME, because=because, remedy=remedy)


def _no_condition(runs: Mapping[str, Predictions], options: PriceOptions) -> str:
    if options.condition is None:
        return "no condition of use is shared by all runs"
    there = sorted({name for run in runs.values() for name in run.conditions})
    return f"not every run has the condition {options.condition!r}; there are {', '.join(there)}"


def judged_by(case: Case, models: Models, options: PriceOptions) -> tuple[Items, Met] | Refusal:
    """Return what every model judged of patients whom none was trained on, or why there is nothing."""
    runs = _runs(case, models)
    condition = _condition(runs, options)
    items = None if condition is None else match_items(runs, case.by, condition)
    if items is None:
        because = f"no utterance was judged by every model under {condition} with one reference label"
        remedy = "judge the same utterances with every model, and name them and their labels alike"
        return Refusal(examination=NAME, because=because, remedy=remedy)
    met = met_by(models.all, items.patients, progress=case.progress)
    left = items.without(met.trained)
    if left is None:
        because = "some model was trained on every patient whom all models judged"
        remedy = "judge patients whom training held out, or another corpus, with every model"
        return Refusal(examination=NAME, because=because, remedy=remedy)
    return left, met


def _runs(case: Case, models: Models) -> dict[str, Predictions]:
    return {run: case.runs[run] for run in enough(models).runs}


def _condition(runs: Mapping[str, Predictions], options: PriceOptions) -> str | None:
    if options.condition is None:
        return shared_condition(list(runs.values()))
    return options.condition if all(options.condition in run.conditions for run in runs.values()) else None
