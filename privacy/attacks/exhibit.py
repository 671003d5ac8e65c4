"""The tables behind the findings: every attack, the curve on two logarithmic axes, and all numbers by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from affidavit.claims import claim_rows
from affidavit.examinations import Claim
from affidavit.exhibit_columns import BY_GROUP, ESTIMATE
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.records import Estimate, ExhibitColumn, Interval
from privacy.attacks.attack import WORDS, AttackName
from privacy.attacks.groups import groups_of
from privacy.attacks.intervals import auroc_interval, share_interval, tpr_interval
from privacy.attacks.measures import AUROC, LEAST_UNITS, RATES, TPR
from privacy.attacks.roc import auroc, curve, threshold_at
from privacy.attacks.study import Study
from privacy.attacks.told import shown
from privacy.attacks.units import Scored

Row = dict[str, Cell]
MOST_POINTS: Final = 160
MOST_POINTS_OF_A_GROUP: Final = 60
EVERYBODY: Final = "everybody"


def _column(name: str, kind: str, description: str) -> ExhibitColumn:
    return ExhibitColumn(name=name, type=kind, description=description)


ATTACKS: Final = (
    _column("run", "text", "the run"),
    _column("attack", "text", "the attack"),
    _column("leads", "text", "yes for the attack that findings are of, as was fixed before scoring"),
    _column("metric", "text", "what is told of it"),
    *ESTIMATE,
)
CURVE: Final = (
    _column("run", "text", "the run"),
    _column("attack", "text", "the attack"),
    _column("leads", "text", "yes for the attack that findings are of, as was fixed before scoring"),
    _column(
        "features", "text", "the feature of the group, empty for everybody; groups are told by their own threshold"
    ),
    _column("group", "text", "the group"),
    _column("log10_fpr", "number", "logarithm of the share of non-members above the threshold"),
    _column("log10_tpr", "number", "logarithm of the share of members above it"),
    _column("fpr", "number", "share of non-members above the threshold"),
    _column("tpr", "number", "share of members above it"),
    _column("tpr_low", "number", "lower end of the share of members, threshold held fixed"),
    _column("tpr_high", "number", "upper end of it"),
    _column("n_members", "integer", "members"),
    _column("n_non_members", "integer", "non-members"),
)


def attack_rows(study: Study) -> list[Row]:
    """Return what each possible attack reaches on everybody."""
    level, rows = study.case.statistics.level, []
    for attack, scored in study.scored.items():
        named: Row = {"run": study.run, "attack": WORDS[attack], "leads": "yes" if attack == study.attack else "no"}
        members, others = scored.members, scored.non_members
        rows.append({**named, **_told(AUROC, auroc(members, others), auroc_interval(members, others, level), scored)})
        for ending, rate in RATES.items():
            if shown(scored, rate):
                found = float((members > threshold_at(others, rate)).mean())
                rows.append(
                    {**named, **_told(f"{TPR}_{ending}", found, tpr_interval(members, others, rate, level), scored)}
                )
    return rows


def _told(metric: str, value: float, interval: Interval | str, scored: Scored) -> Row:
    estimate = Estimate(
        value=None if np.isnan(value) else value,
        interval=interval if isinstance(interval, Interval) else None,
        why_no_interval=interval if isinstance(interval, str) else None,
        n=int(scored.n_rows.sum()),
        n_clusters=len(scored.score),
    )
    within = estimate.interval
    return {
        "metric": metric,
        "value": estimate.value,
        "low": None if within is None else within.low,
        "high": None if within is None else within.high,
        "method": None if within is None else within.method,
        "n": estimate.n,
        "n_clusters": estimate.n_clusters,
    }


def curve_rows(study: Study) -> list[Row]:
    """Return the curves: of everybody by every attack, the one that leads first, and of groups of one feature by it.

    A curve's points are spread evenly on the logarithm of false alarms; the point (0, 0) has no logarithm. A group has
    a curve where `LEAST_UNITS` of its members and as many of its non-members were scored.
    """
    attacks = sorted(study.scored, key=lambda attack: attack != study.attack)
    rows = [row for attack in attacks for row in _curve(study, attack, study.scored[attack], ("", EVERYBODY))]
    for feature in study.features:
        for groups, part in groups_of(study, (feature,)):
            if min(len(part.members), len(part.non_members)) >= LEAST_UNITS:
                rows += _curve(study, study.attack, part, (feature, groups[feature]))
    return rows


def _curve(study: Study, attack: AttackName, scored: Scored, whom: tuple[str, str]) -> list[Row]:
    members, others = scored.members, scored.non_members
    if not len(members) or not len(others):
        return []
    points, sizes = curve(members, others), (len(members), len(others))
    # the best of each number of false alarms: what lies below it on the same vertical is no other attack
    last = np.flatnonzero(np.diff(points.false_positives, append=np.inf) > 0)
    last = last[points.false_positives[last] > 0]
    logs = np.log10(points.false_positives[last] / sizes[1])
    wanted = np.linspace(logs[0], 0.0, MOST_POINTS if whom[0] == "" else MOST_POINTS_OF_A_GROUP)
    places = np.unique(np.abs(logs[None, :] - wanted[:, None]).argmin(axis=1))
    level = study.case.statistics.level
    named: Row = {
        "run": study.run,
        "attack": WORDS[attack],
        "leads": "yes" if attack == study.attack else "no",
        "features": whom[0],
        "group": whom[1],
    }
    return [
        {**named, **_point(points.true_positives[i], points.false_positives[i], sizes, level)} for i in last[places]
    ]


def _point(found: float, alarms: float, sizes: tuple[int, int], level: float) -> Row:
    m, n = sizes
    interval = share_interval(int(found), m, level)
    return {
        "log10_fpr": float(np.log10(alarms / n)),
        "log10_tpr": float(np.log10(found / m)) if found else None,
        "fpr": float(alarms / n),
        "tpr": float(found / m),
        "tpr_low": interval.low if isinstance(interval, Interval) else None,
        "tpr_high": interval.high if isinstance(interval, Interval) else None,
        "n_members": m,
        "n_non_members": n,
    }


def exhibits(attacks: Sequence[Row], points: Sequence[Row], by_group: Sequence[Claim]) -> tuple[ExhibitTable, ...]:
    """Return the tables that have any row."""
    tables = (
        ("membership-attacks", "What each attack on membership reaches", ATTACKS, attacks),
        ("membership-roc", "Members found against false alarms, both on a logarithmic scale", CURVE, points),
        ("membership-by-group", "The attack on membership, by group", BY_GROUP, claim_rows(by_group)),
    )
    return tuple(
        ExhibitTable(
            id=id_, title=title, columns=columns, values={c.name: [row[c.name] for row in rows] for c in columns}
        )
        for id_, title, columns, rows in tables
        if rows
    )
