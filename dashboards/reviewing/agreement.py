"""Whether reviewers agree, through the statistics of `affidavit`: Krippendorff's alpha with its interval over units.

The interval is t over the jackknife that leaves out one unit (patient) with all its cards at a time. Controls and cards
that come twice are left out: the agreement is about the rationales.

Source: Krippendorff 2018, chapter 12 (alpha, ordinal and nominal); Tukey 1958 (jackknife).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from affidavit.estimates import estimate_of
from affidavit.records import Estimate, Interval
from affidavit.reviews import Arm, Plausibility, Review
from affidavit.statistics.jackknife import jackknife_standard_error
from affidavit.statistics.krippendorff import Distance, coincidences, krippendorff_alpha, nominal, ordinal
from affidavit.statistics.small_samples import t_bounds
from affidavit.statistics.types import FloatArray
from dashboards.reviewing.studies import Study

LEVEL: Final = 0.95
METHOD: Final = "t over the jackknife over units"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """Something that several people put into one of several classes."""

    unit: Hashable
    """Whose it is: what is independent."""
    given: tuple[int, ...]
    """The class that each of them gave, from 0."""


def review_agreement(study: Study, reviews: Iterable[Review]) -> Estimate:
    """Return ordinal alpha of the scores of rationales; n counts cards that at least two people scored."""
    items = {item.card: item for item in study.plan.items if item.arm is Arm.OWN}
    scores: dict[str, list[int]] = {}
    for review in reviews:
        if review.card in items:
            scores.setdefault(review.card, []).append(int(review.score) - 1)
    rated = [Rated(unit=items[card].unit or card, given=tuple(given)) for card, given in scores.items()]
    return agreement(rated, n_classes=len(Plausibility), distance=ordinal)


def agreement(rated: Iterable[Rated], *, n_classes: int, distance: Distance = nominal) -> Estimate:
    """Return Krippendorff's alpha of what people gave, range -1 to 1, with its interval over units.

    Args:
        rated: what was put into classes, by at least two people; anything else makes no pair and does not count.
        n_classes: K; classes are 0 to K - 1.
        distance: of classes.
    """
    pairs = [one for one in rated if len(one.given) >= 2]
    if not pairs:
        return estimate_of(None, "nothing was looked at by two people yet", n=0, n_units=0)
    counts = np.array([np.bincount(one.given, minlength=n_classes) for one in pairs], dtype=np.float64)
    places = {unit: i for i, unit in enumerate(dict.fromkeys(one.unit for one in pairs))}
    by_unit = np.zeros((len(places), n_classes, n_classes))
    np.add.at(by_unit, [places[one.unit] for one in pairs], coincidences(counts))
    whole = by_unit.sum(axis=0)
    value = float(krippendorff_alpha(whole, distance))
    bounds = _interval(value, krippendorff_alpha(whole - by_unit, distance))
    return estimate_of(value, bounds, n=len(pairs), n_units=len(places))


def _interval(value: float, left_out: FloatArray) -> Interval | str:
    if np.isnan(value):
        return "everybody gave the same one: agreement beyond chance has no meaning"
    n_units = len(left_out)
    if n_units < 2:
        return "one unit alone: nothing tells how much another would differ"
    error = float(jackknife_standard_error(left_out))
    if np.isnan(error) or error == 0:
        return "without one of the units it has no meaning, or nothing changes: too few to tell"
    low, high = t_bounds(value, error, degrees_of_freedom=n_units - 1, level=LEVEL)
    return Interval(low=max(float(low), -1.0), high=min(float(high), 1.0), level=LEVEL, method=METHOD)


def told(estimate: Estimate, *, of: Mapping[str, str]) -> str:
    """Return an agreement as a sentence; `of` has the words for `rows` and `units`."""
    behind = f"{estimate.n} {of['rows']} of {estimate.n_clusters} {of['units']}"
    if estimate.value is None:
        return f"unknown: {estimate.why_no_interval} ({behind})"
    if estimate.interval is None:
        return f"{estimate.value:.2f}, without an interval: {estimate.why_no_interval} ({behind})"
    interval = estimate.interval
    return f"{estimate.value:.2f} [{interval.low:.2f}, {interval.high:.2f}] ({behind})"
