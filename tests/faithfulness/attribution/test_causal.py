"""A language model's prompt as a turn: Captum's token-by-token values, from one pass a perturbation."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from affidavit.attributable import AttributableTurn
from affidavit.attributions import JudgementKey
from faithfulness.attribution.causal import CausalTurn, Prompt, causal_turn
from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.integrated_gradients import integrated_gradients
from faithfulness.attribution.layer_integrated_gradients import layer_integrated_gradients
from faithfulness.attribution.modality_shapley import modality_game
from faithfulness.attribution.partition import partition_shap
from faithfulness.attribution.targets import rationale_tokens

pytestmark = pytest.mark.skipif(
    find_spec("captum") is None or find_spec("shap") is None, reason="needs captum and shap, of the extra explain"
)

PROMPT = ["be", "brief", "he", "said", "that", "it", "was", "fine", "and", "left", "the", "room"]
WORDS = [*PROMPT, "joy", "because", "of", "fine"]
N_PROMPT = len(PROMPT)
KEY = JudgementKey(utterance_id="u", reasoner="r", condition="T")


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(4)
    shape = LlamaConfig(
        vocab_size=len(WORDS) + 2, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    )
    made = LlamaForCausalLM(shape).eval()
    with torch.no_grad():
        for value in made.parameters():  # far from its start, where every token is as likely as any other
            value.mul_(4)
    return made


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: i for i, word in enumerate(["<unk>", "<pad>", *dict.fromkeys(WORDS)])}
    own = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=own, unk_token="<unk>", pad_token="<pad>")


@pytest.fixture(scope="module")
def turn_of(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Callable[[int], CausalTurn]:
    def made(n_fixed: int) -> CausalTurn:
        ids = tuple(tokenizer.convert_tokens_to_ids(WORDS))
        prompt = Prompt(
            ids=ids[:N_PROMPT],
            texts=tuple(f"{word} " for word in PROMPT),
            answer_ids=ids[N_PROMPT:],
            answer_texts=tuple(WORDS[N_PROMPT:]),
            baseline_id=0,
            n_fixed=n_fixed,
        )
        return causal_turn(model, prompt, key=KEY)

    return made


def test_the_values_are_those_of_captums_loop_over_tokens(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, turn_of: Callable[[int], CausalTurn]
) -> None:
    from captum.attr import FeatureAblation, LLMAttribution, TextTokenInput

    text = TextTokenInput(" ".join(PROMPT), tokenizer, baselines=0)
    loop = LLMAttribution(FeatureAblation(model), tokenizer)
    answer = torch.tensor(tokenizer.convert_tokens_to_ids(WORDS[N_PROMPT:]))
    found = loop.attribute(text, answer, use_cached_outputs=False)
    turn = turn_of(0)
    items = feature_ablation(turn, rationale_tokens(turn))
    assert len(items) == len(WORDS) - N_PROMPT
    np.testing.assert_allclose([item.values for item in items], found.token_attr.numpy(), atol=1e-4)
    assert np.abs([item.values for item in items]).max() > 0.05, "a model that looks at its prompt"


def test_captums_loop_with_a_cache_is_wrong_from_the_second_token_on(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Why no value of ours is compared with Captum's default: transformers 5 no longer cuts what the cache holds.

    Once this fails, Captum or transformers has mended it, and the loop above may use its cache.
    """
    from captum.attr import FeatureAblation, LLMAttribution, TextTokenInput

    text = TextTokenInput(" ".join(PROMPT), tokenizer, baselines=0)
    answer = torch.tensor(tokenizer.convert_tokens_to_ids(WORDS[N_PROMPT:]))
    loop = LLMAttribution(FeatureAblation(model), tokenizer)
    cached, plain = (loop.attribute(text, answer, use_cached_outputs=kept).token_attr for kept in (True, False))
    apart = (cached - plain).abs().amax(1)
    assert float(apart[0]) < 1e-4
    assert float(apart[1:].min()) > 0.1


def test_what_is_kept_of_a_fixed_beginning_changes_nothing(turn_of: Callable[[int], CausalTurn]) -> None:
    whole, begun = turn_of(0), turn_of(4)
    assert isinstance(begun, AttributableTurn)
    with torch.no_grad():
        torch.testing.assert_close(whole.concluded({}, rationale=True), begun.concluded({}, rationale=True))
    one, other = (feature_ablation(turn, rationale_tokens(turn)) for turn in (whole, begun))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.values[4:], b.values, atol=1e-5)
        assert a.spans[4:] == b.spans


def test_gradients_and_trees_reach_the_prompt(turn_of: Callable[[int], CausalTurn]) -> None:
    turn = turn_of(2)
    targets = rationale_tokens(turn)
    one, other = integrated_gradients(turn, targets), layer_integrated_gradients(turn, targets)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-4)
    for item in partition_shap(turn, targets):
        assert item.convergence_delta == pytest.approx(0, abs=1e-4)


def test_without_its_text_every_token_is_the_baselines(turn_of: Callable[[int], CausalTurn]) -> None:
    turn = turn_of(0)
    game = modality_game(turn, rationale_tokens(turn))
    assert game.players == ("text",)
    np.testing.assert_allclose(game.values[:, 0], game.scores[:, 1] - game.scores[:, 0])
    assert turn.concluded({}, rationale=False).shape == (1, 0)


def test_a_prompt_is_more_than_its_fixed_beginning() -> None:
    shape: dict[str, Any] = {"ids": (1, 2), "texts": ("a", "b"), "answer_ids": (3,), "answer_texts": ("c",)}
    with pytest.raises(ValueError, match="n_fixed"):
        Prompt(**shape, baseline_id=0, n_fixed=2)
