"""The trainer as a plan calls it: it learns, stops, goes on and pays for every step, and its card says so."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from affidavit.corpus import Corpus
from affidavit.errors import BudgetSpentError, PlanError
from affidavit.hash_chain import read_chain
from affidavit.protocols import Progress, silent
from affidavit.seeds import seed_of
from affidavit.splits import grouped, split
from affidavit.training_state import STATE
from affidavit.unit_keys import was_trained_on
from privacy.dpsgd.inspections import inspect_noise
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.trainer import TRAINER
from privacy.dpsgd.units import parts_of, pieces
from privacy.ledger.ledger import Ledger

SIZES = tuple(range(1, 21))
SIMULATED: dict[str, Any] = {"simulated": True, "noise_multiplier": 1.0, "steps": 6, "sample_rate": 0.5}
PRIVATE: dict[str, Any] = {"noise_multiplier": 5.0, "delta": 1e-3, "steps": 6, "sample_rate": 0.5}


@pytest.fixture(scope="session")
def clinic(make_clinic: Callable[..., Corpus]) -> Corpus:
    return make_clinic(SIZES)


Train = Callable[..., Any]


@pytest.fixture
def train(toy: Callable, clinic: Corpus, tmp_path: Path) -> Train:
    def made(
        options: dict[str, Any], *, reasoner: Any = None, progress: Progress = silent, seed: int = 0, **more: Any
    ) -> Any:
        chosen = reasoner or toy()
        folder = tmp_path / more.pop("name", "seed-0")
        TRAINER.train(
            chosen,
            more.pop("corpus", clinic),
            {**options, **more},
            folder=folder,
            rng=np.random.default_rng(seed),
            progress=progress,
        )
        return chosen

    return made


def card_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return found


def weights(reasoner: Any) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in reasoner.module.parameters()])


def test_a_private_training_is_counted_and_its_card_says_what_it_promises(train: Train, tmp_path: Path) -> None:
    train(PRIVATE, epsilon=50.0, site="north", training_digest="sha256:7")
    card = card_of(tmp_path / "seed-0")
    told = card["privacy"]
    assert told["unit"] == "patient"
    assert told["neighbours"] == "add-remove"
    assert told["sampler"] == "poisson"
    assert told["simulated"] is False
    assert told["noise_multiplier"] == 5.0
    assert (told["steps"], told["steps_planned"], told["steps_counted"]) == (6, 6, 6)
    assert "AES" in told["noise_from"]
    assert "PRV" in told["accountant"]
    assert "PLD" in told["accountant"]
    assert told["not_covered"]
    with Ledger.opened(tmp_path / told["ledger"], site="north", unit="patient", run="other", budget=None) as ledger:
        assert ledger.spent(delta=1e-3).epsilon == pytest.approx(told["epsilon"])
    assert "history" not in card  # losses of trained patients would be a release of their own
    assert not (tmp_path / "seed-0" / STATE).exists()


class WithSpareRoom(nn.Module):
    """Two layers, and a parameter that no loss rests on: what it becomes in training is noise and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.widen, self.judge, self.spare = nn.Linear(6, 8), nn.Linear(8, 3), nn.Parameter(torch.zeros(20_000))

    def forward(self, turns: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.judge(torch.tanh(self.widen(turns)))
        return scores


@pytest.mark.parametrize(("way", "declared"), [("hooks", 16), ("loop", None)])
def test_the_trained_model_carries_the_noise_that_its_ledger_counted(
    way: str, declared: int | None, train: Train, toy: Callable, clinic: Corpus, tmp_path: Path
) -> None:
    """From the secret generator, over several steps and passes: what was written down is what was added."""
    options = {
        **PRIVATE,
        "steps": 4,
        "noise_multiplier": 1.7,
        "clip_norm": 0.6,
        "expected_units": declared,
        "optimizer": "sgd",
        "learning_rate": 1.0,
        "units_at_once": 2,
        "gradients": way,
    }
    reasoner = train(options, reasoner=toy(WithSpareRoom), training_digest="sha256:1")
    n_units = declared or len(parts_of(clinic, PrivateOptions.model_validate(PRIVATE)).units)
    noise = reasoner.module.spare.detach().double().numpy() * (0.5 * n_units) / math.sqrt(4)
    chain = read_chain(tmp_path / "seed-0.ledger.jsonl")
    steps: list[Any] = [link.content["steps"] for link in chain.links if link.content["kind"] == "intended"]
    assert len(steps) == 4
    for step in steps:
        found = inspect_noise(noise, clip_norm=step["clip_norm"], claimed=step["noise_multiplier"])
        assert found.low <= step["noise_multiplier"] <= found.high
        assert (step["noise_multiplier"], step["clip_norm"]) == (1.7, 0.6)
        assert (step["sample_rate"], step["sampler"], step["neighbours"]) == (0.5, "poisson", "add-remove")
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert told["noise_multiplier"] == 1.7
    assert told["ledger_head"] == chain.head


def test_no_patient_moves_the_trained_model_further_than_the_bound(
    train: Train, toy: Callable, make_clinic: Callable, make_patient: Callable
) -> None:
    """Patients of 1 to 40 turns, each left out of the whole training in turn; none is bounded by what it has."""
    everybody = make_clinic((1, 2, 3, 5, 16, 40))
    options = {
        "simulated": True,
        "noise_multiplier": 0.0,
        "steps": 1,
        "sample_rate": 1.0,
        "clip_norm": 0.3,
        "expected_units": 1,
        "optimizer": "sgd",
        "learning_rate": 1.0,
        "held_out": 0.0,
        "max_turns_per_patient": 40,
    }
    for way in ("hooks", "loop"):
        whole = weights(train(options, corpus=everybody, gradients=way, name="all"))
        for name in sorted({turn.unit for turn in everybody.utterances}):
            left = tuple(turn for turn in everybody.utterances if turn.unit != name)
            without = weights(train(options, corpus=replace(everybody, utterances=left), gradients=way, name=name))
            assert float((whole - without).norm()) == pytest.approx(0.3, rel=1e-4)


def test_the_ledger_knows_how_many_patients_there_are_where_the_division_tells_it(
    train: Train, clinic: Corpus, tmp_path: Path
) -> None:
    told = len(parts_of(clinic, PrivateOptions.model_validate(PRIVATE)).units)
    for name, options, n in (("a", PRIVATE, told), ("b", {**PRIVATE, "expected_units": 16}, 16)):
        train(options, name=name)
        opened = read_chain(tmp_path / f"{name}.ledger.jsonl").links[0].content
        assert (opened["kind"], opened["n_units"]) == ("run-opened", n)


def test_a_clinician_in_a_patient_s_dialogue_is_in_the_card_and_called_unprotected(
    train: Train, clinic: Corpus, tmp_path: Path
) -> None:
    turns = tuple(
        replace(turn, speaker_id="dr-weiss") if i % 3 == 0 else turn for i, turn in enumerate(clinic.utterances)
    )
    train(SIMULATED, corpus=replace(clinic, utterances=turns), training_digest="sha256:3")
    card = card_of(tmp_path / "seed-0")
    assert was_trained_on(card, "dr-weiss") is True
    assert was_trained_on(card, "dr-other") is False
    assert any("clinician" in line for line in card["privacy"]["not_covered"])
    train(SIMULATED, name="alone")
    assert "voices" not in card_of(tmp_path / "alone")


@pytest.mark.slow
def test_the_noise_for_a_budget_keeps_all_steps_within_it(train: Train, tmp_path: Path) -> None:
    train({**PRIVATE, "noise_multiplier": None}, epsilon=3.0)
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert not told["stopped_by_budget"]
    assert 2.9 < told["epsilon"] <= 3.0


def test_training_stops_where_the_budget_does_and_says_so(train: Train, tmp_path: Path) -> None:
    train({**PRIVATE, "noise_multiplier": 2.0, "sample_rate": 1.0, "steps": 40}, epsilon=8.0)
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert told["stopped_by_budget"]
    assert 0 < told["steps"] < 40
    assert told["epsilon"] <= 8.0


def test_without_room_for_any_step_there_is_no_model(train: Train, tmp_path: Path) -> None:
    with pytest.raises(BudgetSpentError):
        train({**PRIVATE, "noise_multiplier": 0.3}, epsilon=0.5)
    assert not (tmp_path / "seed-0" / "card.json").exists()


def test_a_second_training_on_the_same_budget_is_refused(train: Train, tmp_path: Path) -> None:
    shared = {
        **PRIVATE,
        "noise_multiplier": 2.0,
        "sample_rate": 1.0,
        "steps": 3,
        "epsilon": 3.0,
        "ledger": "site.jsonl",
    }
    train(shared, name="seed-0")
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert told["epsilon_covers"] == {"steps": 3, "searches": 0, "sites": ["here"]}
    with pytest.raises(BudgetSpentError):
        train(shared, name="seed-1", training_digest="sha256:another")
    assert (tmp_path / "site.jsonl").is_file()


def test_a_simulated_training_repeats_carries_no_epsilon_and_writes_no_ledger(train: Train, tmp_path: Path) -> None:
    one, two = train(SIMULATED, name="a"), train(SIMULATED, name="b")
    assert torch.equal(weights(one), weights(two))
    told = card_of(tmp_path / "a")["privacy"]
    assert told["simulated"] is True
    assert told["epsilon"] is None
    assert told["why_no_epsilon"]
    assert "simulated" in told["noise_from"]
    assert not list(tmp_path.glob("*.jsonl"))


def test_a_private_training_does_not_repeat(train: Train) -> None:
    assert not torch.equal(weights(train(PRIVATE, name="a")), weights(train(PRIVATE, name="b")))


@pytest.mark.slow
def test_with_little_noise_it_learns(train: Train, clinic: Corpus, make_clinic: Callable, tmp_path: Path) -> None:
    big = make_clinic([6] * 80)
    reasoner = train(
        {**PRIVATE, "noise_multiplier": 0.3, "steps": 60, "sample_rate": 0.5, "learning_rate": 0.05}, corpus=big
    )
    parts = parts_of(big, PrivateOptions.model_validate(PRIVATE))
    held = [turn for name in parts.held_out for turn in parts.groups[name]]
    answers = reasoner.logits(held).argmax(1).tolist()
    right = np.mean([big.label_space[a] == turn.label for a, turn in zip(answers, held, strict=True)])
    assert right > 0.6  # a third by chance
    assert card_of(tmp_path / "seed-0")["privacy"]["epsilon"] > 10  # and it is no protection worth the name


def test_the_held_out_patients_are_those_of_the_supervised_trainer(clinic: Corpus) -> None:
    options = PrivateOptions.model_validate({**SIMULATED, "held_out": 0.3, "split_seed": 5})
    names = sorted(grouped(clinic.utterances))
    supervised = split(names, {"held_out": 0.3, "development": 0.1}, seed=seed_of(5, "split"))
    assert parts_of(clinic, options).held_out == supervised["held_out"]


def test_held_out_patients_are_never_trained_on(train: Train, toy: Callable, clinic: Corpus) -> None:
    met: set[str] = set()
    reasoner = toy()
    asked = reasoner.losses

    def losses(units: Any, *, rng: Any) -> Any:
        if reasoner.module.training and len(reasoner.asked) >= 12:  # after the trial
            met.update(turn.unit for unit in units for turn in unit)
        return asked(units, rng=rng)

    reasoner.losses = losses
    train({**SIMULATED, "gradients": "hooks"}, reasoner=reasoner)
    parts = parts_of(clinic, PrivateOptions.model_validate(SIMULATED))
    assert met
    assert met <= set(parts.train)


def test_the_keys_in_the_card_are_those_that_judging_reads(train: Train, clinic: Corpus, tmp_path: Path) -> None:
    from reasoners.units import seen_by

    train(SIMULATED, training_digest="sha256:9")
    parts = parts_of(clinic, PrivateOptions.model_validate(SIMULATED))
    seen = seen_by(card_of(tmp_path / "seed-0"))
    assert all(name in seen for name in parts.train)
    assert not any(name in seen for name in parts.held_out)
    assert not any(name in (tmp_path / "seed-0" / "card.json").read_text() for name in parts.train)


def test_an_utterance_as_the_unit_is_labelled_as_what_it_is(train: Train, clinic: Corpus, tmp_path: Path) -> None:
    train({**PRIVATE, "unit": "utterance", "delta": 1e-4})
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert told["unit"] == "utterance"
    assert "not the patient" in told["warning"]
    assert told["max_turns"] == 1
    options = PrivateOptions.model_validate({**SIMULATED, "unit": "utterance"})
    parts = parts_of(clinic, options)
    assert all(len(piece) == 1 for unit in parts.units for piece in unit.pieces)
    assert len(parts.units) == sum(len(parts.groups[name]) for name in parts.train)


def test_pieces_hold_every_labelled_turn_once_and_no_more_than_allowed(make_patient: Callable) -> None:
    turns = make_patient("a", 23)
    for most in (1, 3, 4, 9, 50):
        cut = pieces(turns, max_turns=most)
        assert sorted(turn.utterance_id for piece in cut for turn in piece) == sorted(t.utterance_id for t in turns)
        assert max(map(len, cut)) <= most


def test_an_interrupted_training_ends_as_one_that_was_not(train: Train, toy: Callable, tmp_path: Path) -> None:
    whole = train(SIMULATED, name="whole", checkpoint_every=2, steps=9)

    def stop(what: str, done: int, total: int | None) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(SIMULATED, name="cut", checkpoint_every=2, steps=9, progress=stop)
    assert (tmp_path / "cut" / STATE).is_file()
    again = train(SIMULATED, name="cut", checkpoint_every=2, steps=9, reasoner=toy(seed=3))
    torch.testing.assert_close(weights(again), weights(whole))


def test_a_damaged_state_is_told_and_not_used(train: Train, tmp_path: Path) -> None:
    (tmp_path / "seed-0").mkdir()
    (tmp_path / "seed-0" / STATE).write_bytes(b"no state")
    train(SIMULATED)
    assert "does not read" in card_of(tmp_path / "seed-0")["not_resumed"]


class KilledError(Exception):
    """The process went away here."""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the update", "after the update", "before it is kept"])
def test_steps_that_were_lost_are_paid_for_and_taken_again(
    moment: str, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from privacy.dpsgd.course import Course

    applied = []
    step, keep = Course.step, Course._keep

    def stepped(self: Course, units: Any, source: Any) -> None:
        if moment == "before the update" and len(applied) == 3:
            raise KilledError
        step(self, units, source)
        applied.append(1)
        if moment == "after the update" and len(applied) == 3:
            raise KilledError

    def kept(self: Course, path: Path) -> None:
        if moment == "before it is kept" and len(applied) == 4:
            raise KilledError
        keep(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(Course, "step", stepped)
        patched.setattr(Course, "_keep", kept)
        with pytest.raises(KilledError):
            train(PRIVATE, checkpoint_every=2)
    train(PRIVATE, checkpoint_every=2)
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert told["steps"] == 6
    assert told["steps_counted"] >= len(applied) + 4  # two were kept, so four are taken again
    assert told["steps_counted"] > 6


@pytest.fixture
def killed_runs(toy: Callable, clinic: Corpus, tmp_path: Path) -> Callable[[int, int], int]:
    """Train in a child process that is killed after so many signs of life; return how many updates it told of."""

    def run(seed: int, signs: int) -> int:
        inlet, outlet = os.pipe()
        child = os.fork()
        if child == 0:
            _train_and_tell(toy(), clinic, tmp_path / "seed-0", outlet)
        os.close(outlet)
        updates = 0
        with os.fdopen(inlet, "rb", buffering=0) as pipe:
            for _ in range(signs):
                sign = pipe.read(1)
                if not sign:
                    break
                updates += sign == b"u"
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            updates += pipe.read().count(b"u")  # what it did before the signal reached it
        return updates

    return run


def _train_and_tell(reasoner: Any, corpus: Corpus, folder: Path, outlet: int) -> None:
    """Train, write `u` after each update and `.` at each question to the model, and go without cleaning up."""
    try:
        asked = reasoner.losses

        def losses(units: Any, *, rng: Any) -> Any:
            os.write(outlet, b".")
            return asked(units, rng=rng)

        reasoner.losses = losses
        moved = torch.optim.SGD.step

        def step(self: Any, closure: Any = None) -> None:
            moved(self, closure)
            os.write(outlet, b"u")

        torch.optim.SGD.step = step
        options = {**PRIVATE, "steps": 400, "optimizer": "sgd", "checkpoint_every": 3, "gradients": "loop"}
        TRAINER.train(reasoner, corpus, options, folder=folder, rng=np.random.default_rng(0), progress=silent)
    finally:
        os._exit(0)


@pytest.mark.slow
def test_a_training_that_is_killed_at_any_moment_pays_for_every_update(
    killed_runs: Callable[[int, int], int], tmp_path: Path
) -> None:
    rng, updates = np.random.default_rng(0), 0
    for seed in range(50):
        updates += killed_runs(seed, int(rng.integers(1, 120)))
        written = (tmp_path / "seed-0.ledger.jsonl").read_text(encoding="utf-8") if updates else ""
        assert written.count('"kind":"intended"') >= updates
    with Ledger.opened(
        tmp_path / "seed-0.ledger.jsonl", site="here", unit="patient", run="another", budget=None
    ) as ledger:
        assert ledger.spent(delta=1e-3).n_steps >= updates
    assert updates > 50


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": None}, "steps or epochs"),
        ({"epochs": 2.0}, "steps or epochs"),
        ({"noise_multiplier": None}, "noise_multiplier"),
        ({"noise_multiplier": 0.0}, "protects nobody"),
        ({"delta": None}, "delta"),
        ({"epsilon": 1e-9}, "epsilon"),
        ({"sample_rate": 0.0}, "sample_rate"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"clip_norm": float("inf")}, "clip_norm"),
        ({"poisson": False}, "poisson"),
        ({"patience": 3}, "patience"),
    ],
)
def test_options_that_cannot_be_kept_are_refused_by_name(changes: dict[str, Any], named: str, train: Train) -> None:
    with pytest.raises(PlanError, match=named):
        train(PRIVATE, **changes)


def test_a_delta_that_allows_one_patient_to_be_published_is_refused(train: Train) -> None:
    with pytest.raises(PlanError, match="1 over the number"):
        train(PRIVATE, delta=1 / 14)
    train(PRIVATE, delta=1 / 14 - 1e-6)  # fourteen of the twenty are trained on


def test_epochs_are_steps_over_the_rate() -> None:
    read = PrivateOptions.model_validate({**SIMULATED, "steps": None, "epochs": 3.0, "sample_rate": 0.1})
    assert read.n_steps == 30


def test_the_declared_number_of_patients_divides_and_is_public(train: Train, tmp_path: Path) -> None:
    train({**PRIVATE, "expected_units": 16})
    told = card_of(tmp_path / "seed-0")["privacy"]
    assert told["n_units"] == "declared"
    assert told["caveats"] == []


def test_labels_outside_the_label_space_are_refused_by_name(train: Train, clinic: Corpus) -> None:
    with pytest.raises(PlanError, match="label space"):
        train(PRIVATE, corpus=replace(clinic, label_space=("anger", "joy")))


def test_hooks_are_taken_off_after_training(train: Train) -> None:
    reasoner = train(SIMULATED, gradients="hooks")
    assert not any(hasattr(value, "grad_sample") for value in reasoner.module.parameters())
    assert not any(layer._backward_hooks for layer in reasoner.module.modules())
    assert not reasoner.module.training


def test_the_trainer_is_what_the_door_expects() -> None:
    from affidavit.protocols import Trainer

    assert isinstance(TRAINER, Trainer)
    assert TRAINER.name == "dp-sgd"
