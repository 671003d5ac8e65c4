"""Packed, a patient's utterances give the numbers that each gives alone, and none sees another that it may not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from affidavit.splits import dialogues
from affidavit.utterances import MediaSpan, Utterance
from reasoners.instructed.config import ModelConfig, TextEncoderConfig
from reasoners.instructed.dialogue import DialogueEncoder
from reasoners.instructed.packing import within_utterances
from reasoners.instructed.rationale import PREFIX, RationaleHead, explanation_loss
from reasoners.instructed.text import TextEncoder

SHAPE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
}


def ragged(n_patients: int, n_utterances: int, n_tokens: int) -> torch.Tensor:
    """Known tokens, of every length from none to all."""
    lengths = torch.arange(n_patients * n_utterances).view(n_patients, n_utterances) % (n_tokens + 1)
    return torch.arange(n_tokens) < lengths[..., None]


@pytest.mark.parametrize("language_model", ["llama", "qwen2"])
def test_a_packed_language_model_scores_each_rationale_as_it_does_alone(language_model: str) -> None:
    torch.manual_seed(0)
    model = (
        LlamaForCausalLM(LlamaConfig(**SHAPE)) if language_model == "llama" else Qwen2ForCausalLM(Qwen2Config(**SHAPE))
    )
    head = RationaleHead(model.eval(), hidden=8, width=16)
    prefix, tokens, known = torch.randn(2, 4, PREFIX, 16), torch.randint(0, 40, (2, 4, 5)), ragged(2, 4, 5)
    with torch.no_grad():
        packed = head.logits(prefix, tokens, known)
        for p in range(2):
            for u in range(4):
                n = int(known[p, u].sum())
                embedded = model.get_input_embeddings()(tokens[p : p + 1, u, :n])
                alone = model(inputs_embeds=torch.cat([prefix[p : p + 1, u], embedded], dim=1)).logits
                torch.testing.assert_close(packed[p, u, :n], alone[0, PREFIX - 1 : -1], rtol=1e-4, atol=1e-6)


def test_a_packed_text_encoder_reads_each_utterance_as_it_does_alone() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextEncoderConfig(hidden=16, heads=2, max_tokens=8), hidden=12, vocabulary=40, load=False)
    encoder.eval()
    ids, known = torch.randint(3, 40, (2, 5, 6)), ragged(2, 5, 6)
    with torch.no_grad():
        packed = encoder(ids, known)
        for p in range(2):
            for u in range(5):
                n = int(known[p, u].sum())
                place = torch.arange(2, 2 + n)[None]
                mean = (
                    encoder.encoder(input_ids=ids[p : p + 1, u, :n], position_ids=place).last_hidden_state.mean(1)
                    if n
                    else torch.zeros(1, 16)
                )
                torch.testing.assert_close(packed[p, u], encoder.project(mean)[0], rtol=1e-4, atol=1e-6)


def test_a_token_sees_its_own_utterance_and_nothing_else() -> None:
    known = ragged(1, 3, 3)
    allowed = within_utterances(known, causal=True)[0, 0]
    for i in range(9):
        for j in range(9):
            same, there, earlier = i // 3 == j // 3, bool(known.flatten()[j]), j <= i
            assert bool(allowed[i, j]) == (i == j or (same and there and earlier))


def test_dialogues_of_one_patient_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    reads = DialogueEncoder(16, layers=2, heads=2, dropout=0.0).eval()
    turns, told, known = torch.randn(1, 5, 16), torch.randn(1, 16), torch.ones(1, 5, dtype=torch.bool)
    numbers = torch.tensor([[0, 0, 1, 1, 1]])
    with torch.no_grad():
        together = reads(turns, told, numbers, known)
        first = reads(turns[:, :2], told, numbers[:, :2], known[:, :2])
        second = reads(turns[:, 2:], told, numbers[:, 2:], known[:, 2:])
    torch.testing.assert_close(together, torch.cat([first, second], dim=1), rtol=1e-4, atol=1e-6)


def test_a_later_turn_changes_no_earlier_judgement(make_reasoner: Callable, make_corpus: Callable) -> None:
    reasoner = make_reasoner()
    dialogue = list(dialogues(make_corpus(2, turns=5).utterances).values())[-1]
    judged = reasoner.judge_under(dialogue, condition="TAV")
    for at in range(1, len(dialogue)):
        other = replace(dialogue[at], text="Something else altogether, and at length.")
        again = reasoner.judge_under([*dialogue[:at], other, *dialogue[at + 1 :]], condition="TAV")
        assert again[:at] == judged[:at]
        assert again[at:] != judged[at:]


def test_an_earlier_turn_changes_later_judgements_unless_there_is_no_temporal_part(
    make_reasoner: Callable, make_corpus: Callable, config_of: Callable[..., ModelConfig]
) -> None:
    dialogue = list(dialogues(make_corpus(2).utterances).values())[-1]
    others = [replace(dialogue[0], text="Nobody asked me anything."), *dialogue[1:]]
    for layers, differs in ((1, True), (0, False)):
        reasoner = make_reasoner(config_of(dialogue_layers=layers))
        first, again = (reasoner.judge_under(some, condition="TAV")[1:] for some in (dialogue, others))
        assert (first != again) == differs


def test_the_instruction_changes_the_judgement_unless_the_model_is_not_instructed(
    make_reasoner: Callable, make_corpus: Callable, config_of: Callable[..., ModelConfig]
) -> None:
    turns = make_corpus(2).utterances
    for instructed in (True, False):
        reasoner = make_reasoner(config_of(instructed=instructed))
        first = reasoner.judge_under(turns, condition="TAV")
        reasoner.instruction = "evolution"
        again = reasoner.judge_under(turns, condition="TAV")
        assert ([j.probabilities for j in first] != [j.probabilities for j in again]) == instructed


def test_a_dialogue_is_judged_alone_as_it_is_beside_longer_ones(
    make_reasoner: Callable,
    make_corpus: Callable,
    clips: dict[str, tuple[Path, Path]],
    tmp_path: Path,
    wav: Callable,
) -> None:
    """Sounds of a few hundredths of a second too: what fills up a batch is heard by nobody."""
    reasoner = make_reasoner()
    rng = np.random.default_rng(0)
    sounds = [wav(tmp_path / f"{n}.wav", 0.2 * rng.standard_normal(n)) for n in (400, 1000, 2500, 4700)]
    short = [
        Utterance(
            utterance_id=f"short {i}",
            unit_id="short",
            dialogue_id="short",
            turn=i,
            text="Oh." if i else None,
            audio=MediaSpan(path=sound),
            video=MediaSpan(path=clips["joy"][1]),
        )
        for i, sound in enumerate(sounds)
    ]
    company = make_corpus(4, turns=7).utterances
    for condition in ("TAV", "A"):
        alone = reasoner.judge_under(short, condition=condition)
        beside = reasoner.judge_under([*company, *short], condition=condition)[-len(short) :]
        for one, other in zip(alone, beside, strict=True):
            assert one.probabilities == pytest.approx(other.probabilities, abs=1.5e-5)
            assert one.modality_weights == pytest.approx(other.modality_weights, abs=1.5e-5)


def test_scores_of_many_batches_come_back_in_the_order_asked(
    make_reasoner: Callable, make_corpus: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasoner = make_reasoner()
    turns = make_corpus(4).utterances[::-1]
    whole = reasoner.logits(turns)
    monkeypatch.setattr("reasoners.instructed.reasoner._TURNS", 4)
    torch.testing.assert_close(reasoner.logits(turns), whole, rtol=1e-4, atol=1e-6)


def test_the_explanation_loss_is_the_mean_over_tokens_one_by_one() -> None:
    torch.manual_seed(0)
    logits, tokens, known = torch.randn(2, 3, 4, 7), torch.randint(0, 7, (2, 3, 4)), ragged(2, 3, 4)
    found = explanation_loss(logits, tokens, known)
    for p in range(2):
        for u in range(3):
            shares = logits[p, u].double().softmax(-1)
            lost = [-float(shares[r, tokens[p, u, r]].log()) for r in range(4) if known[p, u, r]]
            assert float(found[p, u]) == pytest.approx(float(np.mean(lost)) if lost else 0.0, abs=1e-5)
