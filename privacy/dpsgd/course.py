"""One private training: each step is written down, drawn, clipped, summed, noised, taken and confirmed.

The noise is added once to the sum over all units of a step, however many passes the sum took, and the sum is divided by
the expected number of units. A step that draws nobody is a step like any other. Nothing in the data changes how many
steps there are or what the next one does, but through the noised sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affidavit.errors import BudgetSpentError
from affidavit.protocols import Progress, Trainable
from affidavit.training_state import UnusableStateError, fill
from privacy.dpsgd.accounts import StepAccount
from privacy.dpsgd.clipping import moved, shares
from privacy.dpsgd.gradients import UnitGradients, trained_parameters
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.outcome import Outcome
from privacy.dpsgd.randomness import Source
from privacy.dpsgd.training_state import read_state, write_state
from privacy.dpsgd.units import ProtectedUnit, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the steps have in common."""

    options: PrivateOptions
    noise_multiplier: float
    expected: float
    """Units in a step on average; the sums are divided by it."""
    digest: str
    """Names the training, so that no other one goes on from its state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """What the units of a step add up to, before noise."""

    sums: list[Tensor]
    unclipped: float
    """Sum of 1/2 for each unit that was not clipped and -1/2 for each that was."""


class Course:
    """The steps, and what is needed to go on after an interruption."""

    def __init__(
        self, *, reasoner: Trainable, gradients: UnitGradients, account: StepAccount, plan: Plan, progress: Progress
    ) -> None:
        self.reasoner, self.gradients, self.account, self.plan = reasoner, gradients, account, plan
        self.progress = progress
        self.parameters = trained_parameters(reasoner)
        self.clip_norm = plan.options.clip_norm
        self.taken = 0
        self.stopped_by_budget = False
        self.noise_from = ""
        self.not_resumed: str | None = None
        """Why the state of an interrupted training was of no use, where one was left."""
        self.optimizer = _optimizer(reasoner, plan.options)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)

    def run(self, units: Sequence[ProtectedUnit], source_of: Callable[[int], Source], state: Path) -> None:
        """Take the steps that are left; `source_of` gives the source of a step by its number.

        Raises:
            BudgetSpentError: there is no room for the first step.
        """
        self._resume(state)
        total = self.plan.options.n_steps
        self.reasoner.module.train()
        while self.taken < total:
            try:
                number = self.account.intend()
            except BudgetSpentError:
                if self.taken == 0:  # nothing was learnt, and a checkpoint would say otherwise
                    raise
                self.stopped_by_budget = True
                break
            source = source_of(self.taken)
            self.noise_from = source.name
            self.step(units, source)
            self.account.confirm(number)
            self.taken += 1
            if self.taken % self.plan.options.checkpoint_every == 0 or self.taken == total:
                self._keep(state)
            self.progress("training privately", self.taken, total)
        self.reasoner.module.eval()

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        return Outcome(
            options=self.plan.options,
            noise_multiplier=self.plan.noise_multiplier,
            taken=self.taken,
            noise_from=self.noise_from,
            last_clip_norm=self.clip_norm,
            stopped_by_budget=self.stopped_by_budget,
            not_resumed=self.not_resumed,
        )

    def step(self, units: Sequence[ProtectedUnit], source: Source) -> None:
        """Take one step: whom it takes, the pieces of theirs and all noise come from the source."""
        drawn = source.included(len(units), rate=self.plan.options.sample_rate)
        summed = self.summed([units[int(i)].drawn(source) for i in drawn], source)
        noises = shares(self.plan.noise_multiplier, self.plan.options.adaptive_clipping)
        for parameter, total in zip(self.parameters, summed.sums, strict=True):
            noised = total.double()
            if noises.gradients:
                noise = torch.from_numpy(source.normal(total.numel())).view(total.shape)
                noised = noised + (noises.gradients * self.clip_norm) * noise.to(noised.device)
            parameter.grad = (noised / self.plan.expected).to(parameter.dtype)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.schedule.step()
        adaptive = self.plan.options.adaptive_clipping
        if adaptive is not None:  # only now: the noise above belongs to the bound that the sums were clipped to
            count = summed.unclipped + noises.count * float(source.normal(1)[0])
            self.clip_norm = moved(self.clip_norm, adaptive, noised_count=count, expected=self.plan.expected)

    def summed(self, rows: Sequence[Row], source: Source) -> Summed:
        """Return the sum of clipped gradients, a few units at a time; zeros where there are none."""
        sums = [torch.zeros_like(p, dtype=torch.promote_types(p.dtype, torch.float32)) for p in self.parameters]
        unclipped = 0.0
        torch.manual_seed(source.seed())  # what a model draws must be as secret as the noise: whom a draw
        rng = np.random.default_rng(source.seed())  # falls to depends on how many units are before it
        ordered = sorted(rows, key=len)
        size = self.plan.options.units_at_once
        for at in range(0, len(ordered), size):
            clipped = self.gradients.clipped(ordered[at : at + size], clip_norm=self.clip_norm, rng=rng)
            for total, part in zip(sums, clipped.sums, strict=True):
                total += part
            unclipped += float((clipped.norms <= self.clip_norm).double().sum()) - 0.5 * len(clipped.norms)
        return Summed(sums=sums, unclipped=unclipped)

    def _rate(self, step: int) -> float:
        if self.plan.options.schedule == "constant":
            return 1.0
        total = self.plan.options.n_steps
        warm = max(1, total // 10)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + float(np.cos(np.pi * min(1.0, (step - warm) / max(1, total - warm)))))

    def _keep(self, path: Path) -> None:
        write_state(
            path,
            {
                "digest": self.plan.digest,
                "model": {n: p.detach() for n, p in self.reasoner.module.named_parameters() if p.requires_grad},
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "clip_norm": self.clip_norm,
                "taken": self.taken,
            },
        )

    def _resume(self, path: Path) -> None:
        """Go on from what was left; what is of no use is told, and training starts from the beginning."""
        try:
            state = read_state(path, digest=self.plan.digest, module=self.reasoner.module)
        except UnusableStateError as error:
            self.not_resumed = f"an interrupted training left a state that is of no use, so it began anew: {error}"
            self.progress(self.not_resumed, 0, None)
            return
        if state is not None:
            self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        fill(self.reasoner.module, state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.clip_norm, self.taken = float(state["clip_norm"]), int(state["taken"])


def _optimizer(reasoner: Trainable, options: PrivateOptions) -> torch.optim.Optimizer:
    rates = {"new": options.learning_rate, "pretrained": options.pretrained_learning_rate}
    groups = [
        {"params": list(values), "lr": rates[name]} for name, values in reasoner.parameter_groups().items() if values
    ]
    return torch.optim.SGD(groups) if options.optimizer == "sgd" else torch.optim.Adam(groups)
