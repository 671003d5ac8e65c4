"""A site's own table, counted: from predictions to the sums that the plan asks for.

Refused here, before anything leaves: a table without patients' ids, without reference labels or with weights, labels
that the plan does not name, a patient in two groups of a feature that is not `of_rows`, more patients or rows of one
than the plan is sized for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from affidavit.confusion import class_sums
from affidavit.errors import ColumnError, PlanError, RowError
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.tally import Tally, tally
from federated.pooled.counts_plan import UNLISTED, Block, CountsPlan
from federated.pooled.sums import BlockSums, block_sums

IntArray = NDArray[np.int64]
PATIENTS = frozenset({"unit_id", "speaker_id"})


def counted(predictions: Predictions, plan: CountsPlan, *, rng: np.random.Generator) -> tuple[BlockSums, ...]:
    """Return the sums of a site's patients, one for each block of the plan, exact.

    `rng` draws which judgements of a patient count where the plan bounds their number for noise; else nothing is drawn.
    A condition that the site does not have counts nobody.

    Raises:
        InputError: the table cannot be counted; see the module.
        PlanError: a feature of the plan is not in the table.
    """
    require_countable(predictions, plan)
    tallies = tally(predictions, tuple(sorted(plan.features)))
    most = plan.most_rows if plan.noise is None else plan.noise.rows_per_patient
    order = [predictions.labels.index(label) if label in predictions.labels else -1 for label in plan.labels]
    found = []
    for condition in plan.conditions:
        one = tallies.get(condition)
        if one is not None and plan.noise is not None:
            one = _thinned(one, most, rng)
        if one is not None:
            _require_sized(one, plan)
        for block in plan.blocks:
            if block.condition == condition:
                found.append(_empty(block) if one is None else _counted(one, block, plan, np.array(order)))
    return tuple(found)


def require_countable(predictions: Predictions, plan: CountsPlan) -> None:
    """Refuse a table that cannot be part of the audit.

    Raises:
        InputError: see the module.
        PlanError: a feature of the plan is not in the table.
    """
    require_patients(predictions)
    where = predictions.source_name
    if strange := [label for label in predictions.labels if label not in plan.labels]:
        raise RowError(
            "this site has labels that the plan does not name",
            slug="row-label",
            where=where,
            found=", ".join(map(repr, strange[:6])),
            allowed=", ".join(map(repr, plan.labels)),
            remedy="rename them where they mean the same; else the plan has to name them at every site",
        )
    require_features(predictions, tuple(plan.features))


def require_patients(predictions: Predictions) -> None:
    """Refuse a table that names no patients, or does not say what was right.

    Raises:
        ColumnError: it does not.
    """
    where = predictions.source_name
    if predictions.unit not in PATIENTS:
        raise ColumnError(
            "a federated audit counts patients, and nobody is named",
            slug="column-missing",
            where=where,
            found=f"units by {predictions.unit}",
            allowed="unit_id or speaker_id",
            remedy="add the id of the patient (else of the speaker) of each row; it does not leave the site",
        )
    if predictions.task is not Task.MULTICLASS or not predictions.labelled or "weight" in predictions.columns:
        raise ColumnError(
            "a federated audit counts right and wrong labels",
            slug="column-missing",
            where=where,
            found=f"task {predictions.task}, weights {'weight' in predictions.columns}",
            allowed="a multiclass table with y_true and y_pred, without weights",
            remedy="add y_true; take out the column weight",
        )


def require_features(predictions: Predictions, features: Sequence[str]) -> None:
    """Refuse a table that lacks a feature.

    Raises:
        PlanError: it does.
    """
    if missing := [feature for feature in features if f"group_{feature}" not in predictions.columns]:
        raise PlanError(
            "the plan compares groups by a feature that this site's table does not have",
            slug="plan-impossible",
            where=predictions.source_name,
            found=", ".join(missing),
            remedy="name the column when the table is read; a column that says `unknown` in every row is counted as "
            f"{UNLISTED}",
        )


def _require_sized(one: Tally, plan: CountsPlan) -> None:
    rows = np.bincount(one.unit, weights=one.n_rows)
    if len(rows) and (int(rows.max()) > plan.most_rows or int((rows > 0).sum()) > plan.most_units):
        raise PlanError(
            "this site has more than the plan is sized for",
            slug="plan-impossible",
            where=one.condition,
            found=f"{int((rows > 0).sum()):,} patients, one with {int(rows.max()):,} rows",
            allowed=f"{plan.most_units:,} patients of {plan.most_rows:,} rows each",
            remedy="raise most_units or most_rows in the plan, for every site alike",
        )


def _counted(one: Tally, block: Block, plan: CountsPlan, order: IntArray) -> BlockSums:
    grouped = one.by(block.features)
    place = _places(grouped.groups, block)[grouped.group]
    sums = _in_order(np.rint(class_sums(grouped.sums, _n_labels(grouped.sums))).astype(np.int64), order)
    n_groups = len(block.groups)
    pair, row = np.unique(grouped.unit * n_groups + place, return_inverse=True)
    together = np.zeros((len(pair), sums.shape[1]), dtype=np.int64)
    np.add.at(together, row, sums)
    n_rows = np.bincount(row, weights=grouped.n_rows, minlength=len(pair)).astype(np.int64)
    unit, group = np.divmod(pair, n_groups)
    if not block.joint and len(np.unique(unit)) < len(unit):
        raise RowError(
            "a patient is in two groups of one feature",
            slug="unit-in-two-groups",
            where=f"{block.condition}, {' x '.join(block.features)}",
            remedy="name the feature under of_rows in the plan where it belongs to the utterance; else correct it",
        )
    return block_sums(block, together, unit, group, n_rows)


def _places(groups: tuple[object, ...], block: Block) -> IntArray:
    """Return for each group of the site's table the group of the plan; a level that is not named is `unlisted`."""
    known = {tuple(group.items()): place for place, group in enumerate(block.groups)}
    levels = {feature: {group[feature] for group in block.groups} for feature in block.features}

    def place(group: object) -> int:
        named = dict(group)  # type: ignore[call-overload]
        return known[tuple((f, named[f] if named[f] in levels[f] else UNLISTED) for f in block.features)]

    return np.array([place(group) for group in groups], dtype=np.int64)


def _n_labels(matrices: NDArray[np.float64]) -> int:
    return math.isqrt(matrices.shape[1])


def _in_order(sums: IntArray, order: IntArray) -> IntArray:
    """Return class sums [R, 3 k] of the site's labels as those of the plan's; a label that the site lacks is none."""
    own = sums.reshape(len(sums), 3, -1)
    padded = np.concatenate([own, np.zeros((len(sums), 3, 1), dtype=np.int64)], axis=2)  # -1 picks the empty one
    return np.asarray(padded[:, :, order].reshape(len(sums), -1))


def _thinned(one: Tally, most: int, rng: np.random.Generator) -> Tally:
    """Return the tally with at most so many rows of each unit, drawn without replacement."""
    sums, n_rows = one.sums.copy(), one.n_rows.copy()
    rows = np.bincount(one.unit, weights=one.n_rows)
    for unit in np.flatnonzero(rows > most):
        own = np.flatnonzero(one.unit == unit)
        cells = np.rint(sums[own]).astype(np.int64)
        kept = rng.multivariate_hypergeometric(cells.reshape(-1), most).reshape(cells.shape)
        sums[own], n_rows[own] = kept, kept.sum(axis=1)
    there = n_rows > 0
    return replace(one, sums=sums[there], n_rows=n_rows[there], unit=one.unit[there], cell=one.cell[there])


def _empty(block: Block) -> BlockSums:
    return BlockSums.of(block, np.zeros(block.size, dtype=np.int64))
