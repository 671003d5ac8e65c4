"""Scores behind a shared prefix equal those of each prompt alone with each label in full, for every kind of model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pytest
import torch

from affidavit.media.frames import Frames
from affidavit.media.sound import Sound
from reasoners.language.candidates import Candidates, probabilities, scores
from reasoners.language.encoding import Encoder, Prompt, TextEncoder, filled, words
from reasoners.language.prefix import prefilled
from reasoners.language.prompts import ANSWER, Given, question
from reasoners.omni.door import encoder_of
from reasoners.omni.kinds import kind_of
from reasoners.omni.noise import Tiny, byte_tokenizer, tiny

LABELS = ("anger", "joy", "sadness", "negative surprise")
CPU = torch.device("cpu")


def encoder(model: Any, kind: Tiny) -> Encoder:
    if kind == "llama":
        return TextEncoder(byte_tokenizer())
    return encoder_of(model, byte_tokenizer(), kind_of(model.config, where="noise"), "noise")


def sound(seconds: float, seed: int = 0) -> Sound:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * 16_000))
    return Sound(samples=samples.astype(np.float32), sample_rate=16_000)


def frames(n: int, size: int, seed: int = 0) -> Frames:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    return Frames(pixels=pixels, times_s=0.37 * np.arange(n, dtype=np.float64))


def turns(modalities: frozenset[str]) -> list[Given]:
    """Return turns of every mixture of modalities, long and short."""
    made = [Given(text="I am fine"), Given(text="no " * 20, before=((True, "Yes."), (False, "Why?")))]
    if "A" in modalities:
        made += [Given(sound=sound(1.3)), Given(text="hi", sound=sound(0.31)), Given(sound=sound(0.03))]
    if "V" in modalities:
        made += [Given(frames=frames(4, 56)), Given(text="hm", sound=sound(0.6), frames=frames(3, 70))]
    return made


def prompts_of(coder: Encoder) -> list[Prompt]:
    given = turns(coder.modalities)
    return [coder.prompt(question(g, LABELS, instruction="Why?", thinks=False), ANSWER) for g in given]


def in_full(model: Any, coder: Encoder, prompt: Prompt, tokens: Sequence[int]) -> float:
    """The slow twin: one pass over the prompt and the tokens, nothing shared, nothing filled up."""
    batch = coder.inputs([Prompt(ids=(*prompt.ids, *tokens), media=prompt.media)], CPU)
    said = model(**batch).logits[0].log_softmax(-1)
    return float(sum(said[len(prompt.ids) + i - 1, token] for i, token in enumerate(tokens)))


@pytest.mark.parametrize("kind", get_args(Tiny))
def test_scores_equal_those_of_every_label_read_in_full(kind: Tiny) -> None:
    model = tiny(kind)
    coder = encoder(model, kind)
    prompts = prompts_of(coder)
    candidates = Candidates.of(coder.tokenizer, LABELS)
    assert len(set(candidates.known.sum(1).tolist())) > 1, "labels of several lengths"
    with torch.no_grad():
        found = scores(model, prefilled(model, coder.inputs(prompts, CPU)), candidates, at_once=12)
        for i, prompt in enumerate(prompts):
            for k in range(len(LABELS)):
                tokens = candidates.ids[k][candidates.known[k]].tolist()
                assert float(found[i, k]) == pytest.approx(in_full(model, coder, prompt, tokens), abs=1e-4)
    assert probabilities(found).sum(1).tolist() == pytest.approx([1.0] * len(prompts), abs=1e-12)
    assert float(found.std(0).max()) > 1e-3, "the turns are told apart"


@pytest.mark.parametrize("kind", get_args(Tiny))
def test_what_is_read_behind_a_prefix_counts_as_if_it_stood_in_the_prompt(kind: Tiny) -> None:
    """Rows continue by different lengths, one of them by nothing."""
    model = tiny(kind)
    coder = encoder(model, kind)
    prompts = prompts_of(coder)
    thoughts = [words(coder.tokenizer, "so it is " * (i % 4)) for i in range(len(prompts))]
    candidates = Candidates.of(coder.tokenizer, LABELS)
    longer = [Prompt(ids=(*p.ids, *t), media=p.media) for p, t in zip(prompts, thoughts, strict=True)]
    with torch.no_grad():
        prefix = prefilled(model, coder.inputs(prompts, CPU))
        found = scores(model, prefix.continued(model, *filled(thoughts, CPU))[0], candidates)
        again = scores(model, prefix.continued(model, *filled(thoughts, CPU))[0], candidates)
        expected = scores(model, prefilled(model, coder.inputs(longer, CPU)), candidates)
    assert torch.equal(found, again), "a prefix is not changed by being continued"
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_marks_in_somebodys_words_end_no_turn() -> None:
    tokenizer = byte_tokenizer()
    spoken = TextEncoder(tokenizer).prompt(
        question(Given(text="<|im_end|><|AUDIO|>"), LABELS, instruction="Why?", thinks=False), ANSWER
    )
    marks = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|AUDIO|>"])
    assert spoken.ids.count(marks[0]) == 2, "those of the system's message and the user's"
    assert marks[1] not in spoken.ids
    assert "<|im_end|><|AUDIO|>" in tokenizer.decode(spoken.ids)


@pytest.mark.parametrize("kind", ["qwen2_5_omni", "qwen3_omni"])
def test_frames_become_the_patches_of_the_genuine_image_processor(kind: Tiny) -> None:
    """An image is a video of two equal frames there; the other one asks for torchvision."""
    from transformers import Qwen2VLImageProcessorPil

    coder: Any = encoder(tiny(kind), kind)
    eye = coder.eye
    still = frames(1, 4 * eye.step)
    genuine = Qwen2VLImageProcessorPil(
        patch_size=eye.patch,
        merge_size=eye.merge,
        temporal_patch_size=eye.pair,
        image_mean=eye.mean.tolist(),
        image_std=eye.sd.tolist(),
        do_resize=False,
    )(still.pixels[0], return_tensors="pt")
    found = eye.seen(still)
    assert found["grid"].tolist() == genuine["image_grid_thw"][0].tolist()
    torch.testing.assert_close(found["patches"], genuine["pixel_values"].float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.345])
def test_sound_becomes_the_columns_that_the_genuine_extractor_gives_for_a_whole_window(seconds: float) -> None:
    coder: Any = encoder(tiny("qwen2_5_omni"), "qwen2_5_omni")
    whole = coder.ear.extract(
        sound(seconds).samples,
        sampling_rate=16_000,
        padding="max_length",
        return_attention_mask=True,
        return_tensors="pt",
    )
    n = int(whole["attention_mask"].sum())
    heard = coder.ear.heard(sound(seconds))
    assert heard.shape[1] == n
    torch.testing.assert_close(heard, whole["input_features"][0, :, :n], atol=1e-5, rtol=0)


def test_a_voice_does_not_depend_on_who_is_heard_beside_it() -> None:
    """Qwen3's ear hears what it fills short sounds up with, unless each has a whole second."""
    for kind in ("qwen2_audio", "qwen2_5_omni", "qwen3_omni"):
        model = tiny(kind)
        coder = encoder(model, kind)
        short, long = (
            coder.prompt(question(Given(sound=s), LABELS, instruction="Why?", thinks=False), ANSWER)
            for s in (sound(0.2), sound(1.9, seed=1))
        )
        with torch.no_grad():
            alone = prefilled(model, coder.inputs([short], CPU)).last
            beside = prefilled(model, coder.inputs([short, long], CPU)).last[:1]
        torch.testing.assert_close(alone, beside, atol=1e-4, rtol=0)
