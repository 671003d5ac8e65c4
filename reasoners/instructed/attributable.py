"""The instructed reasoner as something whose judgements can be attributed: implements `Attributable`.

A judgement of turn t depends on the turns before it and on nothing after it, so the dialogue is cut there and encoded
once. Only what is changed of turn t is encoded again, each modality for itself; the rationale is scored whole, by
teacher forcing. Parts that judge without gradients (frozen encoders) are run with them here; the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.attributable import EmbeddedTokens, Features
from affidavit.attributions import JudgementKey
from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import PlanError
from affidavit.protocols import Progress, silent
from affidavit.splits import dialogues
from affidavit.utterances import Judgement, Utterance
from reasoners.instructed.attributable_inputs import Resolution, features_of, rationale_ids, text_tokens, token_texts
from reasoners.instructed.batches import Batch, Row
from reasoners.instructed.differentiable import embedding_of, heard, read, seen
from reasoners.instructed.model import Encoded, InstructedModel
from reasoners.instructed.reasoner import InstructedReasoner

_LETTERS = list(MODALITIES)
_AT = {name: i for i, name in enumerate(MODALITIES.values())}
_LAYERS = ("explain", "emotion", "judge", "read", "align", "instruction", "text", "audio", "visual")
"""Parts of the model, from its answers down to its senses."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttributableReasoner:
    """An instructed reasoner, and how finely its inputs are cut."""

    reasoner: InstructedReasoner
    resolution: Resolution = field(default_factory=Resolution)

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        """Judge whole dialogues under a condition of modalities (`affidavit.protocols.Ablatable`).

        Raises:
            PlanError: the condition degrades its input.
        """
        return self.reasoner.judge_under(utterances, condition=condition)

    def logits(self, utterances: Sequence[Utterance]) -> Tensor:
        """Return `[N, K]`, with gradients, under all modalities that there are."""
        return self.reasoner.logits(utterances)

    @property
    def module(self) -> nn.Module:
        """What was trained."""
        return self.reasoner.module

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Measure what was not measured yet."""
        self.reasoner.prepare(utterances, progress=progress)

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return what training changed."""
        return self.reasoner.parameter_groups()

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return one loss per unit `[P]`, with gradients, as training had it."""
        return self.reasoner.losses(units, rng=rng)

    def attributable(
        self,
        utterances: Sequence[Utterance],
        *,
        utterance_id: str,
        condition: str = "TAV",
        rationale: str | None = None,
    ) -> InstructedTurn:
        """Return a turn with the turns before it; where no rationale is given, the reasoner writes its own.

        A modality that the condition names and the turn has not is simply not there; whether such a turn counts as
        judged is for the caller (`affidavit.judgements.why_not_available`).

        Raises:
            PlanError: there is no such utterance, or the condition degrades its input.
        """
        row = _up_to(utterances, utterance_id)
        shown = _shown(condition)
        reasoner, model = self.reasoner, self.reasoner.model
        reasoner.prepare(row)
        model.eval()
        batch = reasoner.batch([row])
        with torch.no_grad():
            encoded = reasoner.encoded(batch).restricted(shown)
        if rationale is None:
            ids = _written(reasoner, encoded, batch)
        else:
            ids = rationale_ids(reasoner, rationale, at_most=self.resolution.rationale_tokens)
        features = features_of(reasoner, row[-1], batch, shown=encoded.present[0, -1], resolution=self.resolution)
        return InstructedTurn(
            key=JudgementKey(
                utterance_id=utterance_id,
                reasoner=f"instructed-{model.config.size}",
                condition=str(Condition.parse(condition)),
                instruction=reasoner.instruction,
            ),
            features=features,
            labels=model.config.label_space,
            tokens=token_texts(reasoner, ids),
            model=model,
            batch=batch,
            kept=encoded,
            rationale=torch.tensor(ids, dtype=torch.long, device=reasoner.device),
            embedded=_embedded(reasoner, row[-1], features),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstructedTurn:
    """The last turn of a row of turns; implements `AttributableTurn`."""

    key: JudgementKey
    features: tuple[Features, ...]
    labels: tuple[str, ...]
    tokens: tuple[str, ...]
    model: InstructedModel
    batch: Batch
    """One patient, the turns up to this one."""
    kept: Encoded
    """What the encoders made of them, restricted to the condition."""
    rationale: Tensor
    """`int[R]`"""
    embedded: EmbeddedTokens | None

    @property
    def layers(self) -> tuple[str, ...]:
        """Those of its parts that it has."""
        parts = {name for name, _ in self.model.named_children()}
        return tuple(f"model.{name}" for name in _LAYERS if name in parts)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those shown in any of the turns."""
        there = self.kept.present.flatten(0, 1).any(0).tolist()
        return tuple(name for name, has in zip(MODALITIES.values(), there, strict=True) if has)

    @property
    def module(self) -> nn.Module:
        """The way from the features' values to the emotions' scores."""
        return _Scoring(self)

    def anew(self) -> InstructedTurn:
        """Return the same turn and rationale, encoded again by the parameters that the model has now."""
        features, found = self.features, self.embedded
        with torch.no_grad():
            encoded = self.model.encode(self.batch)
            present = encoded.present & self.kept.present
            states = encoded.states.masked_fill(~present.unsqueeze(-1), 0.0)
            if found is not None:
                values, baseline = found.layer(found.ids), found.layer(found.baseline_ids)
                changed = {found.features: {"values": values, "baseline": baseline}}
                features = tuple(replace(item, **changed.get(item.name, {})) for item in features)
        return replace(self, features=features, kept=replace(encoded, states=states, present=present))

    def encoded(self, modality: str, inputs: Mapping[str, Tensor]) -> Tensor:
        """Return states `[N, D]`."""
        n_rows = len(next(iter(inputs.values())))
        values = {
            item.name: inputs.get(item.name, item.values.expand(n_rows, *item.values.shape[1:]))
            for item in self.features
            if item.modality == modality
        }
        if not values:
            raise ValueError(f"this turn has no {modality}")
        if modality == "text" and self.model.text is not None:
            return read(self.model.text, values["tokens"])
        if modality == "audio" and self.model.audio is not None:
            return heard(self.model.audio, values.get("mel"), values.get("descriptors"))
        if modality == "video" and self.model.visual is not None:
            return seen(self.model.visual, values["pixels"])
        raise ValueError(f"the model takes in no {modality}")

    def concluded(self, states: Mapping[str, Tensor], *, rationale: bool) -> Tensor:
        """Return `[N, K]`, or `[N, K + R]` with the rationale's tokens."""
        n_rows = len(next(iter(states.values()))) if states else 1
        kept = self._repeated(n_rows)
        if states:
            last = list(kept.states[:, -1].unbind(1))
            for modality, state in states.items():
                last[_AT[modality]] = state
            turns = torch.cat([kept.states[:, :-1], torch.stack(last, dim=1)[:, None]], dim=1)
            kept = replace(kept, states=turns)
        return self._scores(kept, rationale=rationale)

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> Tensor:
        """Return a row for each set of modalities, removed from every turn."""
        kept = self._repeated(len(shown))
        names = list(MODALITIES.values())
        chosen = torch.tensor([[name in some for name in names] for some in shown], device=kept.present.device)
        present = kept.present & chosen[:, None]
        hidden = kept.states.masked_fill(~present.unsqueeze(-1), 0.0)
        return self._scores(replace(kept, states=hidden, present=present), rationale=rationale)

    def _repeated(self, n_rows: int) -> Encoded:
        kept = self.kept
        return Encoded(
            states=kept.states.expand(n_rows, -1, -1, -1),
            present=kept.present.expand(n_rows, -1, -1),
            instruction=kept.instruction.expand(n_rows, -1),
        )

    def _scores(self, encoded: Encoded, *, rationale: bool) -> Tensor:
        n_rows = len(encoded.states)
        batch = replace(
            self.batch, dialogue=self.batch.dialogue.expand(n_rows, -1), known=self.batch.known.expand(n_rows, -1)
        )
        concluded = self.model.conclude(encoded, batch)
        logits: Tensor = concluded.logits[:, -1]
        if not rationale or concluded.prefix is None or self.model.explain is None or not len(self.rationale):
            return logits
        tokens = self.rationale.expand(n_rows, 1, -1)
        words = self.model.explain.logits(concluded.prefix[:, -1:], tokens, torch.ones_like(tokens, dtype=torch.bool))
        scores = words[:, 0].float()
        chosen = scores.gather(-1, tokens.transpose(1, 2)).squeeze(-1) - scores.logsumexp(-1)
        return torch.cat([logits, chosen.to(logits.dtype)], dim=1)


class _Scoring(nn.Module):
    """Values of all features into the emotions' scores; its parts are the model's, for those who hook into layers."""

    def __init__(self, turn: InstructedTurn) -> None:
        super().__init__()
        self.model = turn.model
        self.turn = turn

    def forward(self, *values: Tensor) -> Tensor:
        inputs: dict[str, dict[str, Tensor]] = {}
        for feature, value in zip(self.turn.features, values, strict=True):
            inputs.setdefault(feature.modality, {})[feature.name] = value
        states = {modality: self.turn.encoded(modality, given) for modality, given in inputs.items()}
        return self.turn.concluded(states, rationale=False)


def _up_to(utterances: Sequence[Utterance], utterance_id: str) -> Row:
    """Return the turns of a dialogue up to one."""
    for row in dialogues(utterances).values():
        for place, turn in enumerate(row):
            if turn.utterance_id == utterance_id:
                return row[: place + 1]
    raise PlanError(
        "there is no such utterance to attribute",
        slug="plan-impossible",
        found=utterance_id,
        allowed=f"one of {len(utterances)} utterances",
        remedy="name an utterance_id of the corpus",
    )


def _written(reasoner: InstructedReasoner, encoded: Encoded, batch: Batch) -> tuple[int, ...]:
    """Return the tokens that the reasoner writes of the last turn, as it wrote them: read again they may be others."""
    model, config = reasoner.model, reasoner.model.config.backbone
    if model.explain is None or config is None:
        return ()
    with torch.no_grad():
        prefix = model.conclude(encoded, batch).prefix
    if prefix is None:
        return ()
    end = reasoner.tokenizers.end
    ids = model.explain.write(prefix[:, -1], max_tokens=config.max_tokens, end=end)[0].tolist()
    return tuple(ids[: ids.index(end) + 1] if end in ids else ids)


def _shown(condition: str) -> frozenset[str]:
    parsed = Condition.parse(condition)
    if parsed.operator is not None:
        raise PlanError(
            "a degraded input has to be measured anew",
            slug="plan-impossible",
            found=condition,
            allowed="conditions of modalities alone",
            remedy="attribute under a condition such as TAV or TA",
        )
    return parsed.modalities or frozenset(_LETTERS)


def _embedded(reasoner: InstructedReasoner, turn: Utterance, features: Sequence[Features]) -> EmbeddedTokens | None:
    text = reasoner.model.text
    if text is None or not any(item.name == "tokens" for item in features):
        return None
    found = text_tokens(reasoner, turn.text or "")
    ids = torch.tensor([found.ids], dtype=torch.long, device=reasoner.device)
    baseline_ids = torch.full_like(ids, found.baseline_id)
    baseline_ids[0, list(found.special)] = ids[0, list(found.special)]
    return EmbeddedTokens(features="tokens", layer=embedding_of(text), ids=ids, baseline_ids=baseline_ids)
