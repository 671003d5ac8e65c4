"""Training: resumed it is what it would have been, finished it is not repeated, and the card names nobody."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan
from affidavit.protocols import silent
from affidavit.registry import Door, register
from affidavit.seeds import seed_of
from affidavit.sources import load_run
from affidavit.splits import grouped
from affidavit.training import Trained, checkpoint_of, train_plan
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.scope import whom_to_judge
from reasoners.supervised import TRAINER
from reasoners.training_state import STATE, generators, restore_generators
from reasoners.units import seen_by, unit_keys

pytestmark = pytest.mark.usefixtures("no_shards")
OPTIONS = {"epochs": 3, "held_out": 0.3, "development": 0.2, "rows_per_step": 2, "training_digest": "sha256:7"}


class KilledError(Exception):
    """Stands for whatever ends a process."""


Train = Callable[..., InstructedReasoner]


@pytest.fixture
def train(make_reasoner: Callable, make_corpus: Callable[..., Corpus]) -> Train:
    """Train a new small model, with everything that training draws at random."""

    def made(folder: Path, *, seed: int = 0, progress: Callable = silent, **options: Any) -> InstructedReasoner:
        reasoner = make_reasoner(augmentation=Augmentation(degraded_share=0.2))
        trained = TRAINER.train(
            reasoner,
            make_corpus(8),
            {**OPTIONS, **options},
            folder=folder,
            rng=np.random.default_rng(seed),
            progress=progress,
        )
        assert isinstance(trained, InstructedReasoner)
        return trained

    return made


def weights(reasoner: InstructedReasoner) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in reasoner.module.named_parameters()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def killed_in_epoch(n: int, steps: int) -> Callable[[str, int, int | None], None]:
    def progress(what: str, done: int, total: int | None) -> None:
        if what == "training" and done > n * steps:
            raise KilledError

    return progress


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    epoch: int, train: Train, tmp_path: Path
) -> None:
    steps: list[int] = []
    whole = train(tmp_path / "whole", progress=lambda what, done, total: what == "training" and steps.append(done))
    per_epoch = len(steps) // OPTIONS["epochs"]
    with pytest.raises(KilledError):
        train(tmp_path / "cut", progress=killed_in_epoch(epoch, per_epoch))
    assert (tmp_path / "cut" / STATE).is_file()
    trained: list[int] = []
    resumed = train(tmp_path / "cut", progress=lambda what, done, total: what == "training" and trained.append(done))
    assert same(weights(resumed), weights(whole))
    assert trained[0] == epoch * per_epoch + 1, "finished epochs are not trained again"
    histories = [json.loads((tmp_path / n / "card.json").read_text())["history"] for n in ("whole", "cut")]
    assert histories[0] == histories[1]
    assert not (tmp_path / "cut" / STATE).exists()
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (
        tmp_path / "cut" / "model.safetensors"
    ).read_bytes()


def test_a_state_that_does_not_read_is_as_good_as_none(train: Train, tmp_path: Path) -> None:
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / STATE).write_bytes(b"half of a state")
    assert same(weights(train(tmp_path / "cut", epochs=1)), weights(train(tmp_path / "whole", epochs=1)))


def without(state: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != key}


def of_another_shape(state: dict[str, Any]) -> dict[str, Any]:
    name = next(iter(state["model"]))
    return {**state, "model": {**state["model"], name: torch.zeros(1)}}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda state: without(state, "numpy"), "it lacks numpy"),
        (lambda state: [1, 2], "it lacks best"),
        (of_another_shape, "another shape"),
        (None, "does not read"),
    ],
)
def test_a_state_that_is_of_no_use_is_told_and_training_begins_anew(
    damage: Callable | None, said: str, train: Train, tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        train(tmp_path / "cut", progress=killed_in_epoch(1, 3))
    state = tmp_path / "cut" / STATE
    if damage is None:
        state.write_bytes(state.read_bytes()[:-100])
    else:
        torch.save(damage(torch.load(state, weights_only=True)), state)
    told: list[str] = []
    resumed = train(tmp_path / "cut", progress=lambda what, done, total: told.append(what))
    assert any(said in what for what in told)
    assert said in json.loads((tmp_path / "cut" / "card.json").read_text())["not_resumed"]
    assert same(weights(resumed), weights(train(tmp_path / "whole")))
    assert "not_resumed" not in json.loads((tmp_path / "whole" / "card.json").read_text())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_generator_of_a_gpu_goes_on_where_it_was() -> None:
    rng = np.random.default_rng(0)
    torch.rand(3, device="cuda")
    state = generators(rng)
    drawn = torch.rand(3, device="cuda")
    restore_generators(state, rng)
    assert torch.equal(torch.rand(3, device="cuda"), drawn)


def test_the_generators_of_gpus_are_kept_and_those_that_are_here_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [torch.tensor([1, 2], dtype=torch.uint8), torch.tensor([3], dtype=torch.uint8)]
    put: list[tuple[int, Any]] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: kept)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: put.append((device, state)))
    rng = np.random.default_rng(0)
    state = generators(rng)
    monkeypatch.undo()
    assert state["cuda"] == kept
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: put.append((device, state)))
    restore_generators(state, rng)
    assert put == [(0, kept[0])]


def test_two_utterances_with_one_id_are_not_trained_on(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], as_corpus: Callable, tmp_path: Path
) -> None:
    corpus = make_corpus(8)
    twice = as_corpus([*corpus.utterances, corpus.utterances[1]])
    rng = np.random.default_rng(0)
    with pytest.raises(PlanError, match="same id"):
        TRAINER.train(make_reasoner(), twice, OPTIONS, folder=tmp_path, rng=rng, progress=silent)


def test_a_split_by_dialogue_says_whose_other_dialogues_were_trained_on(
    train: Train, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    corpus = make_corpus(8)
    train(tmp_path, epochs=1, split_by="dialogue")
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert len(card["units"]["train"]) == card["n_units"]["train"]
    chosen, said = whom_to_judge(corpus, card, everybody=False)
    dialogues = {turn.dialogue_id for turn in chosen}
    assert len(dialogues) == card["n_units"]["held_out"]
    known = {turn.unit for turn in corpus.utterances if turn.dialogue_id not in dialogues}
    judged = [turn for turn in chosen if turn.label is not None]
    n_known = sum(turn.unit in known for turn in judged)
    assert 0 < n_known < len(judged), "a test of all or none would prove little"
    assert any(f"{n_known} of {len(judged)} judged utterances are of speakers it was trained on" in s for s in said)
    left = len(corpus.utterances) - len(chosen)
    assert f"{left} utterances of dialogues that it was trained on were left out" in said
    assert not any("units" in line for line in said)


def test_a_corpus_of_its_own_of_which_it_knows_no_id_is_refused(
    train: Train, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    corpus = make_corpus(8)
    train(tmp_path, epochs=1)
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    n_known = len(card["units"]["train"]) + len(card["units"]["development"])
    _, said = whom_to_judge(corpus, card, everybody=False)
    assert f"{n_known} of the {n_known} units that it was trained on are in this corpus, by their ids" in said
    renamed = replace(corpus, utterances=tuple(replace(u, unit_id=u.unit.upper()) for u in corpus.utterances))
    with pytest.raises(PlanError, match="trained on this corpus") as caught:
        whom_to_judge(renamed, card, everybody=False)
    assert caught.value.slug == "units-overlap"
    for chosen, said in (
        whom_to_judge(renamed, card, everybody=True),
        whom_to_judge(replace(renamed, digest="sha256:other"), card, everybody=False),
    ):
        assert len(chosen) == len(corpus.utterances)
        assert f"0 of the {n_known} units that it was trained on are in this corpus, by their ids" in said


def test_a_state_of_another_training_is_not_taken(train: Train, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tmp_path / "cut", progress=killed_in_epoch(1, 3))
    resumed = train(tmp_path / "cut", learning_rate=1e-4)
    assert same(weights(resumed), weights(train(tmp_path / "whole", learning_rate=1e-4)))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(train: Train, tmp_path: Path) -> None:
    first, again, other = (weights(train(tmp_path / str(i), seed=seed, epochs=1)) for i, seed in enumerate((1, 1, 2)))
    assert same(first, again)
    assert not same(first, other)


def test_training_learns_what_it_is_shown(train: Train, tmp_path: Path) -> None:
    train(tmp_path, epochs=30, patience=30, learning_rate=1e-2)
    history = json.loads((tmp_path / "card.json").read_text())["history"]
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert max(epoch["weighted_f1"] for epoch in history) > 0.8


def test_training_stops_where_it_no_longer_gets_better(train: Train, tmp_path: Path) -> None:
    train(tmp_path, epochs=40, patience=2, learning_rate=1e-6, pretrained_learning_rate=1e-6)
    history = json.loads((tmp_path / "card.json").read_text())["history"]
    assert len(history) < 40
    f1 = [epoch["weighted_f1"] for epoch in history]
    assert max(f1[:-2]) >= max(f1), "the last epochs before the stop were no better"


def test_the_card_knows_whom_it_was_trained_on_and_names_nobody(
    train: Train, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    train(tmp_path, epochs=1)
    written = "".join(
        path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.suffix in (".json", ".md")
    )
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    units = sorted(grouped(make_corpus(8).utterances))
    assert not any(name in written for name in units)
    assert not any(u.utterance_id in written for u in make_corpus(8).utterances)
    seen = [name for name in units if name in seen_by(card)]
    assert len(seen) == card["n_units"]["train"] + card["n_units"]["development"]
    assert len(units) - len(seen) == card["n_units"]["held_out"] == round(0.3 * len(units))
    keys = unit_keys({"train": units}, "sha256:7")["train"]
    assert set(card["units"]["train"]) < set(keys)
    assert not set(card["units"]["train"]) & set(unit_keys({"train": units}, "sha256:8")["train"])


def test_several_seeds_hold_out_the_same_units_and_a_split_seed_moves_them(train: Train, tmp_path: Path) -> None:
    cards = []
    for i, (seed, split_seed) in enumerate(((0, 0), (1, 0), (0, 5))):
        train(tmp_path / str(i), seed=seed, split_seed=split_seed, epochs=1)
        cards.append(json.loads((tmp_path / str(i) / "card.json").read_text())["units"])
    assert cards[0] == cards[1] != cards[2]


class ToneLoader:
    """The tests' corpus behind the door."""

    name = "tones"

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.loaded = 0

    def load(self, options: Any, *, folder: Path, progress: Any) -> Corpus:
        self.loaded += 1
        return self.corpus


@pytest.fixture
def plan_of(make_corpus: Callable[..., Corpus]) -> Callable[..., AuditPlan]:
    register(Door.CORPORA, "tones", ToneLoader(make_corpus(8)))

    def made(*, seed: int = 0, out: str | None = "models", seeds: tuple[int, ...] = (0,), **trainer: Any) -> AuditPlan:
        training: dict[str, Any] = {
            "corpus": "tones",
            "reasoner": {"name": "instructed", "options": {"size": "tiny", "visual": False, "rationales": False}},
            "trainer": {"name": "supervised", "options": {"epochs": 1, "development": 0.2, **trainer}},
            "seeds": seeds,
        }
        if out is not None:
            training["out"] = out
        run = {"corpus": "tones", "reasoner": {"name": "instructed", "options": {"conditions": ["T"]}}, "trained": "m"}
        return AuditPlan.model_validate(
            {
                "training": {"m": training},
                "runs": {"m": run},
                "seed": seed,
                "execution": {"device": "cpu", "workers": 0},
            }
        )

    return made


def trained(plan: AuditPlan, folder: Path) -> list[Trained]:
    return train_plan(plan, folder=folder, progress=silent)


def test_a_finished_training_is_not_repeated(plan_of: Callable, tmp_path: Path) -> None:
    first = trained(plan_of(seeds=(0, 1)), tmp_path)
    files = {item.folder: (item.folder / "model.safetensors").stat().st_mtime_ns for item in first}
    again = trained(plan_of(seeds=(0, 1)), tmp_path)
    assert [item.again for item in first] == [False, False]
    assert [item.again for item in again] == [True, True]
    assert {item.folder: (item.folder / "model.safetensors").stat().st_mtime_ns for item in again} == files
    bytes_of = [(item.folder / "model.safetensors").read_bytes() for item in first]
    assert bytes_of[0] != bytes_of[1], "another seed is another model"
    assert [item.folder for item in first] == [tmp_path / "models" / f"seed-{seed}" for seed in (0, 1)]
    assert checkpoint_of("m", plan_of(seeds=(0, 1)), tmp_path) == first[0].folder


def test_a_plan_that_changed_trains_anew(plan_of: Callable, tmp_path: Path) -> None:
    trained(plan_of(), tmp_path)
    for changed in (plan_of(seed=1), plan_of(learning_rate=1e-3), plan_of(held_out=0.4)):
        assert [item.again for item in trained(changed, tmp_path)] == [False]


def test_the_card_says_how_the_model_was_made(plan_of: Callable, tmp_path: Path) -> None:
    (item,) = trained(plan_of(), tmp_path)
    card = item.card
    assert card["model_options"] == {"size": "tiny", "visual": False, "rationales": False}
    assert card["loss_weights"].keys() >= {"emotion", "intensity", "single", "explanation", "coherence"}
    assert card["augmentation"] == Augmentation().model_dump(mode="json")
    assert card["pretrained"] == {}
    assert card["versions"].keys() == {"affidavit", "torch", "transformers"}
    assert card["seed"] == seed_of(0, "training", 0)
    assert {stat.S_IMODE(file.stat().st_mode) for file in item.folder.iterdir()} == {0o644}


def test_another_corpus_of_the_same_files_is_another_training(
    plan_of: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    trained(plan_of(), tmp_path)
    corpus = make_corpus(8)
    swapped = {"anger": "joy", "joy": "anger"}
    other = tuple(replace(u, label=swapped.get(str(u.label), u.label)) for u in corpus.utterances)
    register(Door.CORPORA, "tones", ToneLoader(replace(corpus, utterances=other)))
    assert [item.again for item in trained(plan_of(), tmp_path)] == [False], "the digest of its files is the same"


def test_a_run_is_judged_by_the_seed_that_it_names(plan_of: Callable, tmp_path: Path) -> None:
    plan = plan_of(seeds=(0, 1))
    digests = {item.seed: item.card["weights_digest"] for item in trained(plan, tmp_path)}
    for chosen, seed in (("m", 0), ({"name": "m", "seed": 1}, 1)):
        document = plan.model_dump(mode="json")
        document["runs"]["m"]["trained"] = chosen
        again = AuditPlan.model_validate(document)
        (loaded,) = load_run("m", again.runs["m"], again, tmp_path, silent)
        assert any(digests[seed] in said for said in loaded.predictions.assumptions)


def test_shards_are_given_up_only_when_the_table_is_kept(
    plan_of: Callable, tmp_path: Path, no_shards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of()
    trained(plan, tmp_path)

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("affidavit.cache.PredictionsCache.store", full)
        with pytest.raises(OSError, match="no space"):
            load_run("m", plan.runs["m"], plan, tmp_path, silent)
    assert list(no_shards.rglob("shards/*/*.json"))
    other = plan.model_copy(update={"runs": {"other": plan.runs["m"]}})
    load_run("other", other.runs["other"], other, tmp_path, silent)
    assert list(no_shards.rglob("shards/*/*.json")), "another run gives up its own, not these"
    load_run("m", plan.runs["m"], plan, tmp_path, silent)
    assert not list(no_shards.rglob("shards/*/*.json"))


def test_without_a_folder_the_checkpoint_is_in_the_cache(plan_of: Callable, tmp_path: Path, no_shards: Path) -> None:
    (item,) = trained(plan_of(out=None), tmp_path)
    assert item.folder.is_relative_to(no_shards / "trained")
    assert trained(plan_of(out=None), tmp_path)[0].again


def test_a_trained_model_judges_whom_it_never_met(plan_of: Callable, tmp_path: Path) -> None:
    plan = plan_of()
    (item,) = trained(plan, tmp_path)
    (loaded,) = load_run("m", plan.runs["m"], plan, tmp_path, silent)
    judged = set(loaded.predictions.levels["unit"])
    assert judged
    assert not any(name in seen_by(item.card) for name in judged)
    assert len(judged) == item.card["n_units"]["held_out"]


def test_two_trainings_may_not_share_a_folder(plan_of: Callable, tmp_path: Path) -> None:
    plan = plan_of()
    twice = plan.model_copy(update={"training": {"m": plan.training["m"], "n": plan.training["m"]}})
    with pytest.raises(PlanError, match="same folder"):
        trained(twice, tmp_path)


def test_a_folder_that_holds_something_else_is_not_replaced(plan_of: Callable, tmp_path: Path) -> None:
    kept = tmp_path / "models" / "seed-0" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("years of work")
    with pytest.raises(PlanError, match="holds something else"):
        trained(plan_of(), tmp_path)
    assert kept.read_text() == "years of work"


def test_a_corpus_without_labels_teaches_nothing(
    plan_of: Callable, make_corpus: Callable[..., Corpus], as_corpus: Callable, tmp_path: Path
) -> None:
    plan = plan_of()
    register(Door.CORPORA, "tones", ToneLoader(as_corpus(list(make_corpus(2).utterances), label_space=())))
    with pytest.raises(PlanError, match="without labels"):
        trained(plan, tmp_path)


def test_a_corpus_of_two_units_cannot_be_split(
    plan_of: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    plan = plan_of()
    register(Door.CORPORA, "tones", ToneLoader(make_corpus(2)))
    with pytest.raises(PlanError, match="empty"):
        trained(plan, tmp_path)


def test_who_cannot_be_trained_is_said(plan_of: Callable, tmp_path: Path) -> None:
    document = plan_of().model_dump(mode="json")
    document["training"]["m"]["reasoner"] = {"name": "recorded", "options": {}}
    with pytest.raises(PlanError, match="cannot be trained"):
        trained(AuditPlan.model_validate(document), tmp_path)
