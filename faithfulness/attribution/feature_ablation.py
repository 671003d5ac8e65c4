"""Feature ablation: how far a score falls when one span, and nothing else, becomes its baseline.

Each span costs one forward pass, in which every target is scored: all labels, and the whole rationale at once by
teacher forcing. A token's score given the tokens before it does not depend on who asks for it, so nothing is lost
against asking token by token.

Source: Zeiler, Fergus 2014 (occlusion); Captum `FeatureAblation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Attribution
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import span_game
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of

METHOD: Final = "feature-ablation"


def feature_ablation(
    turn: AttributableTurn, targets: Targets, *, features: Sequence[Features] | None = None, batch_size: int = 32
) -> list[Attribution]:
    """Return an attribution for each target, over the features (all where None).

    The values promise no sum: what two spans bring only together is counted for both, or for none.

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: there is nothing to attribute to.
    """
    game = span_game(turn, targets, features=features, batch_size=batch_size)
    method = explainer("captum.attr").FeatureAblation(lambda kept: game.scores(kept > 0))
    everybody = game.everybody.float()
    found = method.attribute(everybody, baselines=torch.zeros_like(everybody), perturbations_per_eval=batch_size)
    return attributions_of(game, METHOD, found.reshape(len(targets), -1), complete=False)
