"""Interventions that Fairlearn and scikit-learn fit; the packages are imported when one is fitted.

All of them take log-probabilities, standardised on the half that they are fitted on. Randomised answers are drawn with
a seed, so that they repeat. Fairlearn seeds torch's own generator; it is put back. Fairlearn's three know no weights:
who fits them hands over rows drawn by weight (`audit.mitigation.trial`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from audit.mitigation.material import FloatArray, IntArray, Sample
from audit.mitigation.recipe import Decide, Recipe

_HIDDEN: Final = 16
_BATCH: Final = 512
_RATE: Final = 0.01


def stacking(sample: Sample, recipe: Recipe) -> Decide:
    """Fit a multinomial logistic regression over log-probabilities; the recipe has no part in it."""
    return _regression(sample, sample.weight)


def reweighing(sample: Sample, recipe: Recipe) -> Decide:
    """Fit it to rows weighted so that group and label are independent, weights capped."""
    weights = np.minimum(independence_weights(sample), recipe.largest_weight)
    return _regression(sample, sample.weight * weights)


def independence_weights(sample: Sample) -> FloatArray:
    """Return P(group) P(label) / P(group, label) of each row [N]: Kamiran, Calders 2012."""
    joint = np.zeros((sample.n_groups, sample.n_labels))
    np.add.at(joint, (sample.group, sample.truth), sample.weight)
    joint /= joint.sum()
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    return np.asarray(expected[sample.group, sample.truth] / joint[sample.group, sample.truth])


def threshold_optimizer(sample: Sample, recipe: Recipe) -> Decide:
    """Fit thresholds per group on the probability of the label."""
    from fairlearn.postprocessing import ThresholdOptimizer  # type: ignore[import-untyped]

    from audit.mitigation.as_given import AsGiven

    optimizer = ThresholdOptimizer(
        estimator=AsGiven(), constraints=recipe.constraint, prefit=True, predict_method="predict_proba"
    )
    with _quiet():
        optimizer.fit(sample.probabilities, sample.truth, sensitive_features=sample.group)

    def decide(rows: Sample) -> IntArray:
        with _quiet():
            answers = optimizer.predict(rows.probabilities, sensitive_features=rows.group, random_state=recipe.seed)
        return np.asarray(answers, dtype=np.int64)

    return decide


def exponentiated_gradient(sample: Sample, recipe: Recipe) -> Decide:
    """Fit a randomised mixture of logistic regressions under the constraint."""
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    constraint = EqualizedOdds() if recipe.constraint == "equalized_odds" else DemographicParity()
    scaler = _scaler(sample)
    reduction = ExponentiatedGradient(LogisticRegression(max_iter=1000), constraints=constraint, eps=0.01)
    with _quiet():
        reduction.fit(scaler.transform(sample.logarithms), sample.truth, sensitive_features=sample.group)

    def decide(rows: Sample) -> IntArray:
        with _quiet():
            answers = reduction.predict(scaler.transform(rows.logarithms), random_state=recipe.seed)
        return np.asarray(answers, dtype=np.int64)

    return decide


def adversarial(sample: Sample, recipe: Recipe) -> Decide:
    """Fit a network of one hidden layer against an adversary that tells the group."""
    import torch
    from fairlearn.adversarial import AdversarialFairnessClassifier  # type: ignore[import-untyped]

    scaler = _scaler(sample)
    network = AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=[_HIDDEN, "relu"],
        adversary_model=[_HIDDEN, "relu"],
        constraints=recipe.constraint,
        alpha=recipe.strength,
        epochs=recipe.epochs,
        batch_size=_BATCH,
        shuffle=True,
        learning_rate=_RATE,
        random_state=recipe.seed,
    )
    with _quiet(), torch.random.fork_rng(devices=[]):
        network.fit(_single(scaler, sample), sample.truth, sensitive_features=sample.group)
    return lambda rows: np.asarray(network.predict(_single(scaler, rows)), dtype=np.int64).reshape(-1)


def _scaler(sample: Sample) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    return StandardScaler().fit(sample.logarithms)


def _single(scaler: Any, sample: Sample) -> Any:  # noqa: ANN401 - as above
    return scaler.transform(sample.logarithms).astype(np.float32)


def _regression(sample: Sample, weights: FloatArray) -> Decide:
    from sklearn.linear_model import LogisticRegression

    scaler, model = _scaler(sample), LogisticRegression(max_iter=1000)
    with _quiet():
        model.fit(scaler.transform(sample.logarithms), sample.truth, sample_weight=weights / weights.mean())
    return lambda rows: np.asarray(model.predict(scaler.transform(rows.logarithms)), dtype=np.int64)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to themselves what Fairlearn and scikit-learn say of pandas' future and of steps not yet at rest."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning, UserWarning, RuntimeWarning):
            warnings.simplefilter("ignore", category)
        yield
