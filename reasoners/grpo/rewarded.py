"""By which verifier was a checkpoint's reasoner rewarded? Whoever judges its explanations must be another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from affidavit.model_origins import Basis, ModelOrigin

VERIFIER: Final = "verifier"
"""Under which a checkpoint's card names the digest, within `reward`."""
REWARD: Final = "reward of explanations"
"""The part that the verifier plays among the models behind a run."""


def reward_origins(card: Mapping[str, Any]) -> tuple[ModelOrigin, ...]:
    """Return the verifier that rewarded the explanations as one of the models behind them; none where none did.

    >>> [origin.part for origin in reward_origins({"reward": {"verifier": "sha256:00"}})], reward_origins({})
    (['reward of explanations'], ())
    """
    reward = card.get("reward", {})
    if VERIFIER not in reward:
        return ()
    trained = reward.get("card", {}).get("trained_on", {})
    return (
        ModelOrigin(
            name=f"verifier {str(reward[VERIFIER]).removeprefix('sha256:')[:12]}",
            part=REWARD,
            source=f"trained on {trained.get('source', 'sentences that its card names')}",
            licence=trained.get("licence"),
            digest=str(reward[VERIFIER]),
            basis=Basis.CARD,
        ),
    )
