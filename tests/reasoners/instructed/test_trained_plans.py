"""Plans that train: what is finished is not repeated, what changed is trained anew, and what cannot be is said."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.plan import AuditPlan, Choice, TrainedModel
from affidavit.protocols import silent
from affidavit.registry import Door, register
from affidavit.seeds import seed_of
from affidavit.sources import load_run
from affidavit.splits import split
from affidavit.training import Trained, checkpoint_of, train_again, train_plan
from reasoners.instructed.augmentation import Augmentation
from reasoners.units import seen_by

pytestmark = pytest.mark.usefixtures("no_shards")


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
    assert list(no_shards.rglob("shards/*/*.parquet"))
    other = plan.model_copy(update={"runs": {"other": plan.runs["m"]}})
    load_run("other", other.runs["other"], other, tmp_path, silent)
    assert list(no_shards.rglob("shards/*/*.parquet")), "another run gives up its own, not these"
    load_run("m", plan.runs["m"], plan, tmp_path, silent)
    assert not list(no_shards.rglob("shards/*/*.parquet"))


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


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize("seed", [None, 1])
def test_trained_again_on_the_same_corpus_a_model_is_the_very_same(
    plan_of: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path, seed: int | None
) -> None:
    plan = plan_of(seeds=(0, 1))
    kept = {item.seed: load_file(item.folder / "model.safetensors") for item in trained(plan, tmp_path)}
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    torch.manual_seed(99)  # whatever was drawn before has no say
    again: Any = train_again(plan, TrainedModel(name="m", seed=seed), tmp_path, make_corpus(8))
    own = kept[seed or 0]
    state = again.model.state_dict()
    assert own.keys() <= state.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in own.items())
    assert any(not torch.equal(kept[1 - (seed or 0)][name], tensor) for name, tensor in own.items())
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before, "it leaves nothing behind"


def test_who_trains_privately_does_not_train_again_for_an_examination(
    plan_of: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    plan = plan_of()
    training = plan.training["m"].model_copy(update={"trainer": Choice(name="dp-sgd", options={"epsilon": 1})})
    private = plan.model_copy(update={"training": {"m": training}})
    with pytest.raises(PlanError, match="no ledger keeps"):
        train_again(private, TrainedModel(name="m"), tmp_path, make_corpus(8))


@pytest.mark.parametrize("spends", [True, False])
def test_whether_privacy_is_spent_may_depend_on_the_options(
    plan_of: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path, spends: bool
) -> None:
    class Sometimes:
        name = "sometimes"

        def spends_privacy(self, options: dict[str, Any]) -> bool:
            return bool(options["spends"])

        def train(self, reasoner: Any, *_: Any, **__: Any) -> Any:
            return reasoner

    register(Door.TRAINERS, "sometimes", Sometimes())
    plan = plan_of()
    training = plan.training["m"].model_copy(update={"trainer": Choice(name="sometimes", options={"spends": spends})})
    asked = plan.model_copy(update={"training": {"m": training}})
    with pytest.raises(PlanError, match="no ledger keeps") if spends else nullcontext():
        train_again(asked, TrainedModel(name="m"), tmp_path, make_corpus(8))


def test_trained_again_on_other_words_it_is_another_model_of_the_same_split(
    plan_of: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, corpus = plan_of(), make_corpus(8)
    parts: list[Any] = []

    def recorded(*given: Any, **named: Any) -> Any:
        parts.append(split(*given, **named))
        return parts[-1]

    monkeypatch.setattr("reasoners.supervised.split", recorded)
    (item,) = trained(plan, tmp_path)
    own = load_file(item.folder / "model.safetensors")
    utterances = tuple(replace(turn, text="so") if turn.label is not None else turn for turn in corpus.utterances)
    other = replace(corpus, utterances=utterances, digest="sha256:other")
    again: Any = train_again(plan, TrainedModel(name="m"), tmp_path, other)
    assert any(not torch.equal(again.model.state_dict()[name], tensor) for name, tensor in own.items())
    first, second = parts
    assert first == second, "whom it did not meet it does not meet"


def test_who_cannot_be_trained_is_said(plan_of: Callable, tmp_path: Path) -> None:
    document = plan_of().model_dump(mode="json")
    document["training"]["m"]["reasoner"] = {"name": "recorded", "options": {}}
    with pytest.raises(PlanError, match="cannot be trained"):
        trained(AuditPlan.model_validate(document), tmp_path)
