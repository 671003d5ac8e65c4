"""The models behind a price, one row each."""

from __future__ import annotations

from typing import Final

from affidavit.case import Case
from affidavit.exhibits import ExhibitTable
from affidavit.levels import natural
from affidavit.records import ExhibitColumn
from privacy.price.models import Model, Models


def _column(name: str, kind: str, description: str) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, description=description)


COLUMNS: Final = (
    _column("run", "text", "the run that the model judged"),
    _column("part", "text", "twin, private, or left out (no card, or too few seeds at its epsilon)"),
    _column("epsilon", "number", "asked for; names the model's arm"),
    _column("accounted_epsilon", "number", "as the ledger counts it"),
    _column("delta", "number", "of the accounted epsilon"),
    _column("unit", "text", "who is protected"),
    _column("neighbours", "text", "neighbouring relation"),
    _column("sampler", "text", "how units are drawn into a step"),
    _column("accountant", "text", "what counted"),
    _column("noise_multiplier", "number", "standard deviation of the noise over the clipping bound"),
    _column("clip_norm", "number", "bound on one unit's gradient"),
    _column("seed", "integer", "of the training; empty where nobody knows it"),
)


def models_exhibit(case: Case, models: Models, *, left_out: tuple[str, ...]) -> ExhibitTable:
    """Return what the cards say of every run."""
    known = {model.run: model for model in models.all}
    runs = sorted(case.runs, key=natural)
    rows = [_row(run, known.get(run), left_out=run in left_out or run not in known) for run in runs]
    return ExhibitTable(
        id="price-of-privacy-models",
        title="Models behind the price of privacy",
        columns=COLUMNS,
        values={column.name: [row[i] for row in rows] for i, column in enumerate(COLUMNS)},
    )


def _row(run: str, model: Model | None, *, left_out: bool) -> tuple[str | int | float | None, ...]:
    if model is None:
        return (run, "left out", *[None] * (len(COLUMNS) - 2))
    card = model.card
    part = "left out" if left_out else "private" if card.private else "twin"
    return (
        run,
        part,
        card.target,
        card.accounted,
        card.delta,
        card.unit,
        card.neighbours,
        card.sampler,
        card.accountant,
        card.noise_multiplier,
        card.clip_norm,
        model.seed if model.seed >= 0 else None,
    )
