"""What the simulator's answers are expected to be, exactly: the truth that coverage and power are measured against.

Speakers and their levels are independent draws from the stated shares, a speaker's number of utterances depends on no
level, and the beta distribution keeps its mean: so an expected rate is a sum over cells, whatever the `icc`. Where
accuracy falls with the number of utterances there are two truths: of rows, which the talkative dominate, and of
speakers, each counted once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import PlanError
from affidavit.schema import UNKNOWN
from reasoners.simulator_options import SimulatorOptions, normalised

FloatArray = NDArray[np.float64]


def expected_accuracy(options: SimulatorOptions, condition: str, groups: Mapping[str, str]) -> float:
    """Return the probability that an utterance of a group is judged right: the limit of the share of right rows.

    `groups` is feature to level; two entries are an intersection, none is everybody, and `unknown` is a level where
    the feature is sometimes missing.

    Raises:
        PlanError: there is no such condition or group.
    """
    return float(np.trace(expected_confusion(options, condition, groups)))


def expected_accuracy_per_unit(options: SimulatorOptions, condition: str, groups: Mapping[str, str]) -> float:
    """Return the mean over speakers of the probability that their utterances are judged right.

    It is also the mean over speakers of their average recall over the labels that they have, whichever these are: a
    speaker errs as often on each label.

    Raises:
        PlanError: there is no such condition or group.
    """
    _require(options, condition, groups)
    shares = _cell_shares(options, groups)
    return sum(share * options.cell_accuracy(condition, dict(cell)) for cell, share in shares.items())


def expected_selection_rate(
    options: SimulatorOptions, condition: str, groups: Mapping[str, str], *, label: str
) -> float:
    """Return the probability that an utterance of a group is given `label`.

    Raises:
        PlanError: there is no such condition or group.
    """
    return float(expected_confusion(options, condition, groups)[:, options.labels.index(label)].sum())


def expected_absent_citation_rate(options: SimulatorOptions, condition: str) -> float:
    """Return the probability that a rationale cites a modality that was not shown; 0 where all were."""
    shown = Condition.parse(condition).modalities
    return options.absent_citation_share if len(shown) < len(MODALITIES) else 0.0


def expected_confusion(options: SimulatorOptions, condition: str, groups: Mapping[str, str]) -> FloatArray:
    """Return the joint probabilities of true and given label, [K, K] in the order of `options.labels`, sum one.

    Raises:
        PlanError: there is no such condition or group.
    """
    _require(options, condition, groups)
    prior = np.array(list(options.label_distribution.values()))
    joint = np.zeros((len(prior), len(prior)))
    for cell, share in _cell_shares(options, groups).items():
        right = options.cell_accuracy(condition, dict(cell)) - options.loss_by_row
        wrong = error_rates(options, attracted=is_attracted(options, dict(cell)))
        joint += share * prior[:, None] * (right * np.eye(len(prior)) + (1 - right) * wrong)
    return joint


def error_rates(options: SimulatorOptions, *, attracted: bool) -> FloatArray:
    """Return the distribution of wrong labels for each true label, [K, K]; rows sum to one, the diagonal is zero."""
    rates = np.array([_pattern(options, label) for label in options.labels])
    if attracted and options.attractor is not None:
        target = options.labels.index(options.attractor.label)
        others = np.arange(len(rates)) != target
        rates[others] *= 1 - options.attractor.share
        rates[others, target] += options.attractor.share
    return rates


def is_attracted(options: SimulatorOptions, cell: Mapping[str, str]) -> bool:
    """Say whether the attractor draws this cell's errors."""
    return options.attractor is not None and cell[options.attractor.feature] == options.attractor.level


def _pattern(options: SimulatorOptions, label: str) -> list[float]:
    even = {other: 1.0 for other in options.labels if other != label}
    weights = normalised(options.confusion.get(label, even))
    return [weights.get(other, 0.0) for other in options.labels]


def _cell_shares(options: SimulatorOptions, groups: Mapping[str, str]) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the cells of a group and their shares of it; a feature is missing whatever its level."""
    fixed = {feature: level for feature, level in groups.items() if level != UNKNOWN}
    levels = options.levels
    shares = {
        tuple(cell.items()): float(np.prod([levels[feature][level] for feature, level in cell.items()]))
        for cell in options.cells()
        if all(cell[feature] == level for feature, level in fixed.items())
    }
    total = sum(shares.values())
    return {cell: share / total for cell, share in shares.items()}


def _require(options: SimulatorOptions, condition: str, groups: Mapping[str, str]) -> None:
    if condition not in options.conditions:
        raise _impossible("condition", condition, options.conditions)
    for feature, level in groups.items():
        if feature not in options.levels:
            raise _impossible("feature", feature, tuple(options.levels))
        known = (*options.levels[feature], *([UNKNOWN] if options.missing.get(feature) else []))
        if level not in known:
            raise _impossible(f"level of {feature}", level, known)


def _impossible(what: str, found: str, allowed: tuple[str, ...]) -> PlanError:
    return PlanError(
        f"the simulation has no such {what}",
        slug="plan-impossible",
        where="reasoner simulator",
        found=repr(found),
        allowed=", ".join(allowed),
        remedy="ask for what was simulated",
    )
