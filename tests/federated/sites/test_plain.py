"""A site's training without privacy: it repeats, it answers once, and FedProx holds it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from affidavit.utterances import Utterance
from federated.sites.answers import ANSWER, Answers
from federated.sites.options import PlainOptions
from federated.sites.plain import PlainTraining
from federated.updates.layout import Layout
from federated.updates.local import RoundOrder

LABELS = ("anger", "joy")


class Toy:
    """Tells labels from the length of the words."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.2), nn.Linear(4, 2))
        self.n_calls = 0

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        self.n_calls += 1
        rows = []
        for unit in units:
            taken = torch.tensor([[1.0, len(turn.text or "") / 5] for turn in unit])
            labels = torch.tensor([LABELS.index(str(turn.label)) for turn in unit])
            rows.append(cross_entropy(self.module(taken), labels))
        return torch.stack(rows)


def _rows(n: int = 12) -> list[list[Utterance]]:
    return [
        [Utterance(utterance_id=f"{i}", unit_id=f"p{i}", text="a" * (1 + i % 9), label=LABELS[i % 9 > 4])]
        for i in range(n)
    ]


@pytest.fixture
def site(tmp_path: Path) -> Any:
    def made(*, name: str = "east", folder: str = "east", **options: Any) -> PlainTraining:
        reasoner: Any = Toy()
        (tmp_path / folder).mkdir(exist_ok=True)
        return PlainTraining(
            site=name,
            reasoner=reasoner,
            layout=Layout.of(reasoner),
            rows=_rows(),
            n_units=12,
            options=PlainOptions(**{"learning_rate": 0.05, **options}),
            seed=1,
            answers=Answers(tmp_path / folder),
        )

    return made


def _order(site: PlainTraining, *, number: int = 1, **more: Any) -> RoundOrder:
    return RoundOrder(run="run", round=number, attempt=1, layout=site.layout.digest, **more)


def test_the_same_round_gives_the_same_update_and_another_site_another_one(site: Any) -> None:
    one, two, other = site(), site(folder="again"), site(name="west", folder="west")
    start = one.layout.gathered(one.reasoner)

    first = one.train(start, _order(one)).update

    np.testing.assert_array_equal(first, two.train(start, _order(two)).update)
    assert not np.array_equal(first, other.train(start, _order(other)).update)
    assert np.linalg.norm(first) > 0


def test_asked_again_it_answers_the_same_without_training(site: Any) -> None:
    one = site()
    start = one.layout.gathered(one.reasoner)
    first = one.train(start, _order(one))
    n_calls = one.reasoner.n_calls

    again = one.train(start, RoundOrder(run="run", round=1, attempt=2, layout=one.layout.digest))
    one.train(start, _order(one, number=2))

    np.testing.assert_array_equal(again.update, first.update)
    assert one.reasoner.n_calls > n_calls
    assert one.answers.to(_order(one), one.layout) is None  # only the last answer is kept


def test_an_answer_that_cannot_be_read_is_made_again(site: Any) -> None:
    one = site()
    start = one.layout.gathered(one.reasoner)
    first = one.train(start, _order(one)).update
    (one.answers._path).write_bytes(b"torn")

    np.testing.assert_array_equal(one.train(start, _order(one)).update, first)
    assert (one.answers._path.stat().st_mode & 0o777) == 0o600
    one.answers.forget()
    assert not list(one.answers._path.parent.glob(ANSWER))


def test_fedprox_keeps_a_site_nearer_to_what_it_received(site: Any) -> None:
    moved = []
    for mu, folder in [(0.0, "a"), (1.0, "b"), (100.0, "c")]:
        one = site(folder=folder, optimizer="sgd", epochs=5, clip_norm=1e9, learning_rate=0.01)
        start = one.layout.gathered(one.reasoner)
        moved.append(float(np.linalg.norm(one.train(start, _order(one, proximal=mu)).update)))

    assert moved[0] > moved[1] > moved[2] > 0


def test_a_proximal_step_is_its_slow_twin(site: Any) -> None:
    """Two steps of gradient descent by hand, with the pull towards the received parameters in the second one."""
    one = site(optimizer="sgd", rows_per_step=6, epochs=1, clip_norm=1e9, learning_rate=0.1)
    one.reasoner.module[1] = nn.Identity()
    start = one.layout.gathered(one.reasoner)
    update = one.train(start, _order(one, proximal=2.0)).update

    twin = site(folder="twin")
    twin.reasoner.module[1] = nn.Identity()
    twin.layout.scatter(start, twin.reasoner)
    rng = np.random.default_rng(one._seed("order", _order(one)))
    shuffled = rng.permutation(12)
    for at in (0, 6):
        loss = twin.reasoner.losses([one.rows[int(i)] for i in shuffled[at : at + 6]], rng=rng).mean()
        gradients = torch.autograd.grad(loss, list(twin.reasoner.module.parameters()))
        anchors = torch.from_numpy(start)
        named = sorted(twin.reasoner.module.named_parameters())
        by_name = dict(zip((n for n, _ in twin.reasoner.module.named_parameters()), gradients, strict=True))
        place = 0
        for name, value in named:
            anchor = anchors[place : place + value.numel()].view(value.shape)
            place += value.numel()
            with torch.no_grad():
                value -= 0.1 * (by_name[name] + 2.0 * (value - anchor))

    np.testing.assert_allclose(start + update, twin.layout.gathered(twin.reasoner), atol=1e-6)


def test_a_loss_leaves_only_where_it_is_asked_for_and_is_of_the_received_model(site: Any) -> None:
    one, two = site(), site(folder="two")
    start = one.layout.gathered(one.reasoner)

    assert one.train(start, _order(one)).facts.loss is None
    told = two.train(start, _order(two, loss_wanted=True)).facts.loss

    two.layout.scatter(start, two.reasoner)
    with torch.no_grad():
        slow = np.mean([float(two.reasoner.losses([row], rng=np.random.default_rng(0))[0]) for row in two.rows])
    assert told == pytest.approx(slow, rel=1e-5)


def test_what_torch_draws_elsewhere_changes_nothing_and_is_not_changed(site: Any) -> None:
    one, two = site(), site(folder="two")
    start = one.layout.gathered(one.reasoner)
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    first = one.train(start, _order(one)).update
    assert torch.equal(torch.rand(1), before)
    np.testing.assert_array_equal(first, two.train(start, _order(two)).update)
