"""The exhibit behind canary gradients: one row an instrument, with what it could have shown and what it cannot see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import ExhibitColumn
from privacy.bounds.gaussian import CONDITION
from privacy.canaries.gradient import NoiseAudit
from privacy.canaries.inside.checks import Checks, Declared, ReachCheck, RunCheck, sampler_p_value

Row = dict[str, Cell]
REFUTED, STANDS, WEAK, UNHELD = "refuted", "not refuted", "could not have been refuted", "nothing to hold it against"
_GUESSES: Final = "sampling that a guesser is not told of, and all that so few canaries cannot show"
_STEPS: Final = "how units are sampled: canaries are put in by the audit"
_REACH: Final = "noise, who is in a step, every unit that was not asked"
COLUMNS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="instrument", type="text", description="what was looked at"),
    ExhibitColumn(name="number", type="text", description="what the number is"),
    ExhibitColumn(name="holds_for", type="text", description="for which mechanisms it holds"),
    ExhibitColumn(name="found", type="number", description="what was found"),
    ExhibitColumn(name="low", type="number", description="its lower bound, one-sided at the confidence"),
    ExhibitColumn(name="high", type="number", description="its upper bound, one-sided at the confidence"),
    ExhibitColumn(name="declared", type="number", description="what the training's card, or accountants, say of it"),
    ExhibitColumn(name="ceiling", type="number", description="what a perfect attack on as many would have shown"),
    ExhibitColumn(name="confidence", type="number", description="one-sided, of each row by itself"),
    ExhibitColumn(name="n", type="integer", description="canaries, trials, coordinates, units or steps behind it"),
    ExhibitColumn(name="p_value", type="number", description="of what is declared; not corrected"),
    ExhibitColumn(
        name="verdict", type="text", description="of what is declared, corrected for the instruments together"
    ),
    ExhibitColumn(name="blind_to", type="text", description="what this instrument cannot see"),
)


def checks_exhibit(rows: Sequence[Row]) -> ExhibitTable:
    """Return the exhibit."""
    return ExhibitTable(
        id="gradient-canary-checks",
        title="What canary gradients, noise, reach and draws show of the training's steps",
        columns=COLUMNS,
        values={column.name: [row.get(column.name) for row in rows] for column in COLUMNS},
    )


def rows_of(run: str, checks: Checks, declared: Declared) -> list[Row]:
    """Return the rows of one run's checks."""
    rows = [
        *run_rows(checks.run, refuted=checks.refutes(checks.run.p_value)),
        step_row(checks.single, refuted=checks.refutes(checks.single.p_value)),
        _noise_row(checks),
        _reach_row(checks.reach),
    ]
    if checks.sampler is not None:
        rows.append(_sampler_row(checks, declared))
    return [{"run": run, "confidence": checks.confidence, **row} for row in rows]


def run_rows(check: RunCheck, *, refuted: bool) -> list[Row]:
    """Return the bounds of epsilon from one run: for any mechanism, and for Gaussian ones."""
    bound, promise, gaussian = check.bound, check.promise, check.gaussian
    if promise is None:
        verdict = UNHELD
    else:
        verdict = REFUTED if refuted else WEAK if bound.ceiling <= promise.epsilon else STANDS
    shared: Row = {
        "instrument": "one run of canaries",
        "declared": None if promise is None else promise.epsilon,
        "n": check.found.run.n_canaries,
        "blind_to": _GUESSES,
    }
    number = f"epsilon at delta {bound.delta:g}"
    rows: list[Row] = [
        {
            **shared,
            "number": number,
            "holds_for": "any mechanism",
            "found": bound.epsilon,
            "low": bound.epsilon,
            "ceiling": bound.ceiling,
            "p_value": check.p_value,
            "verdict": verdict,
        }
    ]
    if gaussian is not None:
        found = {
            "found": gaussian.epsilon.epsilon,
            "low": gaussian.epsilon.epsilon,
            "ceiling": gaussian.epsilon.ceiling,
        }
        rows.append({**shared, "number": number, "holds_for": CONDITION, **found, "verdict": "conditional"})
    return rows


def step_row(found: NoiseAudit, *, refuted: bool) -> Row:
    """Return the bound of mu from single steps."""
    return {
        "instrument": "canaries in single steps",
        "number": "mu of one step over everybody",
        "holds_for": CONDITION,
        "found": found.bound.mu,
        "low": found.bound.mu,
        "declared": found.promised_mu,
        "ceiling": found.bound.ceiling,
        "n": found.counts.n_members + found.counts.n_non_members,
        "p_value": found.p_value,
        "verdict": REFUTED if refuted else STANDS if found.could_tell else WEAK,
        "blind_to": _STEPS,
    }


def _noise_row(checks: Checks) -> Row:
    at = checks.noise.at(2 * checks.confidence - 1)  # one-sided at the confidence
    return {
        "instrument": "noise",
        "number": "noise multiplier",
        "holds_for": "normal noise",
        "found": at.measured,
        "low": at.low,
        "high": at.high,
        "declared": at.claimed,
        "n": at.n,
        "p_value": checks.noise.p_value,
        "verdict": REFUTED if checks.refutes(checks.noise.p_value) else STANDS,
        "blind_to": at.blind_to,
    }


def _reach_row(check: ReachCheck) -> Row:
    return {
        "instrument": "reach of one unit",
        "number": "largest contribution, in clip norms",
        "holds_for": "any mechanism",
        "found": check.largest,
        "low": check.largest,
        "high": check.largest,
        "declared": 1.0,
        "n": check.n_units,
        "verdict": REFUTED if check.broken else STANDS,
        "blind_to": _REACH,
    }


def _sampler_row(checks: Checks, declared: Declared) -> Row:
    if checks.sampler is None:
        raise TypeError("nothing was sampled")
    found, p_value = checks.sampler, sampler_p_value(checks.sampler)
    return {
        "instrument": "draws",
        "number": f"dispersion of batch sizes at rate {declared.options.sample_rate:g}",
        "holds_for": "any mechanism",
        "found": found.size_dispersion,
        "declared": 1.0,
        "n": found.n_steps,
        "p_value": p_value,
        "verdict": REFUTED if checks.refutes(p_value) else STANDS,
        "blind_to": found.blind_to,
    }
