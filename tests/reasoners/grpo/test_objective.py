"""The loss is the formula's, and a whole step is TRL's own trainer's."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import MissingPartError
from affidavit.protocols import silent
from affidavit.utterances import Utterance
from reasoners.grpo import objective
from reasoners.grpo.advantages import advantages
from reasoners.grpo.course import Course, Taught
from reasoners.grpo.language_writer import LanguageWriter
from reasoners.grpo.objective import grpo_loss
from reasoners.grpo.options import GrpoOptions
from reasoners.grpo.rewards import Reward, Rewards
from reasoners.grpo.writing import Completion, Said, Sampling
from reasoners.language.encoding import words
from reasoners.language.reasoner import LanguageReasoner

needs_trl = pytest.mark.skipif(find_spec("trl") is None, reason="needs the extra grpo")


def test_advantages_are_told_within_a_group_and_vanish_where_all_are_alike() -> None:
    rewards = torch.tensor([3.0, 1.0, 2.0, 0.0])
    by_hand = (rewards - 1.5) / (np.sqrt(5 / 3) + 1e-4)
    assert torch.allclose(advantages(rewards), by_hand.float())
    assert advantages(torch.full((4,), 2.0)).tolist() == [0.0] * 4


def slow_loss(said: torch.Tensor, known: torch.Tensor, ref: torch.Tensor, gain: torch.Tensor, beta: float) -> Any:
    """The formula of methods, token by token: -(exp(logp - sg(logp)) A - beta KL3), means over tokens, then rows."""
    rows = []
    for i in range(len(said)):
        told = []
        for t in range(said.shape[1]):
            if known[i, t]:
                d = ref[i, t] - said[i, t]
                kl = torch.exp(d) - d - 1
                told.append(-(torch.exp(said[i, t] - said[i, t].detach()) * gain[i] - beta * kl))
        rows.append(torch.stack(told).mean())
    return torch.stack(rows).mean()


@needs_trl
@pytest.mark.parametrize("beta", [0.0, 0.04, 1.0])
def test_the_loss_and_its_gradient_are_the_formulas(beta: float) -> None:
    rng = torch.Generator().manual_seed(3)
    said = (-torch.rand(4, 6, generator=rng) * 3).requires_grad_()
    twin = said.detach().clone().requires_grad_()
    known = torch.arange(6)[None] < torch.tensor([6, 2, 4, 1])[:, None]
    ref = -torch.rand(4, 6, generator=rng) * 3
    gain = advantages(torch.tensor([2.0, 0.0, 1.0, 3.0]))
    loss = grpo_loss(Said(values=said, known=known), reference=ref, advantage=gain, beta=beta, epsilon=0.2)
    slow = slow_loss(twin, known, ref, gain, beta)
    loss.value.backward()
    slow.backward()
    assert loss.value.item() == pytest.approx(slow.item(), rel=1e-5)
    assert said.grad is not None
    assert twin.grad is not None
    assert torch.allclose(said.grad, twin.grad, atol=1e-7)
    assert (said.grad[~known] == 0).all()
    d = (ref - said).detach()[known]
    assert loss.kl == pytest.approx(float((d.exp() - d - 1).mean()) if beta else 0.0, rel=1e-5)


def test_without_trl_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trl.trainer.grpo_trainer", None)
    objective._trl.cache_clear()
    said = Said(values=torch.zeros(2, 1), known=torch.ones(2, 1, dtype=torch.bool))
    with pytest.raises(MissingPartError, match=r"affidavit\[grpo\]"):
        grpo_loss(said, reference=None, advantage=torch.zeros(2), beta=0.0, epsilon=0.2)


TOLD = ("<think>The voice laughs.</think><answer>joy</answer>", "The voice", "<answer>fear</answer> and more", "joy")
EARNED = (2.5, 0.0, 1.0, 0.25)


class Fixed:
    """A writer that always writes the same completions."""

    def __init__(self, reasoner: LanguageReasoner) -> None:
        self.own = LanguageWriter(reasoner=reasoner)
        tokenizer = reasoner.encoder.tokenizer
        self.told = [Completion(text=text, choices=tuple(words(tokenizer, text))) for text in TOLD]

    def sampled(
        self, turns: Sequence[Utterance], *, each: int, sampling: Sampling, rng: np.random.Generator
    ) -> list[list[Completion]]:
        return [self.told for _ in turns]

    def log_probabilities(self, turn: Utterance, completions: Sequence[Completion], *, temperature: float) -> Said:
        return self.own.log_probabilities(turn, completions, temperature=temperature)

    def reference(self, turn: Utterance) -> Completion | None:
        return None


@needs_trl
@pytest.mark.filterwarnings("ignore")
def test_three_steps_move_the_model_as_trls_own_trainer_moves_it(
    make_reasoner: Callable[..., LanguageReasoner], make_corpus: Callable[..., Corpus], tmp_path: Path, tokenizer: Any
) -> None:
    """TRL's trainer takes a model of words; ours takes any. On one that both take, three steps are the same."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    reasoner = make_reasoner()
    reasoner.model.save_pretrained(tmp_path / "tiny")
    turn = make_corpus(3).utterances[0]
    prompt = list(reasoner.prompt(reasoner.shown(turn)).ids)
    fixed = Fixed(reasoner)

    def rollout(prompts: list[str], trainer: object) -> dict[str, Any]:
        told = [list(fixed.told[i % 4].choices) for i in range(len(prompts))]
        return {"prompt_ids": [prompt] * len(prompts), "completion_ids": told, "logprobs": None}

    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "tiny")
    config = GRPOConfig(
        output_dir=str(tmp_path / "out"),
        per_device_train_batch_size=4,
        gradient_accumulation_steps=1,
        num_generations=4,
        max_completion_length=64,
        max_steps=3,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        warmup_steps=0,
        max_grad_norm=1.0,
        beta=0.04,
        loss_type="grpo",
        use_bias_correction_kl=False,  # ERV's form; TRL's default adds the gradient of the ratio
        temperature=1.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )
    by_ids = {tuple(each.choices): earned for each, earned in zip(fixed.told, EARNED, strict=True)}

    def reward(completion_ids: list[list[int]], **_: object) -> list[float]:
        return [by_ids[tuple(ids)] for ids in completion_ids]

    trainer = GRPOTrainer(
        model=theirs,
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_dict({"prompt": ["x"] * 4}),
        processing_class=tokenizer,
        rollout_func=rollout,
    )
    trainer.train()

    class Known(Rewards):
        def of_one(self, completion: str, label: str) -> Reward:
            return Reward(
                format=EARNED[TOLD.index(completion)],
                accuracy=0.0,
                explanation=0.0,
                words=0,
                emotive_sentences=0,
                emotion_words=0,
            )

    options = GrpoOptions(turns_per_step=1, epochs=3, learning_rate=1e-3, explanation="none")
    taught = Taught(
        reasoner=reasoner,
        writer=fixed,
        rewards=Known(reader=None, explanation="none", targets={}),
        turns=(turn,),
        options=options,
        identity="none",
    )
    before = {name: value.detach().clone() for name, value in reasoner.model.named_parameters()}
    Course(taught, rng=np.random.default_rng(0), progress=silent).run(tmp_path / "state")
    after = dict(theirs.named_parameters())
    # AdamW takes a step of full size along gradients that are rounding alone, so distances are held, not elements
    apart = sum(float((value - after[name]).square().sum()) for name, value in reasoner.model.named_parameters())
    moved = sum(float((value - before[name]).square().sum()) for name, value in reasoner.model.named_parameters())
    assert moved > 1e-3
    assert apart < 1e-6 * moved
