"""Interventions that Fairlearn and scikit-learn fit; imported when one is asked for.

All of them take log-probabilities, standardised on the half that they are fitted on. Randomised answers are drawn with
a seed, so that they repeat. Fairlearn seeds torch's own generator; it is put back.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

from audit.mitigation.material import FloatArray, IntArray, Sample
from audit.mitigation.methods import Decide, Recipe

_HIDDEN: Final = 16
_BATCH: Final = 512
_RATE: Final = 0.01


def stacking(sample: Sample) -> Decide:
    """Fit a multinomial logistic regression over log-probabilities."""
    return _regression(sample, sample.weight)


def reweighing(sample: Sample, *, largest_weight: float) -> Decide:
    """Fit it to rows weighted so that group and label are independent, weights capped."""
    weights = np.minimum(independence_weights(sample), largest_weight)
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

    optimizer = ThresholdOptimizer(
        estimator=_AsGiven(), constraints=recipe.constraint, prefit=True, predict_method="predict_proba"
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

    constraint = EqualizedOdds() if recipe.constraint == "equalized_odds" else DemographicParity()
    scaler = StandardScaler().fit(sample.logarithms)
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

    scaler = StandardScaler().fit(sample.logarithms)
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


def _single(scaler: StandardScaler, sample: Sample) -> Any:  # noqa: ANN401 - scikit-learn has no types
    return scaler.transform(sample.logarithms).astype(np.float32)


def _regression(sample: Sample, weights: FloatArray) -> Decide:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with _quiet():
        model.fit(sample.logarithms, sample.truth, logisticregression__sample_weight=weights / weights.mean())
    return lambda rows: np.asarray(model.predict(rows.logarithms), dtype=np.int64)


class _AsGiven(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A fitted classifier whose probabilities are what it is given."""

    classes_ = np.array([0, 1])

    def fit(self, X: FloatArray, y: IntArray) -> _AsGiven:
        """Learn nothing."""
        return self

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """Return what is given."""
        return np.asarray(X)

    def __sklearn_is_fitted__(self) -> bool:
        return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to themselves what Fairlearn and scikit-learn say of pandas' future and of steps not yet at rest."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning, UserWarning, RuntimeWarning):
            warnings.simplefilter("ignore", category)
        yield
