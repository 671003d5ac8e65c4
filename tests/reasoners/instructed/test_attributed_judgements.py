"""Judgements of the smallest instructed reasoner, attributed by every method from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.attributions import Attribution, attribution_tables, attributions_digest
from affidavit.conditions import modality_subsets
from affidavit.errors import PlanError
from affidavit.utterances import Utterance
from faithfulness.attribution.convergence import unconverged
from faithfulness.attribution.deep_lift import deep_lift
from faithfulness.attribution.feature_ablation import feature_ablation
from faithfulness.attribution.game import span_game
from faithfulness.attribution.integrated_gradients import PathOptions, integrated_gradients
from faithfulness.attribution.kernel_shap import kernel_shap
from faithfulness.attribution.layer_integrated_gradients import layer_integrated_gradients
from faithfulness.attribution.modality_shapley import modality_game
from faithfulness.attribution.occlusion import occlusion
from faithfulness.attribution.partition import partition_shap
from faithfulness.attribution.targets import all_targets, predicted_emotion, rationale_tokens
from faithfulness.sanity.infidelity import infidelity
from faithfulness.sanity.randomised import randomisation_cascade
from faithfulness.sanity.sensitivity import max_sensitivity
from reasoners.instructed.attributable import AttributableReasoner, InstructedTurn
from reasoners.instructed.attributable_inputs import Resolution
from reasoners.instructed.reasoner import InstructedReasoner

pytestmark = pytest.mark.skipif(
    find_spec("captum") is None or find_spec("shap") is None, reason="needs captum and shap, of the extra explain"
)
LAST = "d1-1-3"


@pytest.fixture(autouse=True, scope="module")
def _uncompiled() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        yield


@pytest.fixture(scope="module")
def reasoner(make_reasoner: Callable[..., InstructedReasoner]) -> InstructedReasoner:
    return make_reasoner()


@pytest.fixture(scope="module")
def utterances(make_corpus: Callable[..., Any]) -> tuple[Utterance, ...]:
    return tuple(make_corpus(2).utterances)


@pytest.fixture(scope="module")
def turn(reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]) -> InstructedTurn:
    coarse = Resolution(audio_s=0.2, grid=2)
    return AttributableReasoner(reasoner=reasoner, resolution=coarse).attributable(
        utterances, utterance_id=LAST, rationale="Joy, as the voice tells."
    )


def small(turn: InstructedTurn) -> list[Any]:
    """Everything but the hundreds of descriptors."""
    return [item for item in turn.features if item.name != "descriptors"]


def methods(turn: InstructedTurn) -> dict[str, Callable[..., list[Attribution]]]:
    return {
        "integrated-gradients": partial(integrated_gradients, features=small(turn)),
        "layer-integrated-gradients": layer_integrated_gradients,
        "feature-ablation": partial(feature_ablation, features=small(turn)),
        "occlusion": partial(occlusion, features=small(turn)),
        "kernel-shap": partial(kernel_shap, features=small(turn), n_samples=64, rng=np.random.default_rng(1)),
        "partition-shap": partial(partition_shap, max_evaluations=200),
    }


def test_every_method_gives_tables_that_hold_for_labels_and_every_token(turn: InstructedTurn) -> None:
    targets = all_targets(turn)
    assert len(targets) == 3 + len(turn.tokens) > 6
    found = [item for method in methods(turn).values() for item in method(turn, targets)]
    found += modality_game(turn, targets).attributions()
    tables = attribution_tables(found)
    assert tables["attribution_targets"].num_rows == 7 * len(targets)
    assert attributions_digest(tables).startswith("sha256:")
    assert {item.method for item in found} == {*methods(turn), "modality-shapley"}
    outputs = {(item.target, round(item.output, 3)) for item in found}
    assert len(outputs) == len(targets), "every method explains the same scores"


def test_gradients_meet_their_sum_or_are_named(turn: InstructedTurn) -> None:
    fine = integrated_gradients(turn, all_targets(turn), options=PathOptions(n_steps=200))
    assert unconverged(fine, at_most=0.05) == ()
    coarse = integrated_gradients(turn, all_targets(turn), options=PathOptions(n_steps=2))
    worst = [max(abs(item.convergence_delta or 0) for item in items) for items in (fine, coarse)]
    assert worst[0] < worst[1]


def test_embedded_tokens_by_two_routes(turn: InstructedTurn) -> None:
    text = [item for item in turn.features if item.modality == "text"]
    pairs = zip(
        integrated_gradients(turn, all_targets(turn), features=text),
        layer_integrated_gradients(turn, all_targets(turn)),
        strict=True,
    )
    for one, other in pairs:
        np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_ablating_a_token_is_judging_the_text_without_it(turn: InstructedTurn) -> None:
    """The slow way: another token in the batch, and the whole model over the whole dialogue."""
    items = feature_ablation(turn, all_targets(turn), features=[turn.features[0]])
    assert turn.embedded is not None
    for i in range(len(turn.features[0].spans)):
        text = turn.batch.text.clone()
        text[0, -1, i] = turn.embedded.baseline_ids[0, i]
        batch = replace(turn.batch, text=text)
        with torch.no_grad():
            plain, other = (
                replace(turn, batch=some, kept=turn.model.encode(some)).concluded({}, rationale=True)[0]
                for some in (turn.batch, batch)
            )
        np.testing.assert_allclose([item.values[i] for item in items], (plain - other).numpy(), atol=1e-4)


def test_blanking_a_cell_is_judging_the_film_with_it_grey(turn: InstructedTurn) -> None:
    pixels = turn.features[-1]
    items = feature_ablation(turn, all_targets(turn), features=[pixels])
    grey = torch.where(pixels.groups == 3, 127.5, pixels.values)
    with torch.no_grad():
        plain, other = (
            turn.model.conclude(turn.model.encode(replace(turn.batch, frames=frames)), turn.batch).logits[0, -1]
            for frames in (turn.batch.frames, torch.cat([turn.batch.frames[:, :-1].float(), grey[:, None]], dim=1))
        )
    np.testing.assert_allclose([item.values[3] for item in items[:3]], (plain - other).numpy(), atol=1e-5)


def test_windows_of_one_span_are_ablations_whatever_the_spans_sizes(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]
) -> None:
    uneven = Resolution(audio_s=0.07, grid=5)
    turn = AttributableReasoner(reasoner=reasoner, resolution=uneven).attributable(
        utterances, utterance_id=LAST, rationale="Joy."
    )
    targets = predicted_emotion(turn)
    (one,), (other,) = (
        feature_ablation(turn, targets, features=small(turn)),
        occlusion(turn, targets, features=small(turn), width=1),
    )
    assert one.spans == other.spans
    assert sum(span.modality == "video" for span in one.spans) == 3 * 25
    np.testing.assert_allclose(one.values, other.values, atol=1e-5)


def test_what_is_kept_is_what_would_be_encoded_again(turn: InstructedTurn) -> None:
    game = span_game(turn, all_targets(turn), features=small(turn), batch_size=7)
    drawn = torch.rand(12, len(game.spans), generator=torch.Generator().manual_seed(2)) < 0.7
    together = game.scores(drawn)
    for kept, scores in zip(drawn, together, strict=True):
        states, start = {}, 0
        for item in small(turn):
            own = kept[start : start + len(item.spans)]
            start += len(item.spans)
            values = torch.where(own[item.groups], item.values, item.baseline)
            with torch.no_grad():
                states[item.modality] = turn.encoded(item.modality, {item.name: values})
        with torch.no_grad():
            torch.testing.assert_close(turn.concluded(states, rationale=True)[0], scores, rtol=1e-4, atol=1e-4)


def test_shares_of_the_modalities_are_those_of_the_seven_conditions(
    reasoner: InstructedReasoner, utterances: tuple[Utterance, ...], turn: InstructedTurn
) -> None:
    game = modality_game(turn, all_targets(turn))
    letters = {"text": "T", "audio": "A", "video": "V"}
    for condition in modality_subsets():
        number = sum(1 << i for i, name in enumerate(game.players) if letters[name] in condition.modalities)
        judged = reasoner.judge_under(utterances, condition=str(condition))
        shares = next(a.probabilities for a, u in zip(judged, utterances, strict=True) if u.utterance_id == LAST)
        found = torch.from_numpy(game.scores[:3, number]).softmax(0).tolist()
        assert found == pytest.approx([shares[label] for label in turn.labels], abs=2e-5)
    assert np.abs(game.values).max() > 1e-3
    np.testing.assert_allclose(game.values.sum(1), game.scores[:, -1] - game.scores[:, 0], atol=1e-9)


def test_deep_lift_is_refused_with_its_reason(turn: InstructedTurn) -> None:
    with pytest.raises(PlanError, match="no rule for .*LayerNorm"):
        deep_lift(turn, predicted_emotion(turn))


def test_attributions_repeat(reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]) -> None:
    digests = []
    for _ in range(2):
        turn = AttributableReasoner(reasoner=reasoner).attributable(utterances, utterance_id=LAST, rationale="Joy.")
        items = [item for method in methods(turn).values() for item in method(turn, predicted_emotion(turn))]
        digests.append(attributions_digest(attribution_tables(items)))
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "rationale", ["", " ", "<b>joy</b> **so** {x}", "他很高兴,因为声音很亮。", "very " * 300, "\x00\ud7ff🙂"]
)
def test_any_rationale_can_be_attributed(
    rationale: str, reasoner: InstructedReasoner, utterances: tuple[Utterance, ...]
) -> None:
    short = AttributableReasoner(reasoner=reasoner, resolution=Resolution(rationale_tokens=40))
    turn = short.attributable(utterances, utterance_id=LAST, rationale=rationale)
    assert 1 <= len(turn.tokens) <= 40
    tokens = rationale_tokens(turn)
    items = feature_ablation(turn, tokens, features=[turn.features[0]])
    assert attribution_tables(items)["attribution_targets"].num_rows == len(turn.tokens)
    assert len({item.target for item in items}) == len(items)


def test_sanity_of_a_real_model(turn: InstructedTurn) -> None:
    targets, features = predicted_emotion(turn), tuple(small(turn))
    game = span_game(turn, targets, features=features)
    items = feature_ablation(turn, targets, features=features)
    found = infidelity(game, items, rng=np.random.default_rng(1), n_draws=20)
    shuffled = [replace(item, values=np.random.default_rng(2).permutation(item.values)) for item in items]
    assert found.normalised[0] < infidelity(game, shuffled, rng=np.random.default_rng(1), n_draws=20).normalised[0]

    def gradients(turn: Any, given: Any = None) -> np.ndarray:
        given = [item for item in turn.features if item.name != "descriptors"] if given is None else given
        return np.stack(
            [
                item.values
                for item in integrated_gradients(turn, targets, features=given, options=PathOptions(n_steps=8))
            ]
        )

    steady = max_sensitivity(
        lambda given: gradients(turn, given), features, rng=np.random.default_rng(3), radius=1e-4, n_draws=2
    )
    assert 0 < steady.maximum[0] < 0.1
    before = {name: value.detach().clone() for name, value in turn.model.named_parameters()}
    cascade = randomisation_cascade(turn, gradients, rng=np.random.default_rng(4))
    assert [step.layer for step in cascade] == [
        f"model.{name}"
        for name in ("explain", "emotion", "judge", "read", "align", "instruction", "text", "audio", "visual")
    ]
    assert cascade[0].rank_correlation[0] == pytest.approx(1), "the writer has no say in the label"
    assert abs(cascade[-1].rank_correlation[0]) < 0.9
    assert all(torch.equal(value, before[name]) for name, value in turn.model.named_parameters())
    np.testing.assert_allclose(gradients(turn.anew()), gradients(turn), atol=1e-6)
