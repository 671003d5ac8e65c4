"""Scores of candidate labels behind one reading of the prompt, beside one generation per label.

The peer asks transformers' own `generate` once for each label, made to write that label, and adds up what it says of
the tokens: the obvious way to get a label's probability from a language model. It reads the prompt once a label; ours
reads it once. Both see the same batch of prompts, and their probabilities are compared before anything is timed.

A SmolLM2 of noise in its published shape with one thread, and then two; `--quick` takes four of its thirty layers.
Judging through a served model and through Ray have benchmarks of their own (bench/serving.py, bench/sharded.py), which
`--all` runs before, each in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch
from torch import Tensor

from reasoners.language.candidates import Candidates, probabilities, scores
from reasoners.language.encoding import Prompt, TextEncoder
from reasoners.language.prefix import prefilled
from reasoners.language.prompts import ANSWER, Given, question
from reasoners.omni.noise import byte_tokenizer

GOAL: Final = 3.0
ALIKE: Final = 1e-4
LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
CPU: Final = torch.device("cpu")
OTHERS: Final = ("serving.py", "sharded.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is timed."""

    n_prompts: int
    repeats: int
    threads: int
    layers: int = 30


def published_shape(layers: int) -> Any:  # noqa: ANN401 - transformers has no types
    """Return a SmolLM2-135M of noise: the work depends on its shape alone."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49_152,
        hidden_size=576,
        num_hidden_layers=layers,
        num_attention_heads=9,
        num_key_value_heads=3,
        intermediate_size=1_536,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


def prompts_of(encoder: TextEncoder, n: int) -> list[Prompt]:
    """Return prompts of several lengths."""
    said = "I did not know that you would be here today, and nobody told me."
    turns = [Given(text=said[: 30 + 7 * (i % 5)], before=((i % 2 == 0, said),)) for i in range(n)]
    return [encoder.prompt(question(turn, LABELS, instruction="Why?", thinks=False), ANSWER) for turn in turns]


@torch.no_grad()
def ours(model: Any, inputs: dict[str, Tensor], candidates: Candidates) -> Tensor:  # noqa: ANN401
    """Return log probabilities `[N, K]`."""
    return scores(model, prefilled(model, inputs), candidates)


@torch.no_grad()
def one_generation_per_label(model: Any, inputs: dict[str, Tensor], candidates: Candidates) -> Tensor:  # noqa: ANN401
    """Return the same by `generate`, once for each label."""
    found = []
    for ids, known in zip(candidates.ids, candidates.known, strict=True):
        wanted = ids[known].tolist()
        width = inputs["input_ids"].shape[1]

        def allowed(_: int, written: Tensor, wanted: Sequence[int] = wanted, width: int = width) -> list[int]:
            return [wanted[len(written) - width]]

        out = model.generate(
            **inputs,
            max_new_tokens=len(wanted),
            min_new_tokens=len(wanted),
            do_sample=False,
            prefix_allowed_tokens_fn=allowed,
            return_dict_in_generate=True,
            output_logits=True,
        )
        said = torch.stack(out.logits, dim=1).float().log_softmax(-1)
        tokens = torch.tensor(wanted).expand(len(said), -1)
        found.append(said.gather(2, tokens[..., None]).squeeze(-1).sum(1))
    return torch.stack(found, dim=1)


def scoring(setting: Setting) -> float:
    """Compare, time in turn, print, and return how many times as fast ours is."""
    torch.set_num_threads(setting.threads)
    model, encoder = published_shape(setting.layers), TextEncoder(byte_tokenizer())
    candidates = Candidates.of(encoder.tokenizer, LABELS)
    inputs = encoder.inputs(prompts_of(encoder, setting.n_prompts), CPU)
    apart = float(
        (
            probabilities(ours(model, inputs, candidates))
            - probabilities(one_generation_per_label(model, inputs, candidates))
        )
        .abs()
        .max()
    )
    if apart > ALIKE:
        raise SystemExit(f"the probabilities differ by {apart:g}: nothing is compared")
    ratios, fast, slow = [], [], []
    for _ in range(setting.repeats):
        start = time.perf_counter()
        ours(model, inputs, candidates)
        fast.append(time.perf_counter() - start)
        start = time.perf_counter()
        one_generation_per_label(model, inputs, candidates)
        slow.append(time.perf_counter() - start)
        ratios.append(slow[-1] / fast[-1])
    n, width = inputs["input_ids"].shape
    print(f"{n} prompts of up to {width} tokens, {len(LABELS)} labels of {candidates.known.sum(1).tolist()} tokens")
    print(
        f"layers: {setting.layers}; threads: {setting.threads}; medians of {setting.repeats}; torch {torch.__version__}"
    )
    print(f"greatest difference of a probability: {apart:.1e} (goal {ALIKE:g})")
    print(f"shared prefix, s: {median(fast):.3f} (goal none)")
    print(f"one generation per label, s: {median(slow):.3f} (goal none)")
    return median(ratios)


def others(*, quick: bool) -> None:
    """Run the benchmarks of the other ways of judging at scale; their lines are printed as they come.

    Raises:
        SystemExit: one of them failed.
    """
    for name in OTHERS:
        print(f"\n# {name}", flush=True)
        script = str(Path(__file__).with_name(name))
        done = subprocess.run([sys.executable, script, *(["--quick"] if quick else [])], check=False)
        if done.returncode:
            raise SystemExit(f"{name} ended with {done.returncode}")
    print("\n# judging.py", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four layers, two prompts, one thread: under 50 s")
    parser.add_argument("--all", action="store_true", help="also served models and Ray")
    arguments = parser.parse_args()
    if arguments.all:
        others(quick=arguments.quick)
    if not arguments.quick:
        two = scoring(Setting(n_prompts=8, repeats=5, threads=2))
        print(f"candidate scoring with two threads, times one generation per label: {two:.1f} (goal {GOAL:g})")
    quick = Setting(n_prompts=2, repeats=3, threads=1, layers=4)
    ratio = scoring(quick if arguments.quick else Setting(n_prompts=8, repeats=5, threads=1))
    print(f"candidate scoring, times one generation per label: {ratio:.1f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
