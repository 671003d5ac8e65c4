"""What a live reasoner offers so that its judgements can be attributed: one turn as tensors, and scores of them.

The core knows no torch, so a tensor is `Any` here. N counts rows that are asked together, K emotions, R tokens of a
rationale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from affidavit.attributions import JudgementKey, Span
from affidavit.errors import RegistryError

if TYPE_CHECKING:
    from affidavit.live import Live
    from affidavit.utterances import Utterance

Tensor = Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """One tensor of numbers that a turn's reasoner takes in, cut into spans."""

    name: str
    """Unique within the turn: `tokens`, `mel`, `descriptors`, `pixels`."""
    modality: str
    values: Tensor
    """`[1, ...]`, floating."""
    baseline: Tensor
    """`[1, ...]`: what stands for nothing in particular."""
    groups: Tensor
    """`int[1, ...]`: the number of the span that each value belongs to, from 0."""
    spans: tuple[Span, ...]
    window: tuple[int, ...]
    """How many values of each axis but the first one span is wide."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedTokens:
    """Where the tokens of a text become the `Features` of a name."""

    features: str
    layer: Any
    """The embedding, an `nn.Module` from ids `[N, L]` to `[N, L, W]`."""
    ids: Tensor
    """`int[1, L]`"""
    baseline_ids: Tensor
    """`int[1, L]`"""


@runtime_checkable
class AttributableTurn(Protocol):
    """One turn of a live reasoner, its dialogue held as it is: inputs as tensors, scores as functions of them.

    Its laws: `concluded({})` scores the turn as it was judged; encoding `Features.values` and concluding from that
    scores the same; rows do not see each other. What is encoded is kept, so that a modality that nobody changes is
    never encoded again.
    """

    @property
    def key(self) -> JudgementKey:
        """Which judgement it is."""

    @property
    def features(self) -> tuple[Features, ...]:
        """What it takes in of the modalities that are there, as floating tensors."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The K emotions, in the order of the scores."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The R tokens of the rationale; none where there is no rationale."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that are shown anywhere in the dialogue up to this turn."""

    @property
    def embedded(self) -> EmbeddedTokens | None:
        """The embedding of its text; None where it has none."""

    @property
    def module(self) -> Any:  # noqa: ANN401
        """An `nn.Module` whose `forward(*values)` of all `features` gives the emotions' scores `[N, K]`."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Prefixes of the parameters' names, from the outputs down to the inputs."""

    def anew(self) -> AttributableTurn:
        """Return the same turn and rationale, encoded again: for a model whose parameters were changed."""

    def encoded(self, modality: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return the states `[N, ...]` of a modality from inputs `[N, ...]` by name, with gradients.

        Features of the modality that are not named are as perceived.
        """

    def concluded(self, states: Mapping[str, Tensor], *, rationale: bool) -> Tensor:
        """Return scores `[N, K]`, or `[N, K + R]` with the rationale's tokens, scored as a whole, in nats.

        Modalities that are not named have the states that were kept. One row where none is named.
        """

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> Tensor:
        """Return scores as `concluded` does, a row for each set of modalities, the others removed from the dialogue.

        Nothing is encoded again.
        """


@runtime_checkable
class Attributable(Protocol):
    """A live reasoner whose judgements can be attributed to what it took in."""

    def attributable(
        self, utterances: Sequence[Utterance], *, utterance_id: str, condition: str, rationale: str | None
    ) -> AttributableTurn:
        """Return one turn of the utterances' dialogues; where no rationale is given, the reasoner writes its own."""


def attributable_of(live: Live, *, run: str) -> Attributable:
    """Return the reasoner of a run that offers gradients, opened.

    Raises:
        RegistryError: it was said to offer gradients, and hands over no turns.
        AffidavitError: it cannot be opened.
    """
    reasoner: Any = live.reasoner()
    if not isinstance(reasoner, Attributable):
        raise RegistryError(
            "a reasoner that offers gradients hands over no turns",
            slug="plugin-broken",
            where=run,
            found=type(reasoner).__name__,
            allowed="an affidavit.attributable.Attributable",
            remedy="take `gradients` out of what the reasoner offers, or let it be opened as an Attributable",
        )
    return reasoner
