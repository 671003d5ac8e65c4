"""The law of whoever writes: what was drawn is as likely as it was when it was drawn; who cannot write is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from reasoners.grpo.instructed_writer import InstructedWriter
from reasoners.grpo.language_writer import LanguageWriter
from reasoners.grpo.writers import writer_of
from reasoners.grpo.writing import Completion, Sampling, Writes
from reasoners.instructed.augmentation import Augmentation
from reasoners.instructed.checkpoints import new_model
from reasoners.instructed.config import BackboneConfig, ModelConfig, TextEncoderConfig
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.vocabulary import learn_tokenizers
from reasoners.language.reasoner import LanguageReasoner
from tests.reasoners.grpo.conftest import LABELS


@pytest.fixture(scope="session")
def instructed(make_corpus: Callable[..., Corpus]) -> InstructedReasoner:
    """Reads words alone, and writes up to six tokens."""
    config = ModelConfig.model_validate(
        {
            "label_space": LABELS,
            "hidden": 16,
            "text": TextEncoderConfig(hidden=16, heads=2, max_tokens=24),
            "audio": None,
            "visual": None,
            "dialogue_heads": 2,
            "backbone": BackboneConfig(hidden=16, layers=1, heads=2, intermediate=16, max_tokens=6),
            "dropout": 0.1,
        }
    )
    told = [text for u in make_corpus(6).utterances for text in (u.text, *u.rationales.values()) if text]
    tokenizers = learn_tokenizers(config, [*told, *(f"{label.capitalize()}." for label in LABELS)])
    torch.manual_seed(2)
    calm = Augmentation(modality_dropout=0, turn_dropout=0, degraded_share=0)
    made = InstructedReasoner(model=new_model(config, tokenizers), tokenizers=tokenizers, augmentation=calm)
    made.model.eval()
    return made


@pytest.fixture(params=["language", "instructed"])
def writer(
    request: pytest.FixtureRequest, make_reasoner: Callable[..., LanguageReasoner], make_corpus: Callable[..., Corpus]
) -> Writes:
    utterances = make_corpus(6).utterances
    if request.param == "language":
        return writer_of(make_reasoner(hidden=16), utterances)
    return writer_of(request.getfixturevalue("instructed"), utterances)


def test_who_writes_is_a_writer(writer: Writes) -> None:
    assert isinstance(writer, Writes)
    assert isinstance(writer, LanguageWriter | InstructedWriter)


def test_what_is_drawn_comes_from_its_generator_alone(writer: Writes, make_corpus: Callable[..., Corpus]) -> None:
    turns = make_corpus(6).utterances[:2]
    sampling = Sampling(max_tokens=4)
    first, again, other = (
        writer.sampled(turns, each=3, sampling=sampling, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert [len(some) for some in first] == [3, 3]
    for completion in (each for some in first for each in some):
        assert 1 <= len(completion.choices) <= 5
        assert completion.text.startswith("<think>")


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_log_probabilities_are_those_of_the_first_choice_as_it_is_drawn(
    writer: Writes, make_corpus: Callable[..., Corpus], temperature: float
) -> None:
    """Of 3,000 draws the shares of the likeliest first choices are what log probabilities say, within five errors."""
    turn = make_corpus(6).utterances[1]
    sampling = Sampling(max_tokens=1, temperature=temperature)
    n = 3000
    [drawn] = writer.sampled([turn], each=n, sampling=sampling, rng=np.random.default_rng(0))
    counts = Counter(completion.choices for completion in drawn)
    some = [Completion(text="", choices=choices) for choices in counts]
    said = writer.log_probabilities(turn, some, temperature=temperature)
    shares = (said.values * said.known).sum(1).exp().tolist()
    likeliest = sorted(zip(shares, some, strict=True), key=lambda pair: -pair[0])[:3]
    for share, completion in likeliest:  # chosen by what is claimed, not by what was drawn
        assert abs(counts[completion.choices] / n - share) < 5 * np.sqrt(share * (1 - share) / n)
    if temperature < 1:
        assert likeliest[0][0] > 0.02


def test_completions_of_unequal_length_are_as_likely_together_as_alone(
    writer: Writes, make_corpus: Callable[..., Corpus]
) -> None:
    turn = make_corpus(6).utterances[2]
    [drawn] = writer.sampled([turn], each=5, sampling=Sampling(max_tokens=6), rng=np.random.default_rng(4))
    some = [Completion(text="", choices=each.choices[i:] or each.choices) for i, each in enumerate(drawn)]
    together = writer.log_probabilities(turn, some, temperature=1.0)
    assert together.known.sum(1).tolist() == [len(each.choices) for each in some]
    assert (together.values[~together.known] == 0).all()
    for row, each in zip(together.values, some, strict=True):
        alone = writer.log_probabilities(turn, [each], temperature=1.0)
        assert torch.allclose(row[: len(each.choices)], alone.values[0], atol=1e-5)


def test_the_reference_is_whole_and_grows_likelier_when_it_is_learnt(
    writer: Writes, make_corpus: Callable[..., Corpus]
) -> None:
    turn = make_corpus(6).utterances[0]
    told = writer.reference(turn)
    assert told is not None
    assert told.text == f"<think>{turn.rationales['explain']}</think><answer>{turn.label}</answer>"
    said = writer.log_probabilities(turn, [told], temperature=1.0)
    assert said.values.requires_grad
    loss = -(said.values * said.known).sum()
    loss.backward()
    reasoner: Any = writer.reasoner  # type: ignore[attr-defined]
    with torch.no_grad():
        for value in reasoner.model.parameters():
            if value.grad is not None:
                value -= 0.01 * value.grad / 10
                value.grad = None
        after = -(writer.log_probabilities(turn, [told], temperature=1.0).values * said.known).sum()
    assert after < loss
    from dataclasses import replace

    assert writer.reference(replace(turn, rationales={})) is None
    assert writer.reference(replace(turn, label="boredom")) is None


def test_the_instructed_reasoner_draws_its_label_from_the_emotion_head(
    instructed: InstructedReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    turn = make_corpus(6).utterances[0]
    writer = InstructedWriter.of(instructed, [turn])
    label = torch.stack(
        [
            writer.log_probabilities(turn, [Completion(text="", choices=(k,))], temperature=1.0).values[0, 0]
            for k in range(3)
        ]
    )
    assert torch.allclose(label, instructed.logits([turn])[0].log_softmax(-1), atol=1e-5)


def test_greedy_writing_is_the_likeliest_draw_of_the_same_model(
    instructed: InstructedReasoner, make_corpus: Callable[..., Corpus]
) -> None:
    """At a temperature near 0 the writer writes what judging writes."""
    turns = make_corpus(6).utterances[:3]
    writer = InstructedWriter.of(instructed, turns)
    cold = Sampling(temperature=1e-4, max_tokens=6)
    drawn = writer.sampled(turns, each=1, sampling=cold, rng=np.random.default_rng(0))
    judged = instructed.judge_under(turns, condition="T")
    for [completion], said in zip(drawn, judged, strict=True):
        assert completion.text == f"<think>{said.rationale or ''}</think><answer>{said.label}</answer>"


def test_who_cannot_write_is_told_what_is_lacking(
    make_reasoner: Callable[..., LanguageReasoner], instructed: InstructedReasoner
) -> None:
    with pytest.raises(PlanError, match="sampled, log_probabilities, reference"):
        writer_of(SimpleNamespace(module=None), ())  # type: ignore[arg-type]
    with pytest.raises(PlanError, match="reasoning: none"):
        writer_of(make_reasoner(thinks=False, hidden=16), ())
    mute = InstructedReasoner(
        model=new_model(instructed.model.config.model_copy(update={"backbone": None}), instructed.tokenizers),
        tokenizers=instructed.tokenizers,
    )
    with pytest.raises(PlanError, match="no writer of rationales"):
        writer_of(mute, ())
