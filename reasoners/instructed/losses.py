"""What is minimised: emotion + 0.5 explanation + 0.3 coherence, each a number per turn, averaged per patient.

Intensity and the emotion told from single modalities are added with weights of their own.

Coherence (docs/decisions/012-coherence.md): the paper asks that an explanation mention what fits the predicted emotion
and gives no formula. Here it is the Jensen-Shannon divergence between two distributions over the labels: the emotion
head's, and the language model's own over the words that name the labels, at the place where the rationale names one.
It is differentiable in both, bounded by ln 2, and 0 exactly where the head and the writer believe the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, huber_loss

UNLABELLED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """One value per turn, 0 where there is no reference, and which turns have one."""

    emotion: Tensor
    """`[P, U]`"""
    intensity: Tensor
    """`[P, U]`"""
    single: Tensor
    """`[P, U]`, of the emotion told from each shown modality alone, their mean"""
    explanation: Tensor
    """`[P, E]`, of the turns with a reference rationale"""
    coherence: Tensor
    """`[P, E]`"""
    labelled: Tensor
    """`bool[P, U]`"""
    rated: Tensor
    """`bool[P, U]`: an intensity is known"""
    explained: Tensor
    """`bool[P, E]`"""

    def per_patient(self, weights: LossWeights) -> Tensor:
        """Return the weighted sum of the means over each patient's turns, `[P]`; each loss has its own weight."""
        by_label = weights.emotion * self.emotion + weights.single * self.single
        explained = weights.explanation * self.explanation + weights.coherence * self.coherence
        rated = weights.intensity * mean_over(self.intensity, self.rated)
        return mean_over(by_label, self.labelled) + rated + mean_over(explained, self.explained)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """The paper's weights by grid search; it has none for intensity and single modalities."""

    emotion: float = 1.0
    intensity: float = 0.2
    single: float = 0.5
    """Asks each modality's own state for the emotion as well. Without it the modality that is learnt fastest starves
    the others (Wang, Tran, Feiszli 2020); 0 is the paper's form."""
    explanation: float = 0.5
    coherence: float = 0.3


def emotion_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy of each turn in nats, `[P, U]`; 0 where the label is `UNLABELLED`."""
    flat = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=UNLABELLED, reduction="none")
    return flat.view_as(labels)


def single_loss(logits: Tensor, labels: Tensor, shown: Tensor) -> Tensor:
    """Return the mean cross entropy over the shown modalities, `[P, U]`, from `[P, U, 3, K]`; 0 where none is shown."""
    each = torch.stack([emotion_loss(scores, labels) for scores in logits.unbind(2)], dim=2)
    return (each * shown).sum(2) / shown.sum(2).clamp(min=1)


def intensity_loss(predicted: Tensor, intensity: Tensor) -> Tensor:
    """Return the Huber loss of intensities in 0 to 1, `[P, U]`; 0 where the reference is not a number."""
    known = ~intensity.isnan()
    loss = huber_loss(predicted, intensity.nan_to_num(), reduction="none", delta=0.2)
    return torch.where(known, loss, torch.zeros_like(loss))


def coherence_loss(emotion_logits: Tensor, word_logits: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence in nats, `[P, U]`, 0 to ln 2, from two sets of scores `[P, U, K]`."""
    head, writer = emotion_logits.float().log_softmax(-1), word_logits.float().log_softmax(-1)
    middle = torch.logaddexp(head, writer) - torch.log(torch.tensor(2.0, device=head.device))
    return 0.5 * ((head.exp() * (head - middle)).sum(-1) + (writer.exp() * (writer - middle)).sum(-1))


def mean_over(values: Tensor, counted: Tensor) -> Tensor:
    """Return each row's mean over the places that count, `[P]`; 0 where none does."""
    return (values * counted).sum(1) / counted.sum(1).clamp(min=1)
