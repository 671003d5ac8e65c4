"""Training at a site without privacy: the twin that private training is held against, and the loss of q-FFL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from affidavit.protocols import Trainable
from affidavit.seeds import seed_of
from affidavit.utterances import Utterance
from federated.sites.answers import Answers
from federated.sites.options import PlainOptions
from federated.updates.layout import Layout, Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, UpdateFacts

Row = Sequence[Utterance]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTraining:
    """A site's training; what it draws comes from the seed, the site's name and the round, and from nothing else."""

    site: str
    reasoner: Trainable
    layout: Layout
    rows: Sequence[Row]
    """Pieces of the patients' dialogues, each with something to learn from."""
    n_units: int | None
    """Told to the server; None where the site's policy keeps it."""
    options: PlainOptions
    seed: int
    answers: Answers

    def facts(self) -> SiteFacts:
        """Return what the site tells of itself."""
        return SiteFacts(site=self.site, layout=self.layout.digest, n_units=self.n_units)

    def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
        """Train from the received parameters; asked again in the same round, answer the same."""
        known = self.answers.to(order, self.layout)
        if known is not None:
            return known
        self.layout.scatter(received, self.reasoner)
        loss = self._loss(order) if order.loss_wanted else None
        rng = np.random.default_rng(self._seed("order", order))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("torch", order))
            self._steps(order, rng)
        update = self.layout.gathered(self.reasoner) - received
        answer = LocalUpdate(update=update, facts=UpdateFacts(loss=loss))
        self.answers.keep(order, answer)
        return answer

    def _steps(self, order: RoundOrder, rng: np.random.Generator) -> None:
        parameters = _trained(self.reasoner)
        anchors = [value.detach().clone() for value in parameters] if order.proximal else []
        optimizer = _optimizer(self.reasoner, self.options)
        self.reasoner.module.train()
        for _ in range(self.options.epochs):
            shuffled = rng.permutation(len(self.rows))
            for at in range(0, len(shuffled), self.options.rows_per_step):
                rows = [self.rows[int(i)] for i in shuffled[at : at + self.options.rows_per_step]]
                loss = self.reasoner.losses(rows, rng=rng).mean()
                if order.proximal:
                    loss = loss + 0.5 * order.proximal * _squared_distance(parameters, anchors)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, self.options.clip_norm)
                optimizer.step()
        self.reasoner.module.eval()

    def _loss(self, order: RoundOrder) -> float:
        """Return the mean loss of a row at the received parameters."""
        self.reasoner.module.eval()
        rng, total = np.random.default_rng(self._seed("loss", order)), 0.0
        with torch.no_grad():
            for at in range(0, len(self.rows), self.options.rows_per_step):
                total += float(self.reasoner.losses(self.rows[at : at + self.options.rows_per_step], rng=rng).sum())
        return total / len(self.rows)

    def _seed(self, what: str, order: RoundOrder) -> int:
        return seed_of(self.seed, self.site, what, order.run, order.round)


def _trained(reasoner: Trainable) -> list[torch.nn.Parameter]:
    listed = [value for values in reasoner.parameter_groups().values() for value in values]
    return list({id(value): value for value in listed}.values())


def _squared_distance(parameters: Sequence[Tensor], anchors: Sequence[Tensor]) -> Tensor:
    return torch.stack(
        [(value - anchor).square().sum() for value, anchor in zip(parameters, anchors, strict=True)]
    ).sum()


def _optimizer(reasoner: Trainable, options: PlainOptions) -> torch.optim.Optimizer:
    rates = {"new": options.learning_rate, "pretrained": options.pretrained_learning_rate}
    groups = [
        {"params": list(values), "lr": rates[name]} for name, values in reasoner.parameter_groups().items() if values
    ]
    return torch.optim.SGD(groups) if options.optimizer == "sgd" else torch.optim.Adam(groups)
