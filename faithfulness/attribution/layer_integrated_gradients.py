"""Layer-integrated gradients: the text's embedding on its way from the baseline's tokens to the text's own.

The ids never move, as they cannot; what the embedding layer makes of them does. It says the same as integrated
gradients over the embedded tokens, by another route: Captum hooks into the layer.

Source: Sundararajan, Taly, Yan 2017; Captum `LayerIntegratedGradients`.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from affidavit.attributable import AttributableTurn
from affidavit.attributions import Attribution
from affidavit.errors import PlanError
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import span_game
from faithfulness.attribution.integrated_gradients import FIFTY_STEPS, PathOptions
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of, by_span

METHOD: Final = "layer-integrated-gradients"


def layer_integrated_gradients(
    turn: AttributableTurn, targets: Targets, *, options: PathOptions = FIFTY_STEPS
) -> list[Attribution]:
    """Return an attribution over the tokens of the text for each target; the other modalities stay as perceived.

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: the turn has no text that is embedded.
    """
    tokens = turn.embedded
    features = [] if tokens is None else [item for item in turn.features if item.name == tokens.features]
    game = span_game(turn, targets, features=features, batch_size=options.batch_size)
    if tokens is None:
        raise PlanError(
            "there is no embedding",
            slug="plan-impossible",
            where=turn.key.utterance_id,
            remedy="choose another method, or utterances that have words",
        )
    name, modality, layer = tokens.features, game.features[0].modality, tokens.layer

    def scores(ids: Tensor) -> Tensor:
        states = {modality: turn.encoded(modality, {name: layer(ids)})}
        return targets.of(turn.concluded(states, rationale=targets.rationale))

    method = explainer("captum.attr").LayerIntegratedGradients(scores, layer)
    parts = [
        method.attribute(
            tokens.ids,
            baselines=tokens.baseline_ids,
            target=column,
            n_steps=options.n_steps,
            internal_batch_size=options.batch_size,
        )
        for column in range(len(targets))
    ]
    return attributions_of(game, METHOD, by_span([torch.cat(parts)], game.features), complete=True)
