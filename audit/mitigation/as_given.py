"""A fitted classifier whose probabilities are what it is given: for Fairlearn's thresholds, which ask for a model.

It imports scikit-learn, and is imported when thresholds are fitted.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin  # type: ignore[import-untyped]

from audit.mitigation.material import FloatArray, IntArray


class AsGiven(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier of two answers."""

    classes_ = np.array([0, 1])

    def fit(self, X: FloatArray, y: IntArray) -> AsGiven:
        """Learn nothing."""
        return self

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """Return what is given."""
        return np.asarray(X)

    def __sklearn_is_fitted__(self) -> bool:
        return True
