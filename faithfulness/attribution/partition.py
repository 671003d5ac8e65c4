"""SHAP's partition explainer over the tokens of a text: Owen values of a tree that keeps words and clauses together.

Tokens that make up a word are credited as a group first, then among themselves; what a group gets does not depend on
how its own tokens would fare alone. Where the game is additive the values are its Shapley values. The tree is SHAP's
for text, made from the tokens' characters.

Source: Owen 1977; Lundberg, Lee 2017; SHAP `PartitionExplainer`, `maskers.Text`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from affidavit.attributable import AttributableTurn
from affidavit.attributions import Attribution, Span
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import SpanGame, span_game
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of

METHOD: Final = "partition-shap"


def partition_shap(
    turn: AttributableTurn, targets: Targets, *, max_evaluations: int = 2000, batch_size: int = 32
) -> list[Attribution]:
    """Return an attribution over the tokens of the text for each target; the other modalities stay as perceived.

    Beyond `max_evaluations` a group's credit is split evenly among its tokens.

    Raises:
        MissingPartError: SHAP is not installed.
        PlanError: there is no text.
    """
    text = [feature for feature in turn.features if feature.modality == "text"]
    game = span_game(turn, targets, features=text, batch_size=batch_size)
    if len(game.spans) == 1:  # a tree needs two
        output, nobody = game.ends()
        return attributions_of(game, METHOD, (output - nobody)[:, None], complete=True)
    values = torch.from_numpy(_owen_values(game, max_evaluations))
    return attributions_of(game, METHOD, values, complete=True)


def _owen_values(game: SpanGame, max_evaluations: int) -> NDArray[np.float64]:
    """Return Owen values `[T, S]`."""
    shap = explainer("shap")
    masker = shap.maskers.Text(_Cut(game.spans), mask_token=0, output_type="token_ids")
    device = game.everybody.device

    def scores(ids: NDArray[np.int64]) -> NDArray[np.float64]:
        kept = torch.from_numpy(np.asarray(ids, dtype=np.int64) > 0).to(device)
        return np.asarray(game.scores(kept).double().cpu().numpy())

    explained = shap.PartitionExplainer(scores, masker)(
        ["".join(_texts(game.spans))], max_evals=max_evaluations, batch_size=game.batch_size, silent=True
    )
    return np.asarray(explained.values[0], dtype=np.float64).T.copy()


class _Cut:
    """The tokenizer that SHAP asks for: one text, whose tokens are the spans and whose ids are 1 to S."""

    def __init__(self, spans: tuple[Span, ...]) -> None:
        self.texts = _texts(spans)

    def __call__(self, text: str, return_offsets_mapping: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - SHAP's
        """Return ids and where they stand; nothing for SHAP's question what an empty text begins and ends with."""
        texts = self.texts if text else []
        ends = np.cumsum([len(part) for part in texts]).tolist()
        starts = [0, *ends[:-1]]
        ids = list(range(1, len(texts) + 1))
        return {"input_ids": ids, "offset_mapping": list(zip(starts, ends, strict=False))}


def _texts(spans: tuple[Span, ...]) -> list[str]:
    """Return the spans' texts with a space before each word but the first, as the tree reads them."""
    gaps = [
        before.end_char is None or after.start_char is None or after.start_char > before.end_char
        for before, after in pairwise(spans)
    ]
    return [f"{' ' if gap else ''}{span.name}" for gap, span in zip([False, *gaps], spans, strict=True)]
