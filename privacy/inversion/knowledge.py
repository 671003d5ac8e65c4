"""What the attacker knows of a model before any update: which part of an update tells what.

It is learnt from turns of others whose gradients the attacker computes: which parameters the loss reaches at all (of an
update with noise the others are noise and nothing else), which bias is the answers', which layer takes the input in as
it is, which later layers leave a span, and how often others say each word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from affidavit.attributable import AttributableTurn
from privacy.inversion.attack import Prior
from privacy.inversion.layers import Seat, rank, seats, span, state
from privacy.inversion.spans import LEFT_NOTHING, Checks, Hull, Spans, entering, outside
from privacy.inversion.targets import Shown, Targets
from privacy.inversion.updates import Sent, norm_of
from privacy.inversion.victims import turns_victim
from privacy.inversion.words import Habits, words_of

Tensor = Any
_AS_IT_IS: Final = 1e-3
"""Of the largest number: how near a reading is to the input of a layer that takes it in as it is."""
_ENOUGH: Final = 8
"""Turns of others whose rows tell how large a word's is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Knowledge:
    """What is known of updates of B turns."""

    reached: Sequence[int]
    """Parameters that the loss reaches where the input is made up"""
    bias: int | None
    """The answers' bias; None where it is not trained"""
    entrance: Seat | None
    """The layer that takes the input in as it is, where the update leaves its span; else None"""
    checks: Sequence[Seat]
    """Later layers whose spans the update leaves"""
    concluding: bool
    """Whether they lie behind the encoder of the input"""
    embedding: int | None
    """The embedding of words; None where there are no words or it is not trained"""
    rows: Sequence[float]
    """Mean square of the numbers of a said word's row, in turns of others"""
    norms: Sequence[float]
    """Gradient norms of the same turns"""

    def spans(self, sent: Sent, prior: Prior, *, n_turns: int) -> Spans | None:
        """Return what an update allows; None where no layer takes the input in, or none of it stands above the noise.

        A layer of which noise hides some turns checks nothing.
        """
        if self.entrance is None:
            return None
        rows = span(sent.parts, self.entrance, n_turns, noise=sent.noise)
        if not len(rows):
            return None
        width = rows.shape[1] - 1
        mean, spread = (part.double().flatten().expand(width) for part in (prior.mean, prior.spread))
        bases = [span(sent.parts, seat, n_turns, noise=sent.noise) for seat in self.checks]
        told = [(seat.layer, basis) for seat, basis in zip(self.checks, bases, strict=True) if len(basis) == n_turns]
        return Spans(
            hull=Hull.of(rows, mean, spread),
            checks=Checks(
                layers=[layer for layer, _ in told], bases=[basis for _, basis in told], concluding=self.concluding
            ),
        )

    def habits(self, turns: Sequence[AttributableTurn], n_words: int, *, clip: float) -> Habits:
        """Return what is known of words where each turn's gradient is clipped to a norm."""
        scale = [min(1.0, clip / norm) ** 2 if norm > 0 else 1.0 for norm in self.norms]
        signal = float(np.mean(np.multiply(scale, self.rows))) if self.rows else 0.0
        return Habits.of(turns, n_words, signal=signal)


def learnt(targets: Targets, n_turns: int) -> Knowledge:
    """Learn from the gallery."""
    others = targets.gallery[: max(n_turns, 2)]
    shown = others[:n_turns]
    victim = turns_victim([one.turn for one in shown], targets.input)
    values, labels = [one.feature.values for one in shown], [one.label for one in shown]
    made_up, sent = victim.gradient(values, labels), victim.sent(values, labels)
    found = seats(shown[0].turn.module, victim.parameters)
    ranks = [rank(sent, seat) for seat in found]
    entrance = next((seat for seat in found if _takes_in(seat, others, targets.input)), None)
    whole = [seat for seat, of in zip(found, ranks, strict=True) if of == n_turns]
    checks, concluding = list[Seat](), False
    if entrance is not None and n_turns > 1:
        checks = _checks(whole, entrance, shown, sent, concluding=False)
        concluding = not checks
        checks = checks or _checks(whole, entrance, shown, sent, concluding=True)
    usable = entrance in whole and (n_turns == 1 or bool(checks))
    embedding = _embedding([one.turn for one in targets.gallery], victim.parameters)
    rows, norms = _sizes(targets, embedding)
    return Knowledge(
        reached=[i for i, part in enumerate(made_up) if bool((part != 0).any())],
        bias=_bias(made_up, victim.n_labels),
        entrance=entrance if usable else None,
        checks=checks,
        concluding=concluding,
        embedding=embedding,
        rows=rows,
        norms=norms,
    )


def _bias(gradient: Sequence[Tensor], n_labels: int) -> int | None:
    """Return the last parameter of K numbers that the loss reaches."""
    told = [i for i, part in enumerate(gradient) if tuple(part.shape) == (n_labels,) and bool((part != 0).any())]
    return told[-1] if told else None


def _takes_in(seat: Seat, others: Sequence[Shown], name: str) -> bool:
    """Say whether what is read at a layer is the input itself, of single turns of others."""
    if seat.layer.in_features != others[0].value.size:
        return False
    for one in others[:2]:
        victim = turns_victim([one.turn], name)
        update = victim.sent([one.feature.values], [one.label])
        if rank(update, seat) != 1:
            return False
        off = np.abs(state(update, seat).cpu().numpy() - one.value.ravel()).max()
        if not off <= _AS_IT_IS * max(1e-12, float(np.abs(one.value).max())):
            return False
    return True


def _checks(
    whole: Sequence[Seat], entrance: Seat, shown: Sequence[Shown], sent: Sequence[Tensor], *, concluding: bool
) -> list[Seat]:
    """Return the layers whose span has what entered them of the first turn, and which the input has a say in."""
    import torch

    one, others = shown[0], [seat for seat in whole if seat is not entrance]
    layers, pair = [seat.layer for seat in others], torch.cat([one.feature.values, one.feature.values + 1.0])
    with torch.no_grad():
        heard = entering(one.turn, layers, one.feature.name, pair, concluding=concluding)
    return [
        seat
        for seat, states in zip(others, heard, strict=True)
        if len(states)
        and bool((states[0] != states[1]).any())
        and float(outside(states[:1], span(sent, seat, len(shown)))) < LEFT_NOTHING
    ]


def _embedding(turns: Sequence[AttributableTurn], parameters: Sequence[Tensor]) -> int | None:
    """Return the parameter that any turn's words are looked up in; a turn may have none."""
    weights = [getattr(turn.embedded.layer, "weight", None) for turn in turns if turn.embedded is not None]
    return next((i for i, value in enumerate(parameters) if any(value is weight for weight in weights)), None)


def _sizes(targets: Targets, embedding: int | None) -> tuple[list[float], list[float]]:
    """Return how large a said word's row is in turns of others, and how long their gradients are."""
    if embedding is None:
        return [], []
    rows, norms = [], []
    for one in targets.gallery[:_ENOUGH]:
        said = sorted(words_of(one.turn))
        if not said:
            continue
        sent = turns_victim([one.turn], targets.input).sent([one.feature.values], [one.label])
        rows.append(float((sent[embedding][said].double() ** 2).mean()))
        norms.append(norm_of(sent))
    return rows, norms
