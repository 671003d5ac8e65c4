"""One judgement's attribution on trial: without the model's parameters, under noise, and against what it foretells.

Controls, on the same judgement: the attribution's own values dealt anew among the inputs (random), and the same value
for every input (constant).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import spearmanr

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution, emotion_target
from affidavit.seeds import seed_of
from affidavit.statistics.types import FloatArray
from faithfulness.attribution.convergence import unconverged
from faithfulness.attribution.explaining import explained, game_of, joined_features
from faithfulness.attribution.opening import Bench
from faithfulness.attribution.targets import Targets, named_targets
from faithfulness.sanity.infidelity import infidelity
from faithfulness.sanity.options import SanityOptions
from faithfulness.sanity.randomised import randomisation_cascade
from faithfulness.sanity.sensitivity import max_sensitivity


@dataclass(slots=True, kw_only=True, eq=False)
class SanityStudy:
    """One run's checks, as they are made."""

    bench: Bench
    options: SanityOptions
    seed: int
    numbers: list[dict[str, float]] = field(default_factory=list)
    layers: dict[str, None] = field(default_factory=dict)
    """Parts that were drawn anew, in their order."""
    counted: Counter[str] = field(default_factory=Counter)

    def add(self, utterance_id: str, answer: str) -> None:
        """Check the attribution of one judgement's answer."""
        turn = self.bench.turn(utterance_id, "")
        if turn is not None and (answer not in turn.labels or not turn.features):
            self.counted["have an answer or an input that the reasoner does not know"] += 1
            turn = None
        if turn is None:
            self.numbers.append({})
            return
        targets = named_targets(turn, [emotion_target(answer)])
        self.numbers.append(
            _Trial(turn=turn, targets=targets, study=self, seed=seed_of(self.seed, utterance_id)).found()
        )

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says of judgements that are not as they should be."""
        return (*(f"{count:,} {what}" for what, count in sorted(self.counted.items())), *self.bench.caveats)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trial:
    turn: AttributableTurn
    targets: Targets
    study: SanityStudy
    seed: int

    def found(self) -> dict[str, float]:
        features = joined_features(self.turn, self.study.options.most_spans)
        (plain,) = self._attributed(self.turn, features)
        found = {**self._randomised(plain.values), **self._steadiness(plain.values, features)}
        found |= self._fidelity(plain, features)
        if plain.convergence_delta is not None:
            found["unconverged_rate"] = float(len(unconverged([plain])))
            found["relative_delta"] = float("nan") if plain.relative_delta is None else plain.relative_delta
        return found

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.seed, purpose))

    def _attributed(
        self, turn: AttributableTurn, features: Sequence[Features], *, draw: str = "attributing"
    ) -> list[Attribution]:
        """Attribute; whatever the method draws is drawn alike each time, unless another draw is named."""
        return explained(turn, self.targets, features, options=self.study.options, rng=self._rng(draw))

    def _values(self, turn: AttributableTurn) -> FloatArray:
        features = joined_features(turn, self.study.options.most_spans)
        return np.stack([item.values for item in self._attributed(turn, features)])

    def _randomised(self, values: FloatArray) -> dict[str, float]:
        if not self.turn.layers:
            return {}
        steps = randomisation_cascade(self.turn, self._values, rng=self._rng("cascade"))
        found: dict[str, float] = {}
        for step in steps:
            self.study.layers.setdefault(step.layer)
            found[f"randomisation@{step.layer}"] = float(step.rank_correlation[0])
            found[f"randomisation_absolute@{step.layer}"] = float(step.absolute_rank_correlation[0])
        return found | {
            "randomisation_rank_correlation": float(steps[-1].rank_correlation[0]),
            "randomisation_rank_correlation_absolute": float(steps[-1].absolute_rank_correlation[0]),
            "randomisation_rank_correlation_random": rank_correlation(values, self._rng("dealt").permutation(values)),
        }

    def _steadiness(self, values: FloatArray, features: Sequence[Features]) -> dict[str, float]:
        options = self.study.options

        def explain(moved: tuple[Features, ...]) -> FloatArray:
            return np.stack([item.values for item in self._attributed(self.turn, moved)])

        noisy = max_sensitivity(
            explain, features, rng=self._rng("noise"), radius=options.radius, n_draws=options.n_noises
        )
        rng = self._rng("at random")
        length = float(np.linalg.norm(values))
        away = [float(np.linalg.norm(rng.permutation(values) - values)) for _ in range(options.n_noises)]
        found = {
            "max_sensitivity": float(noisy.maximum[0]),
            "max_sensitivity_random": max(away) / length if length else float("nan"),
        }
        if options.method == "kernel-shap":
            (again,) = self._attributed(self.turn, features, draw="another seed")
            found["seed_rank_correlation"] = rank_correlation(values, again.values)
        return found

    def _fidelity(self, plain: Attribution, features: Sequence[Features]) -> dict[str, float]:
        game = game_of(self.turn, self.targets, features)
        dealt = self._rng("dealt").permutation(plain.values)
        kinds: Mapping[str, FloatArray] = {
            "": plain.values,
            "_random": dealt,
            "_constant": np.full_like(plain.values, plain.values.mean()),
        }
        found: dict[str, float] = {}
        for ending, values in kinds.items():
            told = infidelity(
                game, [replace(plain, values=values)], rng=self._rng("removals"), n_draws=self.study.options.n_removals
            )
            found[f"infidelity{ending}"] = float(told.values[0])
            found[f"infidelity_normalised{ending}"] = float(told.normalised[0])
            found["removal_square"] = float((told.happened**2).mean())
        return found


def rank_correlation(first: FloatArray, second: FloatArray) -> float:
    """Return Spearman's correlation, [-1, 1]; NaN where all values of either are equal.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)
