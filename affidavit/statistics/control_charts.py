"""Has a number changed from one audit to the next? A chart of its course, with a known rate of false alarms.

No true value is known beforehand: each number is held against the weighted mean of all before it, which gives
residuals that are independent and standard normal as long as nothing changes. Their exponentially weighted moving
average gathers small changes in one direction; it raises an alarm beyond `limit` of its own standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from affidavit.statistics.types import FloatArray

_STATES = 301


@dataclass(frozen=True, slots=True, kw_only=True)
class Ewma:
    """An exponentially weighted moving average and where it raises an alarm."""

    weight: float
    """Of the newest residual, above 0, at most 1; 1 is a Shewhart chart."""
    limit: float
    """In standard deviations of the average, which is narrower at the start."""

    def course(self, residuals: FloatArray) -> FloatArray:
        """Return the average after each residual [..., T], in its own standard deviations.

        e_t = w r_t + (1 - w) e_(t-1), e_0 = 0, var e_t = w / (2 - w) (1 - (1 - w)^(2t)).

        Source: Roberts 1959; Lucas, Saccucci 1990.

        >>> Ewma(weight=0.2, limit=3.0).course(np.array([1.0, 1.0])).round(3).tolist()
        [1.0, 1.406]
        """
        kept = 1 - self.weight
        average = np.zeros(residuals.shape[:-1])
        steps = []
        for t in range(residuals.shape[-1]):
            average = self.weight * residuals[..., t] + kept * average
            variance = self.weight / (2 - self.weight) * (1 - kept ** (2 * (t + 1)))
            steps.append(average / np.sqrt(variance))
        return np.stack(steps, axis=-1) if steps else np.zeros(residuals.shape)

    def false_alarm_rate(self, n_steps: int, *, n_series: int, rng: np.random.Generator) -> float:
        """Return the share of simulated unchanged series of `n_steps` residuals that raise an alarm."""
        course = self.course(rng.standard_normal((n_series, n_steps)))
        return float((np.abs(course) > self.limit).any(axis=1).mean())

    def average_run_length(self, shift: float = 0.0) -> float:
        """Return how many residuals pass on average until an alarm when each has mean `shift`, limits fully open.

        By a Markov chain over the values that the average may have.

        Source: Brook, Evans 1972; Lucas, Saccucci 1990 (weight 0.2, limit 2.962: 500 unchanged).
        """
        reach = self.limit * np.sqrt(self.weight / (2 - self.weight))
        edges = np.linspace(-reach, reach, _STATES + 1)
        centres = (edges[1:] + edges[:-1]) / 2
        scaled = (edges[None, :] - (1 - self.weight) * centres[:, None]) / self.weight - shift
        moves = np.diff(ndtr(scaled), axis=1)
        lengths = np.linalg.solve(np.eye(_STATES) - moves, np.ones(_STATES))
        return float(lengths[_STATES // 2])


def ewma_for(*, weight: float, false_alarms: float, n_charts: int, n_steps: int) -> Ewma:
    """Return the chart with which `n_charts` unchanged series of `n_steps` residuals raise any alarm so rarely.

    limit = z_(1 - false_alarms / (2 n_charts n_steps)): Bonferroni, so that it holds however charts and steps depend.

    Raises:
        ValueError: false_alarms or weight is not above 0 and below or at 1, or there is nothing to chart.
    """
    if not (0 < false_alarms < 1 and 0 < weight <= 1 and n_charts > 0 and n_steps > 0):
        raise ValueError(f"Expected 0 < false_alarms < 1, 0 < weight <= 1 and something to chart, got {false_alarms}.")
    return Ewma(weight=weight, limit=float(-ndtri(false_alarms / (2 * n_charts * n_steps))))


def recursive_residuals(values: FloatArray, standard_errors: FloatArray) -> FloatArray:
    """Return of values [..., T] the T - 1 residuals against the weighted mean of those before.

    r_t = (x_t - m_(t-1)) / sqrt(s_t^2 + v_(t-1)), with m the mean of x_1 .. x_(t-1) by weights 1/s^2 and v its variance
    1 / sum 1/s^2. Independent and standard normal where the x are independent and normal about one mean.

    | case | residual |
    |---|---|
    | a standard error of 0, NaN or negative | NaN from there on |

    Source: Brown, Durbin, Evans 1975; as the start of a chart, Hawkins 1987.

    >>> recursive_residuals(np.array([0.0, 1.0, 0.5]), np.ones(3)).round(3).tolist()
    [0.707, 0.0]
    """
    precision = 1 / np.where(standard_errors > 0, standard_errors, np.nan) ** 2
    gathered = np.cumsum(precision, axis=-1)[..., :-1]
    means = np.cumsum(precision * values, axis=-1)[..., :-1] / gathered
    return np.asarray((values[..., 1:] - means) / np.sqrt(1 / precision[..., 1:] + 1 / gathered))
