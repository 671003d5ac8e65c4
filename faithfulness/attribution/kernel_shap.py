"""KernelSHAP: Shapley values of the spans by weighted least squares over coalitions drawn at random.

Every target is fitted to the same coalitions, each of which is scored once. The constraint that the values sum to
f(x) - f(b) is met up to rounding, which says nothing of how near each value is: that takes more coalitions, or another
seed. With fewer coalitions than spans the fit is not determined, and it is refused.

Source: Lundberg, Lee 2017, theorem 2; Captum `KernelShap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution
from affidavit.errors import PlanError
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import SpanGame, span_game
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of

METHOD: Final = "kernel-shap"


def kernel_shap(
    turn: AttributableTurn,
    targets: Targets,
    *,
    rng: np.random.Generator,
    features: Sequence[Features] | None = None,
    n_samples: int = 512,
    batch_size: int = 32,
) -> list[Attribution]:
    """Return an attribution for each target, over the features (all where None), from `n_samples` coalitions.

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: there is nothing to attribute to, or there are no more coalitions than spans.
    """
    game = span_game(turn, targets, features=features, batch_size=batch_size)
    _require_enough(game, n_samples)
    seed = int(rng.integers(2**32))
    everybody = game.everybody.float()
    parts = []
    for column in range(len(targets)):
        method = explainer("captum.attr").KernelShap(lambda kept: game.scores(kept > 0))
        with torch.random.fork_rng(devices=[]):  # Captum draws from torch's own generator, which gets its state back
            torch.default_generator.manual_seed(seed)
            parts.append(
                method.attribute(
                    everybody,
                    baselines=torch.zeros_like(everybody),
                    target=column,
                    n_samples=n_samples,
                    perturbations_per_eval=batch_size,
                )
            )
    return attributions_of(game, METHOD, torch.cat(parts), complete=True)


def _require_enough(game: SpanGame, n_samples: int) -> None:
    n_spans = len(game.spans)
    if n_samples <= n_spans:
        raise PlanError(
            "so few coalitions do not determine the values of so many spans",
            slug="plan-impossible",
            where=game.turn.key.utterance_id,
            found=f"{n_samples} coalitions of {n_spans} spans",
            allowed=f"more than {n_spans}",
            remedy="draw more coalitions (n_samples), or attribute to fewer features or wider spans",
        )
