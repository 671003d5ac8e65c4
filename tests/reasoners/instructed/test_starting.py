"""A model that begins with a checkpoint: made like it, trained in the parts that are named, heir to whom it met."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, PlanError
from affidavit.plan import AuditPlan, Execution
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.registry import Door, load, register
from affidavit.training import train_plan
from reasoners.instructed.checkpoints import load_checkpoint
from reasoners.instructed.config import BackboneConfig, LoraConfig
from reasoners.instructed.door import REASONER
from reasoners.instructed.lineage import met, trainings
from reasoners.instructed.options import NewModelOptions
from reasoners.instructed.parts import PARTS, train_only
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.starting import shape_of
from reasoners.supervised import TRAINER

CALM = {"modality_dropout": 0, "turn_dropout": 0, "degraded_share": 0}
pytestmark = pytest.mark.usefixtures("no_shards")
CPU = Execution(device="cpu", workers=0)
FEW: dict[str, Any] = {"epochs": 1, "held_out": 0, "development": 0.3, "rows_per_step": 2}


def of_others(corpus: Corpus, name: str) -> Corpus:
    """Return the same turns, said by other people in other dialogues."""
    turns = tuple(
        replace(
            turn,
            utterance_id=f"{name} {turn.utterance_id}",
            dialogue_id=f"{name} {turn.dialogue_id}",
            unit_id=f"{name} {turn.unit_id}",
            speaker_id=f"{name} {turn.speaker_id}",
        )
        for turn in corpus.utterances
    )
    return replace(corpus, name=name, utterances=turns, digest=f"sha256:{name}")


def fitted(reasoner: InstructedReasoner, corpus: Corpus, folder: Path, **options: Any) -> dict[str, Any]:
    """Train, and return the card."""
    chosen = {**FEW, "training_digest": f"sha256:{folder.name}", **options}
    rng = np.random.default_rng(0)
    TRAINER.train(reasoner, corpus, chosen, folder=folder, rng=rng, progress=silent)
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return card


@pytest.fixture(scope="module")
def public(make_corpus: Callable[..., Corpus]) -> Corpus:
    return of_others(make_corpus(6), "public")


@pytest.fixture(scope="module")
def start(
    make_reasoner: Callable, config_of: Callable, public: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A small reader of words, trained on the public corpus."""
    folder = tmp_path_factory.mktemp("models") / "public"
    fitted(make_reasoner(config_of(audio=None, visual=None, backbone=None)), public, folder)
    return folder


Begun = Callable[..., InstructedReasoner]


@pytest.fixture
def begun(start: Path, make_corpus: Callable[..., Corpus]) -> Begun:
    def made(**options: Any) -> InstructedReasoner:
        return REASONER.untrained(make_corpus(6), {"start": str(start), **options}, seed=3, execution=CPU)

    return made


def test_it_begins_with_the_weights_and_the_words_of_the_start(begun: Begun, start: Path) -> None:
    reasoner, before = begun(), load_checkpoint(start)
    assert reasoner.model.config == before.model.config
    for name, value in before.model.state_dict().items():
        assert torch.equal(reasoner.model.state_dict()[name], value), name
    assert reasoner.tokenizers.own.to_str() == before.tokenizers.own.to_str()
    assert reasoner.intensity_scale == before.card["intensity_scale"]


def test_only_the_parts_that_are_named_change(
    begun: Begun, start: Path, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    card = fitted(begun(only=["head", "answers"]), make_corpus(6), tmp_path / "m")
    before, after = (load_file(folder / "model.safetensors") for folder in (start, tmp_path / "m"))
    assert before.keys() == after.keys(), "what was frozen is in the checkpoint too"
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert {name.split(".", 1)[0] for name in changed} <= {"judge", "emotion", "intensity", "single"}
    assert {"judge", "emotion"} <= {name.split(".", 1)[0] for name in changed}
    assert card["trained_parts"] == ["head", "answers"]
    wanted = sum(after[name].numel() for name in after if name.startswith(("judge", "emotion", "intensity", "single")))
    assert card["parameters"]["trained"] == wanted < card["parameters"]["all"]
    readme = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert f"Trained parameters: {wanted:,} of {card['parameters']['all']:,}." in readme


def test_without_only_everything_is_trained(begun: Begun, make_corpus: Callable[..., Corpus], tmp_path: Path) -> None:
    card = fitted(begun(), make_corpus(6), tmp_path / "m")
    assert "trained_parts" not in card
    assert card["parameters"]["trained"] == card["parameters"]["all"]


def test_the_checkpoint_stands_for_itself(
    begun: Begun, start: Path, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    """It judges alike where the start is gone."""
    copied = tmp_path / "copied"
    shutil.copytree(start, copied)
    reasoner = REASONER.untrained(make_corpus(6), {"start": str(copied), "only": ["answers"]}, seed=3, execution=CPU)
    fitted(reasoner, make_corpus(6), tmp_path / "m")
    shutil.rmtree(copied)
    loaded = load_checkpoint(tmp_path / "m")
    again = InstructedReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    turns = make_corpus(2).utterances
    assert again.judge_under(turns, condition="T") == reasoner.judge_under(turns, condition="T")


def test_the_card_says_where_it_comes_from(
    begun: Begun, start: Path, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    card = fitted(begun(only=["answers"]), make_corpus(6), tmp_path / "m")
    told, first = card["started_from"], json.loads((start / "card.json").read_text(encoding="utf-8"))
    assert told["digest"].startswith("sha256:")
    assert told["corpus"] == first["corpus"]
    assert told["units"] == first["units"]
    assert told["training_digest"] == first["training_digest"] != card["training_digest"]
    assert str(start) not in json.dumps(card), "a path tells nobody anything"
    readme = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert told["digest"] in readme
    assert told["units"]["train"][0] not in readme


def test_whom_the_start_met_is_not_judged(
    begun: Begun, public: Corpus, make_corpus: Callable[..., Corpus], save_bench: Callable, tmp_path: Path
) -> None:
    card = fitted(begun(only=["answers"]), make_corpus(6), tmp_path / "m")
    strangers = of_others(make_corpus(2), "strangers")
    mixed = replace(strangers, utterances=(*public.utterances, *strangers.utterances))
    reading = Reading(run="m", folder=tmp_path, execution=CPU)

    def judged(corpus: Corpus, **options: Any) -> Any:
        chosen = {"checkpoint": "m", "conditions": ["T"], **options}
        return REASONER.judge(corpus, chosen, reading=reading, rng=np.random.default_rng(0), progress=silent)

    with pytest.raises(PlanError, match="trained on everybody"):
        judged(public)
    found = judged(mixed)
    assert set(found.levels["unit"]) == {turn.unit_id for turn in strangers.utterances}
    count = len(public.utterances)
    said = "\n".join(found.assumptions)
    assert f"{count} utterances of units that the model that it started from was trained on were left out" in said
    knowingly = judged(mixed, utterances="all")
    assert len(set(knowingly.levels["unit"])) == len({turn.unit_id for turn in mixed.utterances})
    assert f"{count} of {len(mixed.utterances)} utterances are of units the model" in "\n".join(knowingly.assumptions)
    assert met(card, frozenset(turn.unit for turn in public.utterances))


def test_a_start_of_a_start_is_remembered(
    begun: Begun, public: Corpus, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    fitted(begun(), make_corpus(6), tmp_path / "second")
    third = of_others(make_corpus(6), "third")
    reasoner = REASONER.untrained(third, {"start": str(tmp_path / "second")}, seed=0, execution=CPU)
    card = fitted(reasoner, third, tmp_path / "third")
    assert len(trainings(card)) == 3
    everybody = frozenset(turn.unit for corpus in (public, make_corpus(6), third) for turn in corpus.utterances)
    assert met(card, everybody) == everybody
    assert not met(card, frozenset({"a stranger"}))


def test_people_of_the_start_are_not_trained_on(start: Path, public: Corpus, make_corpus: Callable) -> None:
    mixed = replace(public, utterances=(*public.utterances[:3], *make_corpus(6).utterances))
    with pytest.raises(PlanError, match="trained on people of this corpus") as caught:
        REASONER.untrained(mixed, {"start": str(start)}, seed=0, execution=CPU)
    assert caught.value.slug == "units-overlap"
    assert "1 of 7 units" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"visual": True}, "visual: true"),
        ({"size": "small"}, "size: small"),
        ({"temporal": False}, "temporal: false"),
        ({"acoustics": ["log-mel"]}, "acoustics: [log-mel]"),
        ({"text_source": "minilm"}, "text_source: minilm"),
    ],
)
def test_options_against_the_start_are_refused(options: dict[str, Any], named: str, begun: Begun) -> None:
    with pytest.raises(PlanError, match="made like the checkpoint") as caught:
        begun(**options)
    assert named in str(caught.value)


def test_options_that_agree_with_the_start_are_not(begun: Begun) -> None:
    begun(size="tiny", visual=False, audio=False, text=True, rationales=False, single=0, alignment="gate")


def test_another_scale_of_intensities_is_refused(begun: Begun) -> None:
    with pytest.raises(PlanError, match="keeps its scale"):
        begun(intensity_scale=100)
    assert begun(intensity_scale=5).intensity_scale == 5


def test_every_option_of_architecture_is_held_against_the_start(start: Path) -> None:
    """One that is not would be ignored in silence."""
    free = {"emotion", "explanation", "coherence", "intensity", "intensity_scale", "single", "augmentation"}
    wanted = set(NewModelOptions.model_fields) - free - {"start", "only", "still"}
    assert set(shape_of(load_checkpoint(start).model.config)) == wanted


def test_labels_that_the_start_does_not_know_are_refused(
    start: Path, as_corpus: Callable, make_corpus: Callable
) -> None:
    turns = [replace(turn, label=turn.label and "envy") for turn in make_corpus(6).utterances]
    with pytest.raises(PlanError, match="labels that the model does not know"):
        REASONER.untrained(as_corpus(turns, label_space=("envy", "joy")), {"start": str(start)}, seed=0, execution=CPU)


def test_a_start_that_is_not_there_is_named(make_corpus: Callable, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        REASONER.untrained(make_corpus(6), {"start": str(tmp_path / "nothing")}, seed=0, execution=CPU)


@pytest.mark.parametrize("options", [{"only": []}, {"only": ["brain"]}])
def test_parts_that_are_none_are_refused(options: dict[str, Any], begun: Begun) -> None:
    with pytest.raises(PlanError, match="only"):
        begun(**options)


def test_a_part_that_the_model_lacks_is_refused(begun: Begun) -> None:
    with pytest.raises(PlanError, match="nothing to train in the part 'audio'") as caught:
        begun(only=["answers", "audio"])
    assert "text, fusion, instruction, dialogue, head, answers" in str(caught.value)


def test_what_a_source_froze_stays_frozen(make_reasoner: Callable, config_of: Callable) -> None:
    adapted = BackboneConfig(hidden=16, layers=1, heads=2, intermediate=16, max_tokens=6, lora=LoraConfig(rank=2))
    model = make_reasoner(config_of(backbone=adapted)).model
    train_only(model, ["rationale"])
    able = {name for name, value in model.named_parameters() if value.requires_grad}
    assert able == {name for name in model.own if name.startswith("explain.")}
    assert not any("base_layer" in name for name in able)
    train_only(model, None)
    assert {name for name, value in model.named_parameters() if value.requires_grad} == model.own


def test_every_module_is_a_part(make_reasoner: Callable) -> None:
    modules = {name for name, _ in make_reasoner().model.named_children()}
    named = [module for those in PARTS.values() for module in those]
    assert set(named) == modules
    assert len(named) == len(set(named))


def test_its_name_depends_on_what_the_start_is_and_not_on_where(
    start: Path,
    make_corpus: Callable[..., Corpus],
    public: Corpus,
    make_reasoner: Callable,
    config_of: Callable,
    tmp_path: Path,
) -> None:
    corpus = make_corpus(6)

    def named(folder: Path, **options: Any) -> Any:
        return REASONER.model_digest(corpus, {"start": str(folder), **options})

    shutil.copytree(start, tmp_path / "copied")
    assert named(start) == named(tmp_path / "copied")
    assert named(start) != named(start, only=["answers"])
    small = config_of(audio=None, visual=None, backbone=None)
    fitted(make_reasoner(small), public, tmp_path / "public")
    assert named(start) == named(tmp_path / "public"), "the same training once more"
    fitted(make_reasoner(small, seed=2), public, tmp_path / "other" / "public")
    assert named(start) != named(tmp_path / "other" / "public")
    plain = REASONER.model_digest(corpus, {"visual": False})
    assert not {"start", "only"} & plain.keys(), "trainings of former plans keep their names"


def test_a_start_is_found_from_the_plan_s_folder(tmp_path: Path) -> None:
    placed = REASONER.placed({"start": "models/public/seed-0", "single": 0}, tmp_path)
    assert placed == {"start": str((tmp_path / "models/public/seed-0").resolve()), "single": 0}
    assert REASONER.placed({"start": 3}, tmp_path) == {"start": 3}, "what is no path is refused later, by name"


class Loader:
    """The tests' corpora behind the door."""

    name = "tones"

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def load(self, options: Any, *, folder: Path, progress: Any) -> Corpus:
        return of_others(self.corpus, options["who"])


def plan_of(*, epochs: int = 1) -> AuditPlan:
    reader = {"size": "tiny", "audio": False, "visual": False, "rationales": False}
    begun = {"start": "models/public/seed-0", "only": ["answers"]}
    return AuditPlan.model_validate(
        {
            "training": {
                "public": {
                    "corpus": {"name": "tones", "options": {"who": "public"}},
                    "reasoner": {"name": "instructed", "options": reader},
                    "trainer": {"name": "supervised", "options": {**FEW, "epochs": epochs}},
                    "out": "models/public",
                },
                "own": {
                    "corpus": {"name": "tones", "options": {"who": "own"}},
                    "reasoner": {"name": "instructed", "options": begun},
                    "trainer": {"name": "supervised", "options": FEW},
                    "seeds": [0, 1],
                    "out": "models/own",
                },
            },
            "runs": {
                "m": {
                    "corpus": {"name": "tones", "options": {"who": "others"}},
                    "reasoner": {"name": "instructed", "options": {"conditions": ["T"]}},
                    "trained": "own",
                }
            },
            "execution": {"device": "cpu", "workers": 0},
        }
    )


def test_a_plan_starts_from_a_training_of_its_own(make_corpus: Callable[..., Corpus], tmp_path: Path) -> None:
    register(Door.CORPORA, "tones", Loader(make_corpus(6)))

    def again(plan: AuditPlan) -> list[bool]:
        return [item.again for item in train_plan(plan, folder=tmp_path, progress=silent)]

    assert again(plan_of()) == [False, False, False]
    assert again(plan_of()) == [True, True, True]
    shutil.rmtree(tmp_path / "models" / "public")
    assert again(plan_of()) == [False, True, True], "the same start"
    assert again(plan_of(epochs=2)) == [False, False, False], "another start is another training"


def test_an_interrupted_training_ends_as_it_would_have(
    begun: Begun, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    class KilledError(Exception):
        pass

    def kill(what: str, done: int, total: int | None) -> None:
        if what == "training" and total is not None and done > total // 2:
            raise KilledError

    corpus = make_corpus(6)
    options = {**FEW, "epochs": 2, "training_digest": "sha256:m"}
    with pytest.raises(KilledError):
        TRAINER.train(
            begun(only=["head"]), corpus, options, folder=tmp_path / "m", rng=np.random.default_rng(0), progress=kill
        )
    fitted(begun(only=["head"]), corpus, tmp_path / "m", epochs=2)
    fitted(begun(only=["head"]), corpus, tmp_path / "whole" / "m", epochs=2)
    resumed, whole = (load_file(tmp_path / name / "model.safetensors") for name in ("m", "whole/m"))
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_references_of_the_start_are_counted_on(
    make_reasoner: Callable, config_of: Callable, make_corpus: Callable[..., Corpus], public: Corpus, tmp_path: Path
) -> None:
    """A writer that met references before is asked for reasons, whatever this training had."""
    first = fitted(make_reasoner(config_of(audio=None, visual=None)), public, tmp_path / "first")
    silenced = replace(
        make_corpus(6), utterances=tuple(replace(turn, rationales={}) for turn in make_corpus(6).utterances)
    )
    reasoner = REASONER.untrained(silenced, {"start": str(tmp_path / "first")}, seed=0, execution=CPU)
    second = fitted(reasoner, silenced, tmp_path / "second")
    assert second["references"] == first["references"] > 0


def test_the_opened_model_tells_the_losses_that_were_trained(
    begun: Begun, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    reasoner = begun(only=["answers"], single=0, augmentation=CALM)
    fitted(reasoner, make_corpus(6), tmp_path / "m")
    assert "losses" in REASONER.offers
    opened = REASONER.opened({"checkpoint": "m"}, reading=Reading(run="m", folder=tmp_path, execution=CPU))
    units = [make_corpus(6).utterances[:3], make_corpus(6).utterances[3:6]]
    opened.prepare([turn for unit in units for turn in unit])
    losses = opened.losses(units, rng=np.random.default_rng(0))
    torch.testing.assert_close(losses, reasoner.losses(units, rng=np.random.default_rng(0)))
    trained = [value for values in opened.parameter_groups().values() for value in values]
    card = load_checkpoint(tmp_path / "m").card
    assert sum(value.numel() for value in trained) == card["parameters"]["trained"]
    gradients = torch.autograd.grad(losses.sum(), trained, allow_unused=True)
    assert any(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients)


def test_private_training_changes_only_the_parts_that_are_named(
    begun: Begun, start: Path, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    pytest.importorskip("opacus")
    reasoner = begun(only=["answers"], single=0, augmentation=CALM)
    options = {"noise_multiplier": 2.0, "delta": 1e-2, "steps": 2, "sample_rate": 0.5, "held_out": 0}
    trainer = load(Door.TRAINERS, "dp-sgd")
    trainer.train(
        reasoner, make_corpus(6), options, folder=tmp_path / "m", rng=np.random.default_rng(0), progress=silent
    )
    before, after = (load_file(folder / "model.safetensors") for folder in (start, tmp_path / "m"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "emotion.weight" in changed
    assert {name.split(".", 1)[0] for name in changed} <= {"emotion", "intensity", "single"}
    card = load_checkpoint(tmp_path / "m").card
    assert card["privacy"].get("gradients_because") is None
    assert card["privacy"]["gradients"] == "hooks"
    assert card["privacy"]["epsilon"] > 0
    assert card["started_from"]["corpus"]["name"] == "public"
    assert card["trained_parts"] == ["answers"]
    first = load_checkpoint(start).card
    assert card["references"] == first["references"], "no count of these patients' turns: no noise covers it"
