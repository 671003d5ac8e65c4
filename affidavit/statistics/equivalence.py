"""Is a difference small enough? Two one-sided tests against declared margins."""

from __future__ import annotations

from scipy.special import stdtr


def two_one_sided_p_value(
    estimate: float,
    standard_error: float,
    *,
    margin_low: float,
    margin_high: float,
    degrees_of_freedom: float,
) -> float:
    """The p-value of "the true difference lies outside (margin_low, margin_high)": small means equivalent.

    max(P(T > (d - low)/se), P(T < (d - high)/se)) with T Student's t. At most alpha exactly when the 1 - 2 alpha t
    interval of the difference lies inside the margins. A large value is no evidence of a difference.

    | case | p-value |
    |---|---|
    | standard_error NaN or not above 0, degrees_of_freedom not above 0, estimate NaN | NaN |

    Raises:
        ValueError: if margin_low is not below margin_high.

    Source: Schuirmann 1987.

    >>> round(two_one_sided_p_value(0.0, 0.02, margin_low=-0.05, margin_high=0.05, degrees_of_freedom=30), 4)
    0.0091
    """
    if not margin_low < margin_high:
        raise ValueError(f"Expected margin_low < margin_high, got {margin_low} and {margin_high}.")
    if not (standard_error > 0 and degrees_of_freedom > 0):
        return float("nan")
    too_low = stdtr(degrees_of_freedom, -(estimate - margin_low) / standard_error)
    too_high = stdtr(degrees_of_freedom, (estimate - margin_high) / standard_error)
    return float(max(too_low, too_high))
