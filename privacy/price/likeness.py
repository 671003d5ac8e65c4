"""Are models that are compared made of the same things? A price is of privacy where nothing else differs.

What is known to differ and makes another quantity of it is refused: unlike units, deltas or neighbouring relations put
epsilons on several scales; another corpus or another beginning is in the price itself. What may differ for a reason
(options of the model, of training at one epsilon) is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from privacy.price.cards import Card

_NO_MATTER: Final = frozenset({"training_digest", "site", "units_at_once", "checkpoint_every", "gradients"})
"""Options of a training that change nothing of what a seed may change."""


class Trained(Protocol):
    """A model with its card."""

    @property
    def card(self) -> Card:
        """What its card says."""


def unlike(twins: Sequence[Trained], private: Sequence[Trained]) -> str | None:
    """Return in what models differ so that there is no price to tell; None where nothing is known to."""
    scales: list[tuple[str, Callable[[Card], str | None]]] = [
        ("units", lambda card: card.unit or "unknown"),
        ("deltas", lambda card: "unknown" if card.delta is None else f"{card.delta:g}"),
        ("neighbours", lambda card: card.neighbours),
    ]
    for name, of in scales:
        if len(found := _known(private, of)) > 1:
            return f"the models have unlike {name} ({' and '.join(found)}): their epsilons do not lie on one scale"
    made: list[tuple[str, Callable[[Card], str | None]]] = [
        ("were trained on unlike corpora", lambda card: _digest(card.told.get("corpus"))),
        ("began with unlike models", _beginning),
    ]
    for name, of in made:
        if len(_known([*twins, *private], of)) > 1:
            return f"twins and private models {name}: what that changes is no price of privacy"
    return None


def differing(twins: Sequence[Trained], private: Sequence[Trained]) -> tuple[str, ...]:
    """Say in what else models of one epsilon differ, from each other and from their twins."""
    said = []
    if own := _differing_options([model.card.options for model in private]):
        said.append(f"models of this epsilon were trained with unlike {', '.join(own)}, not with unlike seeds alone")
    if len(_known([*twins, *private], _model_options)) > 1:
        said.append("twins and private models were given unlike model_options: what those change is in the price too")
    return tuple(said)


def _known(models: Sequence[Trained], of: Callable[[Card], str | None]) -> list[str]:
    found = {of(model.card) for model in models}
    return sorted(each for each in found if each is not None)


def _differing_options(options: Sequence[Mapping[str, Any]]) -> list[str]:
    names = sorted({name for own in options for name in own} - _NO_MATTER)
    return [str(name) for name in names if len({repr(own.get(name)) for own in options}) > 1]


def _digest(told: Any) -> str | None:  # noqa: ANN401 - what somebody wrote
    digest = told.get("digest") if isinstance(told, Mapping) else None
    return digest if isinstance(digest, str) else None


def _beginning(card: Card) -> str | None:
    """Return the digest of what training began with; a card that names nothing began anew."""
    return _digest(card.start) if card.start else "anew" if card.told else None


def _model_options(card: Card) -> str | None:
    told = card.told.get("model_options")
    return json.dumps(told, sort_keys=True, default=str) if isinstance(told, Mapping) else None
