"""The interventions: what each aims at, what it needs, and how it is fitted on one half to answer for the other.

| intervention | what it does | needs the group of who is judged |
|---|---|---|
| stacking | a control: logistic regression over the probabilities, and nothing for fairness | no |
| reweighing | the same, rows weighted by P(group) P(label) / P(group, label) | no |
| parity-offsets | offsets of probabilities per group (`audit.mitigation.offsets`) | yes |
| threshold-optimizer | Fairlearn's thresholds per group, for one label against the rest | yes |
| exponentiated-gradient | Fairlearn's reduction over that regression, for one label against the rest | no |
| adversarial | Fairlearn's adversarial network over the probabilities | no |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

import numpy as np

from audit.mitigation.fitted import adversarial, exponentiated_gradient, reweighing, stacking, threshold_optimizer
from audit.mitigation.material import Sample
from audit.mitigation.offsets import parity_offsets
from audit.mitigation.recipe import Constraint, Decide, Fit, Recipe

Name = Literal[
    "stacking", "reweighing", "parity-offsets", "threshold-optimizer", "exponentiated-gradient", "adversarial"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """An intervention."""

    name: Name
    fit: Fit
    aims: Callable[[Recipe], Constraint | None]
    needs_group: bool
    """Whether the group of everybody who is judged must be known, and is decided by."""
    binary: bool = False
    """Whether it decides between two answers only."""
    weighs: bool = True
    """Whether its fit takes weights of rows; else it is given rows drawn by weight."""
    packages: tuple[str, ...] = ()
    source: str

    @property
    def prefix(self) -> str:
        """What its metrics begin with."""
        return self.name.replace("-", "_")

    def lacking(self) -> str | None:
        """Return the first package that it needs and that is not installed."""
        return next((package for package in self.packages if find_spec(package) is None), None)


def _offsets(sample: Sample, recipe: Recipe) -> Decide:
    offsets = parity_offsets(sample.probabilities, sample.group, sample.weight, n_groups=sample.n_groups)
    return lambda rows: np.asarray((rows.probabilities - offsets[rows.group]).argmax(axis=1))


def _nothing(recipe: Recipe) -> Constraint | None:
    return None


def _parity(recipe: Recipe) -> Constraint | None:
    return "demographic_parity"


def _chosen(recipe: Recipe) -> Constraint | None:
    return recipe.constraint


METHODS: Final[tuple[Method, ...]] = (
    Method(
        name="stacking",
        fit=stacking,
        aims=_nothing,
        needs_group=False,
        packages=("sklearn",),
        source="stacked generalisation: Wolpert 1992; a control",
    ),
    Method(
        name="reweighing",
        fit=reweighing,
        aims=_parity,
        needs_group=False,
        packages=("sklearn",),
        source="reweighing: Kamiran, Calders 2012",
    ),
    Method(
        name="parity-offsets",
        fit=_offsets,
        aims=_parity,
        needs_group=True,
        source="parity for many labels: Denis, Elie, Hebiri, Hu 2024",
    ),
    Method(
        name="threshold-optimizer",
        fit=threshold_optimizer,
        aims=_chosen,
        needs_group=True,
        binary=True,
        weighs=False,
        packages=("fairlearn", "sklearn"),
        source="thresholds per group: Hardt, Price, Srebro 2016; by Fairlearn",
    ),
    Method(
        name="exponentiated-gradient",
        fit=exponentiated_gradient,
        aims=_chosen,
        needs_group=False,
        binary=True,
        weighs=False,
        packages=("fairlearn", "sklearn"),
        source="reductions: Agarwal et al. 2018; by Fairlearn",
    ),
    Method(
        name="adversarial",
        fit=adversarial,
        aims=_chosen,
        needs_group=False,
        weighs=False,
        packages=("fairlearn", "sklearn", "torch"),
        source="adversarial debiasing: Zhang, Lemoine, Mitchell 2018; by Fairlearn",
    ),
)
