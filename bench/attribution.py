"""Attribution beside Captum's own loops: exact Shapley values of three modalities, and a rationale of 100 tokens.

Modalities: `tiny` on dialogues of eight turns, from what was measured of their sound and pictures (drawn here at their
genuine shapes, for the work depends on nothing else). Captum gets the same inputs as raw tensors, and its forward
function runs the model on them; a modality is removed from every turn, as a condition removes it. `ShapleyValues` is
its `ShapleyValueSampling` over all six orders, whose result is equal; the default 25 random orders are shown beside it.

Rationale: a language model of two layers over a prompt, by ablation of each of its tokens. Captum's `LLMAttribution`
scores token by token. Its cache gives wrong values with transformers 5, which no longer cuts what the cache holds, so
that the peer here is one whose cache was mended (and what the default makes of it is printed). Captum can also score
the whole answer in one pass when told to (`forward_in_tokens=False`); that is the same work as ours, and on a processor
it takes about as long.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from affidavit.attributions import JudgementKey, emotion_target
from affidavit.utterances import MediaSpan, Utterance
from faithfulness.attribution.causal import CausalTurn, Prompt, causal_turn
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.modality_shapley import modality_game
from faithfulness.attribution.targets import named_targets, rationale_tokens
from reasoners.instructed.attributable import AttributableReasoner
from reasoners.instructed.batches import Batch
from reasoners.instructed.checkpoints import new_model
from reasoners.instructed.inputs import Perceived, perceivable, senses_of
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.sizes import SIZES
from reasoners.instructed.vocabulary import learn_tokenizers

GOAL_MODALITIES: Final = 10.0
GOAL_RATIONALE: Final = 5.0
LABELS: Final = ("anger", "fear", "joy", "neutral", "sadness", "surprise")
N_TURNS: Final = 8
N_FRAMES: Final = 300
REMOVED: Final = -1e6
"""No measured value; Captum puts it in the place of a modality that it removes."""
WORDS: Final = ("the", "patient", "says", "that", "her", "voice", "was", "low", "while", "nobody", "had", "asked")


def reasoner_of(n_dialogues: int) -> tuple[InstructedReasoner, list[tuple[Utterance, ...]]]:
    """Return `tiny` with weights from noise, and dialogues that it has perceived."""
    config = SIZES["tiny"].model_copy(update={"label_space": LABELS})
    tokenizers = learn_tokenizers(config, [" ".join(WORDS), *(f"{label.capitalize()}." for label in LABELS)])
    torch.manual_seed(0)
    reasoner = InstructedReasoner(model=new_model(config, tokenizers).eval(), tokenizers=tokenizers)
    senses, rng = senses_of(config), np.random.default_rng(0)
    dialogues = []
    for d in range(n_dialogues):
        row = []
        for t in range(N_TURNS):
            text, nowhere = " ".join(rng.choice(WORDS, 16)), MediaSpan(path=Path("never opened"))
            turn = Utterance(
                utterance_id=f"{d}-{t}", dialogue_id=str(d), turn=t, text=text, audio=nowhere, video=nowhere
            )
            reasoner.perceived[perceivable(turn)] = Perceived(
                utterance_id=turn.utterance_id,
                text=text,
                mel=rng.normal(0, 1, (N_FRAMES, 40)).astype(np.float16),
                functionals=rng.normal(0, 1, senses.n_functionals).astype(np.float32),
                frames=rng.integers(0, 256, (senses.n_frames, senses.size, senses.size)).astype(np.uint8),
            )
            row.append(turn)
        dialogues.append(tuple(row))
    return reasoner, dialogues


def raw_forward(reasoner: InstructedReasoner, batch: Batch) -> Callable[..., Tensor]:
    """Return the model from raw inputs to the scores of the last turn; what is `REMOVED` is in no turn."""
    model = reasoner.model

    def scores(text: Tensor, mel: Tensor, functionals: Tensor, frames: Tensor) -> Tensor:
        gone = torch.tensor([bool((values == REMOVED).all()) for values in (text, mel, frames)])
        encoded = model.encode(
            replace(
                batch,
                text=text.clamp(min=0).long(),
                mel=mel.clamp(min=-1e3),
                functionals=functionals.clamp(min=-1e3),
                frames=frames.clamp(min=0),
                present=batch.present & ~gone,
            )
        )
        return model.conclude(encoded, batch).logits[:, -1]

    return scores


def captums_shapley(method: str, reasoner: InstructedReasoner, batch: Batch) -> np.ndarray:
    """Return Captum's values `[K, 3]`."""
    inputs = (batch.text.float(), batch.mel, batch.functionals, batch.frames.float())
    masks = tuple(
        torch.full((1, *[1] * (value.dim() - 1)), player) for value, player in zip(inputs, (0, 1, 1, 2), strict=True)
    )
    found = getattr(explainer("captum.attr"), method)(raw_forward(reasoner, batch)).attribute(
        inputs, baselines=(REMOVED,) * 4, feature_mask=masks
    )
    return np.stack([found[i].flatten(2)[0, :, 0].numpy() for i in (0, 1, 3)], axis=1)


def modalities(n_dialogues: int) -> float:
    """Print times and differences, and return how many times faster the exact values are."""
    reasoner, dialogues = reasoner_of(n_dialogues)
    attributable = AttributableReasoner(reasoner=reasoner)
    seconds: dict[str, list[float]] = {"ours": [], "ShapleyValues": [], "ShapleyValueSampling": []}
    apart: dict[str, float] = {"ShapleyValues": 0.0, "ShapleyValueSampling": 0.0}
    for number, row in enumerate(dialogues):
        batch = reasoner.batch([row])  # not counted for Captum; ours makes its own, and it is
        taken = {}
        for name in apart:
            start = time.perf_counter()
            turn = attributable.attributable(row, utterance_id=row[-1].utterance_id, rationale="")
            values = modality_game(turn, named_targets(turn, [emotion_target(label) for label in LABELS])).values
            seconds["ours"] += [time.perf_counter() - start] if number else []  # the first dialogue warms up
            torch.manual_seed(number)
            start = time.perf_counter()
            found = captums_shapley(name, reasoner, batch)
            taken[name] = time.perf_counter() - start
            apart[name] = max(apart[name], float(np.abs(found - values).max()))
        for name, value in taken.items():
            seconds[name] += [value] if number else []
    ours = median(seconds["ours"])
    print(
        f"exact Shapley values of three modalities, `tiny`, {n_dialogues} dialogues of {N_TURNS} turns, median of each"
    )
    print(f"  cached encodings, eight coalitions at once        {1e3 * ours:8.1f} ms")
    for name, n in (("ShapleyValues", 19), ("ShapleyValueSampling", 76)):
        peer = median(seconds[name])
        said = f"{peer / ours:5.1f} times, values at most {apart[name]:.1e} apart"
        print(f"  Captum {name:<20} ({n} passes)         {1e3 * peer:8.1f} ms   {said}")
    return median(seconds["ShapleyValues"]) / ours


class Mended(LlamaForCausalLM):
    """Gives a model that holds a cache the new tokens alone, as Captum's loop expects of it."""

    def prepare_inputs_for_generation(self, input_ids: Tensor, **given: object) -> dict[str, Any]:  # type: ignore[override]
        """Cut what the cache holds already."""
        kept: Any = given.get("past_key_values")
        given.pop("cache_position", None)
        n_new = input_ids.shape[1] - (0 if kept is None else kept.get_seq_length())
        found: dict[str, Any] = super().prepare_inputs_for_generation(  # type: ignore[misc]
            input_ids,  # type: ignore[arg-type] # transformers asks for a kind of tensor that nobody makes
            next_sequence_length=n_new,
            **given,  # type: ignore[arg-type]
        )
        return found


def language_model(kind: type[LlamaForCausalLM]) -> LlamaForCausalLM:
    torch.manual_seed(1)
    shape = LlamaConfig(
        vocab_size=2000, hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256
    )
    made: LlamaForCausalLM = kind(shape).eval()
    return made


def tokenizer_of(n: int) -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, models, pre_tokenizers

    own = Tokenizer(models.WordLevel({"<unk>": 0} | {f"w{i}": i for i in range(1, n)}, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=own, unk_token="<unk>")


def rationale(n_prompt: int, n_answer: int) -> float:
    """Print times and differences, and return how many times faster a rationale is attributed."""
    rng = np.random.default_rng(2)
    prompt, answer = (tuple(int(i) for i in rng.integers(1, 2000, n)) for n in (n_prompt, n_answer))
    tokenizer = tokenizer_of(2000)

    def turn_of() -> CausalTurn:
        names = tuple(f"w{i}" for i in prompt), tuple(f"w{i}" for i in answer)
        stated = Prompt(ids=prompt, texts=names[0], answer_ids=answer, answer_texts=names[1], baseline_id=0)
        return causal_turn(model, stated, key=JudgementKey(utterance_id="u", reasoner="r", condition="T"))

    def captums(kind: type[LlamaForCausalLM], n_tokens: int, **options: bool) -> tuple[float, np.ndarray]:
        captum = explainer("captum.attr")
        text = captum.TextTokenInput(" ".join(f"w{i}" for i in prompt), tokenizer, baselines=0)
        loop = captum.LLMAttribution(captum.FeatureAblation(language_model(kind)), tokenizer)
        start = time.perf_counter()
        found = loop.attribute(text, torch.tensor(answer[:n_tokens]), **options)
        return time.perf_counter() - start, found.token_attr.numpy()

    model = language_model(LlamaForCausalLM)
    taken, values = [], np.empty(0)
    for _ in range(8):
        start = time.perf_counter()
        turn = turn_of()
        values = np.stack([item.values for item in feature_ablation(turn, rationale_tokens(turn))])
        taken.append(time.perf_counter() - start)
    ours = median(taken[1:])
    print(f"a rationale of {n_answer} tokens, by ablation of each of {n_prompt} tokens of a prompt")
    print(f"  all tokens from one pass                          {1e3 * ours:8.1f} ms")
    loop, found = captums(Mended, n_answer)
    said = _said(loop, ours, found, values)
    print(f"  Captum LLMAttribution, token by token, mended     {1e3 * loop:8.1f} ms   {said}")
    whole, found = captums(LlamaForCausalLM, n_answer, forward_in_tokens=False)
    said = _said(whole, ours, found, values)
    print(f"  Captum LLMAttribution, forward_in_tokens=False    {1e3 * whole:8.1f} ms   {said}")
    _, found = captums(LlamaForCausalLM, 4)
    print(f"  Captum LLMAttribution as it comes, four tokens: values {np.abs(found - values[:4]).max():.1e} apart")
    return loop / ours


def _said(peer: float, ours: float, found: np.ndarray, values: np.ndarray) -> str:
    return f"{peer / ours:5.1f} times, values at most {np.abs(found - values).max():.1e} apart"


def main() -> None:
    """Print both comparisons; the last two lines are the figures and their goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer dialogues, a shorter prompt")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    explainer("captum.attr")  # its import is not counted
    shares = modalities(5 if quick else 30)
    words = rationale(16 if quick else 48, 100)
    print(f"times faster than Captum's exact Shapley values over raw inputs: {shares:.1f} (goal {GOAL_MODALITIES:g})")
    print(f"times faster than Captum's LLMAttribution, 100 tokens: {words:.1f} (goal {GOAL_RATIONALE:g})")


if __name__ == "__main__":
    main()
