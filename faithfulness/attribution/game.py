"""A turn as a game of its spans: who is kept stays as perceived, who is removed becomes the baseline.

Laws: each coalition is scored once, whoever asks; of the coalitions that are scored together, each modality is encoded
once for every way in which its own spans are kept, and not for every coalition. All targets come from one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from affidavit.attributable import AttributableTurn, Features
from affidavit.attributions import Span
from affidavit.errors import PlanError
from faithfulness.attribution.targets import Targets


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpanGame:
    """Coalitions `bool[M, S]` of the spans of all features, in their order, into scores `[M, T]` of the targets."""

    turn: AttributableTurn
    targets: Targets
    features: tuple[Features, ...]
    batch_size: int = 32
    """Coalitions that are scored together; bounds memory."""
    kept: dict[bytes, Tensor] = field(default_factory=dict)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The players."""
        return tuple(span for feature in self.features for span in feature.spans)

    @property
    def everybody(self) -> Tensor:
        """The coalition of all, `bool[1, S]`."""
        return torch.ones(1, len(self.spans), dtype=torch.bool, device=self.features[0].values.device)

    def ends(self) -> tuple[Tensor, Tensor]:
        """Return the scores `[T]` of everybody and of nobody."""
        both = self.scores(torch.cat([self.everybody, ~self.everybody]))
        return both[0], both[1]

    @torch.no_grad()
    def scores(self, coalitions: Tensor) -> Tensor:
        """Return scores `[M, T]`; only those that nobody asked for before are computed."""
        names = [row.tobytes() for row in coalitions.cpu().numpy()]
        new = {name: i for i, name in enumerate(names) if name not in self.kept}
        places = list(new.values())
        for start in range(0, len(places), self.batch_size):
            part = coalitions[places[start : start + self.batch_size]]
            for name, row in zip(list(new)[start : start + self.batch_size], self._scored(part), strict=True):
                self.kept[name] = row
        return torch.stack([self.kept[name] for name in names])

    def _scored(self, coalitions: Tensor) -> Tensor:
        states = {}
        for modality, features, own in self._by_modality(coalitions):
            ways, which = torch.unique(own, dim=0, return_inverse=True)
            parts = ways.split([len(feature.spans) for feature in features], dim=1)
            inputs = {feature.name: masked(feature, part) for feature, part in zip(features, parts, strict=True)}
            states[modality] = self.turn.encoded(modality, inputs)[which]
        return self.targets.of(self.turn.concluded(states, rationale=self.targets.rationale))

    def _by_modality(self, coalitions: Tensor) -> Iterator[tuple[str, list[Features], Tensor]]:
        """Yield each modality with its features and its part of the coalitions."""
        start = 0
        for modality, group in groupby(self.features, key=lambda feature: feature.modality):
            features = list(group)
            size = sum(len(feature.spans) for feature in features)
            yield modality, features, coalitions[:, start : start + size]
            start += size


def span_game(
    turn: AttributableTurn, targets: Targets, *, features: Sequence[Features] | None = None, batch_size: int = 32
) -> SpanGame:
    """Return the game of these features; of all that the turn has where None.

    Raises:
        PlanError: there is nothing to attribute to.
    """
    chosen = tuple(turn.features if features is None else features)
    return SpanGame(turn=turn, targets=targets, features=require_features(turn, chosen), batch_size=batch_size)


def require_features(turn: AttributableTurn, features: Sequence[Features]) -> tuple[Features, ...]:
    """Return the features, those of one modality together.

    Raises:
        PlanError: there are none.
    """
    if not features:
        raise PlanError(
            "there is nothing that this judgement could be attributed to",
            slug="plan-impossible",
            where=turn.key.utterance_id,
            found=f"no input of the kind asked for under {turn.key.condition}",
            allowed="an utterance with at least one modality that the reasoner takes in",
            remedy="leave the utterance out, or attribute under a condition that shows something of it",
        )
    order = {modality: i for i, modality in enumerate(dict.fromkeys(feature.modality for feature in features))}
    return tuple(sorted(features, key=lambda feature: order[feature.modality]))


def masked(feature: Features, kept: Tensor) -> Tensor:
    """Return values `[M, ...]` with the spans that `kept`, `bool[M, spans]`, leaves out at their baseline."""
    shown = kept[:, feature.groups[0]]
    values: Tensor = torch.where(shown, feature.values, feature.baseline)
    return values
