"""The GRPO loss of one turn's completions, computed by TRL.

    - mean_i mean_t [ min(r A_i, clip(r, 1 - epsilon, 1 + epsilon) A_i) - beta KL3 ],   r = exp(logp - sg(logp))

with KL3 = exp(d) - d - 1 and d = logp_ref - logp. Completions are drawn from the model that is trained, so r is 1 and
only its gradient counts. TRL's trainer takes models of transformers with words and pictures; ours hear, see frames, or
write behind a soft prefix, so log probabilities are computed here and the loss is TRL's own method, fed with them
(docs/decisions holds why). A test holds it against the formula, and a whole step against TRL's trainer.

Source: Shao et al. 2024; Rha et al. 2026; Schulman 2020 (KL3).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

from torch import Tensor

from affidavit.errors import MissingPartError
from reasoners.grpo.writing import Said

_REQUIREMENT: Final = "trl>=1.16,<1.17"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The loss of a group, and what is told of it."""

    value: Tensor
    kl: float
    """Mean of KL3 over tokens, in nats; 0 without a reference."""


def grpo_loss(said: Said, *, reference: Tensor | None, advantage: Tensor, beta: float, epsilon: float) -> Loss:
    """Return the loss of N completions of one turn; `reference` are the reference model's log probabilities `[N, L]`.

    Raises:
        MissingPartError: TRL is not installed.
    """
    stand = _Stand(said=said, beta=0.0 if reference is None else beta, epsilon=epsilon)
    blank = said.known.new_zeros((len(said.known), 1)).long()
    inputs = {
        "prompt_ids": blank,
        "prompt_mask": blank,
        "completion_ids": said.known.long(),
        "completion_mask": said.known.to(said.values.dtype),
        "advantages": advantage,
        "ref_per_token_logps": reference,
    }
    value: Tensor = _trl()._compute_loss(stand, None, inputs)
    told = stand._metrics["train"]["kl"]
    return Loss(value=value, kl=float(told[-1]) if told else 0.0)


@cache
def _trl() -> Any:  # noqa: ANN401 - TRL's trainer
    """Return TRL's trainer class, which is imported when something is trained: it takes seconds.

    Raises:
        MissingPartError: it is not installed.
    """
    try:
        return import_module("trl.trainer.grpo_trainer").GRPOTrainer
    except ImportError as error:
        raise MissingPartError(
            f"the trainer grpo needs the package {error.name or 'trl'!r}",
            slug="part-missing",
            remedy=f"pip install 'affidavit[grpo]' (or {_REQUIREMENT!r})",
        ) from error


class _Stand:
    """What TRL's loss reads of its trainer: the settings, one process, and the log probabilities as they were given."""

    top_entropy_quantile = 1.0
    off_policy_mask_threshold = None
    importance_sampling_level = "token"
    loss_type = "grpo"
    use_vllm = False
    aux_loss_enabled = False
    _entropy_bonus_enabled = False
    current_gradient_accumulation_steps = 1
    args = SimpleNamespace(use_bias_correction_kl=False, delta=None)
    model = SimpleNamespace(training=True)
    accelerator = SimpleNamespace(reduce=lambda value, reduction: value, gather=lambda value: value)

    def __init__(self, *, said: Said, beta: float, epsilon: float) -> None:
        self.said, self.beta = said, beta
        self.epsilon_low = self.epsilon_high = epsilon
        self._metrics: dict[str, dict[str, list[float]]] = {"train": defaultdict(list)}

    def _get_per_token_logps_and_entropies(self, *given: Any, **named: Any) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        """Return the log probabilities; entropies are only told by TRL, and are not wanted here."""
        return self.said.values, self.said.values.detach() * 0, None
