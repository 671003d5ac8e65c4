"""How far do sites differ, from the estimates that they told? Findings of accuracy over everybody, the rest in tables.

A site tells its own estimate only where its policy says so; where fewer than two do, nothing is said but that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from affidavit.claims import Place, place_finding
from affidavit.estimates import estimate_of
from affidavit.examinations import Claim, Testimony
from affidavit.exhibit_columns import PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.records import ExhibitColumn, Interval, Refusal
from federated.pooled.contribution import SiteRow
from federated.pooled.exhibits import SITE, Row, place_cells, table_of_rows
from federated.pooled.random_effects import RandomEffects, leave_one_out, random_effects
from federated.pooled.totals import Totals

MAIN: Final = "accuracy"
SOURCE: Final = "Paule, Mandel 1982; Hartung, Knapp 2001; Viechtbauer 2007; Higgins, Thompson 2002"
Key = tuple[str, tuple[tuple[str, str], ...], str]
"""Condition, group, metric."""


def heterogeneity(totals: Totals) -> Testimony:
    """Return how far sites differ; a refusal where fewer than two told their own estimates."""
    told = _told(totals)
    comparable = {key: rows for key, rows in told.items() if len(rows) > 1}
    if not comparable:
        return Testimony(refusals=(_stayed(totals),))
    level = totals.plan.statistics.level
    found = {key: _of(rows, level) for key, rows in comparable.items()}
    claims = [
        claim
        for key, effects in found.items()
        if key[2] == MAIN and not key[1]
        for claim in _claims(totals, key[0], comparable[key], effects)
    ]
    return Testimony(claims=tuple(claims), exhibits=_exhibits(totals, told, found, level))


def _told(totals: Totals) -> dict[Key, list[tuple[str, SiteRow]]]:
    told: dict[Key, list[tuple[str, SiteRow]]] = {}
    for site in sorted(totals.rows):
        for row in totals.rows[site]:
            if row.n_units >= totals.plan.floor:
                key = (row.condition, tuple(row.groups.items()), row.metric)
                told.setdefault(key, []).append((site, row))
    return told


def _of(rows: Sequence[tuple[str, SiteRow]], level: float) -> RandomEffects:
    return random_effects(*_arrays(rows), level=level)


def _arrays(rows: Sequence[tuple[str, SiteRow]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row.value for _, row in rows]), np.array([row.standard_error for _, row in rows])


def _claims(totals: Totals, condition: str, rows: Sequence[tuple[str, SiteRow]], effects: RandomEffects) -> list[Claim]:
    place = Place(
        examination="federated-audit",
        method_version="1",
        run=totals.plan.run,
        condition=condition,
        family=(),
        has_units=True,
        level=totals.plan.statistics.level,
    )
    names = ("accuracy_random_effects", "accuracy_tau", "accuracy_i_squared")
    return [_claim(place, name, rows, effects) for name in names]


def _ends(name: str, found: RandomEffects) -> tuple[float, float, float, str]:
    """Return value, bounds and method of one of the three numbers."""
    if name == "accuracy_tau":
        return found.tau, found.tau_low, found.tau_high, "Q profile over sites"
    if name == "accuracy_i_squared":
        return found.i_squared, found.i_squared_low, found.i_squared_high, "Q profile over sites"
    return found.mean, max(found.low, 0.0), min(found.high, 1.0), "Hartung-Knapp t over sites"


def _claim(place: Place, name: str, rows: Sequence[tuple[str, SiteRow]], effects: RandomEffects) -> Claim:
    def interval_at(level: float) -> Interval | str:
        _, low, high, method = _ends(name, _of(rows, level))
        return Interval(low=low, high=high, level=level, method=method)

    n = sum(row.n_units for _, row in rows)
    value = _ends(name, effects)[0]
    finding = place_finding(
        place,
        name,
        estimate_of(value, interval_at(place.level), n=n, n_units=n),
        groups={},
        higher_is_better=True if name == "accuracy_random_effects" else None,
        source=SOURCE,
    )
    caveat = f"of the {len(rows)} sites that told their own estimate; n counts their patients"
    return Claim(finding=finding.model_copy(update={"caveats": (caveat,)}), interval_at=interval_at)


ROWS = (
    *PLACE,
    SITE,
    ExhibitColumn(name="metric", type="text", description="the metric"),
    ExhibitColumn(name="value", type="number", description="the site's own estimate"),
    ExhibitColumn(name="standard_error", type="number", description="its standard error over the site's patients"),
    ExhibitColumn(name="n_clusters", type="integer", description="the site's patients in the group", unit="units"),
)
_EFFECTS = (
    ExhibitColumn(name="metric", type="text", description="the metric"),
    ExhibitColumn(name="n_sites", type="integer", description="sites that told an estimate", unit="sites"),
    ExhibitColumn(name="mean", type="number", description="random-effects mean"),
    ExhibitColumn(name="low", type="number", description="lower end, Hartung-Knapp"),
    ExhibitColumn(name="high", type="number", description="upper end, Hartung-Knapp"),
    ExhibitColumn(name="tau", type="number", description="standard deviation between sites"),
    ExhibitColumn(name="tau_low", type="number", description="lower end, Q profile"),
    ExhibitColumn(name="tau_high", type="number", description="upper end, Q profile"),
    ExhibitColumn(name="i_squared", type="number", description="share of the variance that is between sites"),
    ExhibitColumn(name="i_squared_low", type="number", description="lower end, Q profile"),
    ExhibitColumn(name="i_squared_high", type="number", description="upper end, Q profile"),
)
WITHOUT = ExhibitColumn(name="without", type="text", description="the site that is left out, empty for none")


def _exhibits(
    totals: Totals,
    told: Mapping[Key, list[tuple[str, SiteRow]]],
    found: Mapping[Key, RandomEffects],
    level: float,
) -> tuple[ExhibitTable, ...]:
    rows: list[Row] = []
    summaries: list[Row] = []
    for key, own in told.items():
        where = {**place_cells(totals.plan.run, key[0], dict(key[1])), "metric": key[2]}
        for site, row in own:
            cells = {"value": row.value, "standard_error": row.standard_error, "n_clusters": row.n_units}
            rows.append({**where, "site": site, **cells})
        if key not in found:
            continue
        summaries.append({**where, "without": None, **_effect_cells(found[key])})
        left = leave_one_out(*_arrays(own), level=level)
        summaries += [
            {**where, "without": site, **_effect_cells(effects)} for (site, _), effects in zip(own, left, strict=False)
        ]
    return (
        table_of_rows("federated-site-rows", "Own estimates of the sites that told them", ROWS, rows),
        table_of_rows(
            "federated-heterogeneity", "How far sites differ, and without each", (*PLACE, WITHOUT, *_EFFECTS), summaries
        ),
    )


def _effect_cells(effects: RandomEffects) -> dict[str, str | int | float | None]:
    return {
        "n_sites": effects.n_sites,
        "mean": effects.mean,
        "low": max(effects.low, 0.0),
        "high": min(effects.high, 1.0),
        "tau": effects.tau,
        "tau_low": effects.tau_low,
        "tau_high": effects.tau_high,
        "i_squared": effects.i_squared,
        "i_squared_low": effects.i_squared_low,
        "i_squared_high": effects.i_squared_high,
    }


def _stayed(totals: Totals) -> Refusal:
    return Refusal(
        examination="federated-audit",
        run=totals.plan.run,
        because="how far sites differ is not said: fewer than two told their own estimates",
        remedy="let two sites above the floor count with --tell-own-row, where their policy allows it",
    )
