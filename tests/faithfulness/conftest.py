"""Toy turns whose attributions can be written down by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from affidavit.attributable import EmbeddedTokens, Features
from affidavit.attributions import JudgementKey, Span

if TYPE_CHECKING:
    import torch

KEY = JudgementKey(utterance_id="u", reasoner="toy", condition="TAV")


@dataclass(frozen=True, kw_only=True, eq=False)
class Toy:
    """A turn whose scores `[N, K + R]` are a function of the values of each modality, `[N, numbers]`."""

    scores: Callable[[Mapping[str, torch.Tensor]], torch.Tensor]
    features: tuple[Features, ...]
    labels: tuple[str, ...] = ("joy",)
    tokens: tuple[str, ...] = ()
    module: Any = None
    layers: tuple[str, ...] = ()
    embedded: EmbeddedTokens | None = None
    key: JudgementKey = KEY
    rows: list[tuple[str, int]] = field(default_factory=list)
    """How many rows of which modality were encoded, or under `""` concluded."""

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item.modality for item in self.features))

    def anew(self) -> Toy:
        return replace(self)

    def encoded(self, modality: str, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        n_rows = len(next(iter(inputs.values())))
        self.rows.append((modality, n_rows))
        own = [item for item in self.features if item.modality == modality]
        return torch.cat(
            [inputs.get(item.name, item.values.expand(n_rows, *item.values.shape[1:])).flatten(1) for item in own], 1
        )

    def concluded(self, states: Mapping[str, torch.Tensor], *, rationale: bool) -> torch.Tensor:
        n_rows = len(next(iter(states.values()))) if states else 1
        self.rows.append(("", n_rows))
        kept = {name: self._state(name, "values").expand(n_rows, -1) for name in self.modalities}
        found = self.scores({**kept, **states})
        return found if rationale else found[:, : len(self.labels)]

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> torch.Tensor:
        import torch

        states = {
            name: torch.cat([self._state(name, "values" if name in some else "baseline") for some in shown])
            for name in self.modalities
        }
        return self.concluded(states, rationale=rationale)

    def _state(self, modality: str, kind: str) -> torch.Tensor:
        import torch

        return torch.cat([getattr(item, kind).flatten(1) for item in self.features if item.modality == modality], 1)


def numbers(name: str, modality: str, values: Sequence[float], baseline: Sequence[float] | None = None) -> Features:
    """Features of one number a span."""
    import torch

    row = torch.tensor([values], dtype=torch.float32)
    return Features(
        name=name,
        modality=modality,
        values=row,
        baseline=torch.zeros_like(row) if baseline is None else torch.tensor([baseline], dtype=torch.float32),
        groups=torch.arange(len(values))[None],
        spans=tuple(Span(modality=modality, name=f"{name}{i}") for i in range(len(values))),
        window=(1,),
    )


@pytest.fixture(scope="session")
def toy() -> type[Toy]:
    return Toy


@pytest.fixture(scope="session")
def numbers_of() -> Callable[..., Features]:
    return numbers
