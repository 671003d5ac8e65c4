"""One training by GRPO: a cold start, then steps of drawing, rewarding and learning; interrupted, it goes on.

Nothing in it drops out at random: completions are drawn from the very model whose log probabilities are descended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.digests import digest_of
from affidavit.protocols import Progress, Trainable
from affidavit.training_state import DIGEST, MODEL, StateFormat, UnusableStateError, fill
from affidavit.utterances import Utterance
from reasoners.grpo.advantages import advantages
from reasoners.grpo.objective import grpo_loss
from reasoners.grpo.options import GrpoOptions
from reasoners.grpo.rewards import Reward, Rewards, told_rewards
from reasoners.grpo.writing import Completion, Sampling, Writes
from reasoners.training_state import generators, restore_generators

_LABELLED_PER_STEP: Final = 8
"""Reference completions in one step of the cold start."""
_GENERATORS: Final = frozenset({"torch", "cuda", "numpy"})
_OWN: Final = frozenset({"reference", "optimizer", "cold", "order", "steps", "windows", "open"})
FORMAT: Final = StateFormat(
    needs=_GENERATORS | _OWN | {DIGEST, MODEL},
    save=torch.save,
    load=partial(torch.load, weights_only=True, map_location="cpu"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """Who is trained, by what, and how."""

    reasoner: Trainable
    writer: Writes
    rewards: Rewards
    turns: tuple[Utterance, ...]
    """With a label each."""
    options: GrpoOptions
    identity: str
    """Names the verifier among all else that goes in."""


class Course:
    """The steps, and what is needed to go on after an interruption."""

    def __init__(self, taught: Taught, *, rng: np.random.Generator, progress: Progress) -> None:
        """Begin at the first step; nothing is computed yet."""
        self.taught, self.options, self.rng, self.progress = taught, taught.options, rng, progress
        self.module: nn.Module = taught.reasoner.module
        groups = taught.reasoner.parameter_groups()
        self.parameters = [value for values in groups.values() for value in values]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=self.options.learning_rate, weight_decay=0.0)
        self.cold: list[float] = []
        """Mean loss of each pass of the cold start."""
        self.order: list[int] = []
        """Turns of all epochs, once they are drawn."""
        self.steps = 0
        self.windows: list[dict[str, float]] = []
        """Means of rewards and divergence over `checkpoint_every` steps each."""
        self.open: list[dict[str, float]] = []
        """The steps since the last window."""
        self.reference: dict[str, Tensor] = {}
        self.not_resumed: str | None = None

    @property
    def n_steps(self) -> int:
        """All steps that there will be."""
        planned = self.options.epochs * -(-len(self.taught.turns) // self.options.turns_per_step)
        return planned if self.options.most_steps is None else min(planned, self.options.most_steps)

    def run(self, state: Path) -> None:
        """Train to the last step."""
        self.module.eval()
        torch.manual_seed(int(self.rng.integers(2**62)))
        self._resume(state)
        while len(self.cold) < self.options.cold_start:
            self._cold_pass()
            self._keep(state)
        if not self.order:
            self._begin()
            self._keep(state)
        while self.steps < self.n_steps:
            self._step()
            if self.steps % self.options.checkpoint_every == 0 or self.steps == self.n_steps:
                self._close_window()
                self._keep(state)

    def _cold_pass(self) -> None:
        """Learn whole reference completions once, each token alike."""
        told = [(turn, found) for turn in self.taught.turns if (found := self.taught.writer.reference(turn))]
        optimizer = self.optimizer
        for group in optimizer.param_groups:
            group["lr"] = self.options.cold_start_rate
        losses: list[float] = []
        order = self.rng.permutation(len(told))
        for start in range(0, len(order), _LABELLED_PER_STEP):
            some = [told[i] for i in order[start : start + _LABELLED_PER_STEP]]
            optimizer.zero_grad(set_to_none=True)
            for turn, completion in some:
                loss = self._surprise(turn, completion)
                (loss / len(some)).backward()
                losses.append(float(loss.detach()))
            self._descend()
            self.progress("learning reference completions", start + len(some), len(order))
        self.cold.append(round(float(np.mean(losses)), 4) if losses else 0.0)

    def _surprise(self, turn: Utterance, completion: Completion) -> Tensor:
        said = self.taught.writer.log_probabilities(turn, [completion], temperature=1.0)
        mean: Tensor = -(said.values * said.known).sum() / said.known.sum()
        return mean

    def _begin(self) -> None:
        """Take the model as it is for the reference, and draw the order of turns."""
        self.reference = {name: value.detach().clone() for name, value in self._trained()}
        self.optimizer = torch.optim.AdamW(self.parameters, lr=self.options.learning_rate, weight_decay=0.0)
        size, n_turns = self.options.turns_per_step, len(self.taught.turns)
        for _ in range(self.options.epochs):
            order = self.rng.permutation(n_turns).tolist()
            whole = -(-n_turns // size) * size  # the last step of an epoch is filled up from its beginning
            self.order += [order[i % n_turns] for i in range(whole)]

    def _step(self) -> None:
        """Draw, reward, and take one step of AdamW."""
        options, size = self.options, self.options.turns_per_step
        turns = [self.taught.turns[i] for i in self.order[self.steps * size : (self.steps + 1) * size]]
        sampling = Sampling(temperature=options.temperature, max_tokens=options.max_tokens)
        drawn = self.taught.writer.sampled(turns, each=options.generations, sampling=sampling, rng=self.rng)
        rewards = [self._rewarded(turn, some) for turn, some in zip(turns, drawn, strict=True)]
        references = self._reference_logs(turns, drawn)
        self.optimizer.zero_grad(set_to_none=True)
        diverged = [
            self._learnt(turn, some, earned, reference, share=1 / len(turns))
            for turn, some, earned, reference in zip(turns, drawn, rewards, references, strict=True)
        ]
        self._descend()
        self.steps += 1
        every = [reward for earned in rewards for reward in earned]
        ended = [completion.ended for some in drawn for completion in some]
        told = {"kl": float(np.mean(diverged)), "ended": float(np.mean(ended))}
        self.open.append({**told_rewards(every), **told})
        self.progress("rewarding", self.steps, self.n_steps)

    def _rewarded(self, turn: Utterance, completions: Sequence[Completion]) -> list[Reward]:
        return [self.taught.rewards.of_one(completion.text, str(turn.label)) for completion in completions]

    def _reference_logs(self, turns: Sequence[Utterance], drawn: Sequence[Sequence[Completion]]) -> list[Tensor | None]:
        if self.options.beta == 0:
            return [None] * len(turns)
        with torch.no_grad(), _holding(self.module, self.reference):
            return [self._said(turn, some).values for turn, some in zip(turns, drawn, strict=True)]

    def _said(self, turn: Utterance, completions: Sequence[Completion]) -> Any:  # noqa: ANN401
        return self.taught.writer.log_probabilities(turn, completions, temperature=self.options.temperature)

    def _learnt(
        self,
        turn: Utterance,
        completions: Sequence[Completion],
        earned: Sequence[Reward],
        reference: Tensor | None,
        *,
        share: float,
    ) -> float:
        """Add the gradient of one turn's completions, and return their divergence from the reference."""
        said = self._said(turn, completions)
        totals = torch.tensor([reward.total for reward in earned], device=said.values.device, dtype=said.values.dtype)
        loss = grpo_loss(
            said,
            reference=reference,
            advantage=advantages(totals),
            beta=self.options.beta,
            epsilon=self.options.epsilon,
        )
        (loss.value * share).backward()
        return loss.kl

    def _descend(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.parameters, self.options.clip_norm)
        self.optimizer.step()

    def _close_window(self) -> None:
        if self.open:
            names = self.open[0]
            means = {name: round(float(np.mean([step[name] for step in self.open])), 4) for name in names}
            self.windows.append({"steps": float(self.steps), **means})
            self.open = []

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, value) for name, value in self.module.named_parameters() if value.requires_grad)

    # --- going on -------------------------------------------------------------------------------------------------

    def _keep(self, path: Path) -> None:
        state = {
            DIGEST: self._digest(),
            MODEL: {name: value.detach() for name, value in self._trained()},
            "reference": self.reference,
            "optimizer": self.optimizer.state_dict(),
            "cold": self.cold,
            "order": self.order,
            "steps": self.steps,
            "windows": self.windows,
            "open": self.open,
        }
        FORMAT.write(path, {**state, **generators(self.rng)})

    def _resume(self, path: Path) -> None:
        try:
            state = FORMAT.read(path, digest=self._digest(), module=self.module)
        except UnusableStateError as error:
            self.not_resumed = f"an interrupted training left a state that is of no use, so it began anew: {error}"
            self.progress(self.not_resumed, 0, None)
            return
        if state is None:
            return
        fill(self.module, state[MODEL])
        device = {name: value.device for name, value in self._trained()}
        self.reference = {name: value.to(device[name]) for name, value in state["reference"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.cold, self.order, self.steps = state["cold"], state["order"], state["steps"]
        self.windows, self.open = state["windows"], state["open"]
        restore_generators(state, self.rng)

    def _digest(self) -> str:
        names = [turn.utterance_id for turn in self.taught.turns]
        return digest_of([self.options.model_dump(mode="json"), names, self.taught.identity])


@contextmanager
def _holding(module: nn.Module, values: Mapping[str, Tensor]) -> Iterator[None]:
    """Have the module hold other values of its trained parameters inside, and its own again afterwards."""
    own = {name: value.detach().clone() for name, value in module.named_parameters() if name in values}
    fill(module, values)
    try:
        yield
    finally:
        fill(module, own)
