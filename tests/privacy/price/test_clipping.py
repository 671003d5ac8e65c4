"""Gradient norms of patients: analytic twins, a group with larger gradients found, trained patients left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.plan import Feature
from affidavit.protocols import Progress
from affidavit.records import Finding
from affidavit.unit_keys import unit_keys
from affidavit.utterances import Utterance
from privacy.price.clipping import EXAMINATION
from privacy.price.gradients import Losses, gradients_of, pieces_of
from tests.privacy.price.conftest import LABELS, World, card, cards_for, case_of_runs

SMALL = World(units={"Irish": 16, "Scottish": 16, "Welsh": 10}, per_unit=4)


class Linear:
    """Scores of a turn are linear in one number, its `intensity`: gradients can be written down."""

    def __init__(self, seed: int = 0, *, broken: frozenset[str] = frozenset()) -> None:
        self.module = nn.Linear(1, len(LABELS))
        self.broken = broken
        values = np.random.default_rng(seed).normal(0, 0.3, (2, len(LABELS)))
        with torch.no_grad():
            self.module.weight.copy_(torch.tensor(values[0]).float()[:, None])
            self.module.bias.copy_(torch.tensor(values[1]).float())

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        assert utterances

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        return {"new": list(self.module.parameters()), "pretrained": []}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        return torch.stack([self._loss(unit) for unit in units])

    def _loss(self, unit: Sequence[Utterance]) -> Tensor:
        if self.broken & {turn.unit for turn in unit}:
            return self.module.bias.sum() * float("nan")
        x = torch.tensor([[turn.intensity or 0.0] for turn in unit])
        y = torch.tensor([list(LABELS).index(turn.label or "") for turn in unit])
        return nn.functional.cross_entropy(self.module(x), y)


def corpus_of(frame: pd.DataFrame, *, loud: float = 1.0) -> Corpus:
    utterances = [
        Utterance(
            utterance_id=row.utterance_id,
            unit_id=row.speaker_id,
            dialogue_id=f"d-{row.speaker_id}",
            label=row.y_true,
            intensity=(loud if row.accent == "Welsh" else 1.0) * (0.5 + int(row.utterance_id[1:]) % 7 / 5),
        )
        for row in frame.itertuples()
    ]
    return Corpus(
        name="drawn", utterances=utterances, digest="sha256:0", licence="made by a test", label_space=tuple(LABELS)
    )


def live_case(*, loud: float = 1.0, cards: Mapping[str, Any] | None = None, **kept: Any) -> Case:
    tables = SMALL.frames(np.random.default_rng(0), age=False)
    told = cards_for(list(tables)) if cards is None else cards
    case = case_of_runs(tables, by=("accent",), cards=told, **kept)
    corpus = corpus_of(tables["twin-0"], loud=loud)
    opened = {
        run: Live(corpus=corpus, offers=frozenset({"losses"}), reasoner=partial(Linear, i))
        for i, run in enumerate(case.runs)
    }
    return replace(case, live=opened)


def found(case: Case) -> dict[str, Finding]:
    refusal = EXAMINATION.refuses(case)
    assert refusal is None, refusal
    return {claim.finding.id: claim.finding for claim in EXAMINATION.examine(case).claims}


def analytic(model: Linear, unit: Sequence[Utterance]) -> float:
    x = np.array([turn.intensity for turn in unit], dtype=float)
    y = np.array([list(LABELS).index(turn.label or "") for turn in unit])
    weight, bias = model.module.weight.detach().numpy()[:, 0], model.module.bias.detach().numpy()
    scores = np.exp(x[:, None] * weight + bias)
    residual = scores / scores.sum(axis=1, keepdims=True) - np.eye(len(LABELS))[y]
    return float(np.sqrt(((residual * x[:, None]).mean(axis=0) ** 2).sum() + (residual.mean(axis=0) ** 2).sum()))


def test_norms_equal_the_gradient_written_down_and_ignore_whoever_else_is_there() -> None:
    corpus = corpus_of(SMALL.frames(np.random.default_rng(0))["twin-0"])
    model, pieces = Linear(), pieces_of(corpus.utterances, max_turns=16)
    assert isinstance(model, Losses)
    told = gradients_of(model, pieces, clip_norm=0.5, seed=0)
    for unit, own in pieces.items():
        assert told[unit].norm == pytest.approx(analytic(model, own[0]), rel=1e-4)
        assert told[unit].clipped == float(told[unit].norm > 0.5)
    some = dict(list(pieces.items())[3:9])
    assert all(gradients_of(model, some, clip_norm=0.5, seed=0)[unit] == told[unit] for unit in some)


def test_a_patient_of_several_pieces_is_their_mean() -> None:
    corpus = corpus_of(SMALL.frames(np.random.default_rng(0))["twin-0"])
    model, pieces = Linear(), pieces_of(corpus.utterances, max_turns=2)
    assert {len(own) for own in pieces.values()} == {2}
    told = gradients_of(model, pieces, clip_norm=0.5, seed=0)
    for unit, own in pieces.items():
        norms = [analytic(model, row) for row in own]
        assert told[unit].norm == pytest.approx(np.mean(norms), rel=1e-4)
        assert told[unit].clipped == np.mean(np.array(norms) > 0.5)


def test_the_share_is_that_of_patients_by_hand() -> None:
    case = live_case(options={"clip_norm": 0.6})
    findings = found(case)
    corpus = case.live["twin-0"].corpus
    units = {t.unit: t for t in corpus.utterances}
    told = []
    for run in ("private-4-0", "private-4-1", "private-4-2"):
        model = case.live[run].reasoner()
        pieces = pieces_of(corpus.utterances, max_turns=16)
        told.append({unit: analytic(model, own[0]) for unit, own in pieces.items()})
    share = np.mean([np.mean([norm > 0.6 for norm in own.values()]) for own in told])
    here = "epsilon 4/as-supplied/gradient-clipping"
    assert findings[f"{here}/clipped_gradient_share"].estimate.value == pytest.approx(share)
    assert findings[f"{here}/clipped_gradient_share"].estimate.n_clusters == len(units)
    assert findings[f"{here}/gradient_norm"].estimate.value == pytest.approx(
        np.mean([list(own.values()) for own in told]), rel=1e-4
    )
    assert "twin/as-supplied/gradient-clipping/clipped_gradient_share" in findings


def test_a_group_with_larger_gradients_is_found_and_its_clean_twin_is_silent() -> None:
    here = "epsilon 8/as-supplied/gradient-clipping/clipped_gradient_share_difference/between accent"
    for loud, decided in ((6.0, True), (1.0, False)):
        gap = found(live_case(loud=loud, options={"clip_norm": 1.0}))[here]
        assert gap.test is not None
        assert (gap.test.p_value < 0.01) is decided
        if decided:
            assert gap.highest == "Welsh"


def test_patients_who_were_trained_on_are_left_out_and_counted() -> None:
    cards = cards_for(list(SMALL.frames(np.random.default_rng(0))))
    keys = unit_keys({"train": [f"s{i}" for i in range(5)]}, "sha256:1")
    cards["private-4-1"] = card(4.0, 1) | {"units": keys, "training_digest": "sha256:1"}
    finding = found(live_case(cards=cards))["epsilon 1/as-supplied/gradient-clipping/gradient_norm"]
    assert finding.estimate.n_clusters == 42 - 5
    assert any("5 patients are left out" in caveat for caveat in finding.caveats)


def test_a_loss_that_is_no_number_leaves_its_patient_out() -> None:
    case = live_case()
    live = dict(case.live)
    live["twin-1"] = replace(live["twin-1"], reasoner=partial(Linear, 1, broken=frozenset({"s3"})))
    finding = found(replace(case, live=live))["epsilon 1/as-supplied/gradient-clipping/gradient_norm"]
    assert finding.estimate.n_clusters == 41
    assert any("1 patients have no loss" in caveat for caveat in finding.caveats)


def test_more_patients_than_asked_for_are_drawn() -> None:
    finding = found(live_case(options={"most_units": 30}))["epsilon 1/as-supplied/gradient-clipping/gradient_norm"]
    assert finding.estimate.n_clusters == 30
    assert any("30 patients, drawn at random; 12 more" in caveat for caveat in finding.caveats)


def test_unlike_bounds_leave_the_twins_out() -> None:
    cards = cards_for(list(SMALL.frames(np.random.default_rng(0))))
    cards["private-1-0"] = card(1.0, 0, last_clip_norm=0.25)
    case = live_case(cards=cards)
    told = found(case)
    assert not any(name.startswith("twin") for name in told)
    assert "epsilon 1/as-supplied/gradient-clipping/clipped_gradient_share" in told
    (refusal,) = EXAMINATION.examine(case).refusals
    assert refusal.run == "twin"
    assert "clip_norm" in refusal.remedy


def test_what_cannot_be_asked_is_refused() -> None:
    case = live_case()
    closed = {run: replace(live, offers=frozenset({"gradients"})) for run, live in case.live.items()}
    refusal = EXAMINATION.refuses(replace(case, live=closed))
    assert refusal is not None
    assert "loss of each patient" in refusal.because
    (case.folder / "cards.json").write_text(json.dumps({"twin-0": card(None, 0)}))
    refusal = EXAMINATION.refuses(case)
    assert refusal is not None
    assert "no run is of a privately trained model" in refusal.because
    cards = cards_for(list(case.runs))
    cards["private-1-0"] = card(1.0, 0, clip_norm=None)
    refusal = EXAMINATION.refuses(live_case(cards=cards))
    assert refusal is not None
    assert "names no clipping bound" in refusal.because


def test_only_the_private_models_are_called_post_processing() -> None:
    told = found(live_case())
    twin = told["twin/as-supplied/gradient-clipping/gradient_norm"].caveats
    private = told["epsilon 4/as-supplied/gradient-clipping/gradient_norm"].caveats
    assert not any("post-processing" in caveat for caveat in twin)
    assert any("not private" in caveat for caveat in twin)
    assert any("post-processing" in caveat for caveat in private)
    assert any("no card says whom" in caveat for caveat in private)


def test_patients_whom_training_held_out_are_measured() -> None:
    cards = cards_for(list(SMALL.frames(np.random.default_rng(0))))
    keys = unit_keys({"train": ["s0"], "held_out": [f"s{i}" for i in range(1, 42)]}, "sha256:1")
    for told in cards.values():
        told.update(units=keys, training_digest="sha256:1")
    finding = found(live_case(cards=cards))["epsilon 1/as-supplied/gradient-clipping/gradient_norm"]
    assert finding.estimate.n_clusters == 41
    assert not any("no card says" in caveat for caveat in finding.caveats)


def test_no_more_patients_are_looked_up_than_are_measured() -> None:
    cards = cards_for(list(SMALL.frames(np.random.default_rng(0))))
    keys = unit_keys({"train": [f"s{i}" for i in range(30)]}, "sha256:1")
    cards["private-4-1"] = card(4.0, 1) | {"units": keys, "training_digest": "sha256:1"}
    finding = found(live_case(cards=cards, options={"most_units": 3}))[
        "epsilon 1/as-supplied/gradient-clipping/gradient_norm"
    ]
    assert finding.estimate.n_clusters == 3
    (met,) = [int(caveat.split()[0]) for caveat in finding.caveats if "are left out" in caveat]
    (others,) = [int(caveat.split("; ")[1].split()[0]) for caveat in finding.caveats if "more were not" in caveat]
    assert met < 30
    assert met + others + 3 == 42


def test_a_run_may_be_spoken_of_as_its_own_remedy_says() -> None:
    cards = cards_for(list(SMALL.frames(np.random.default_rng(0))))
    del cards["private-4-1"]["seed"]
    assert EXAMINATION.refuses(live_case(cards=cards)) is not None
    assert found(live_case(cards=cards, options={"runs": {"private-4-1": {"seed": 1}}}))


def test_pieces_are_those_of_the_private_training_for_twins_too() -> None:
    cards = cards_for(list(SMALL.frames(np.random.default_rng(0))))
    for told in cards.values():
        if "privacy" in told:
            told["privacy"] |= {"unit": "utterance", "max_turns": 1}
    case = live_case(cards=cards)
    findings = found(case)
    for arm, runs in (("twin", "twin"), ("epsilon 4", "private-4")):
        norms = []
        for run in (f"{runs}-{seed}" for seed in range(3)):
            model, corpus = case.live[run].reasoner(), case.live[run].corpus
            by_unit: dict[str, list[float]] = {}
            for turn in corpus.utterances:
                by_unit.setdefault(turn.unit, []).append(analytic(model, [turn]))
            norms += [np.mean(own) for own in by_unit.values()]
        value = findings[f"{arm}/as-supplied/gradient-clipping/gradient_norm"].estimate.value
        assert value == pytest.approx(np.mean(norms), rel=1e-4)


def test_features_of_the_utterance_and_weights_are_said_to_be_left_aside() -> None:
    tables = SMALL.frames(np.random.default_rng(0), age=False)
    for table in tables.values():
        table["noise"] = np.where(np.arange(len(table)) % 2 == 0, "loud", "quiet")
        table["weight"] = 2.0
    case = case_of_runs(tables, by=("accent", "noise"), readings={"features": {"noise": Feature(level="utterance")}})
    live = Live(corpus=corpus_of(tables["twin-0"]), offers=frozenset({"losses"}), reasoner=Linear)
    told = found(replace(case, live=dict.fromkeys(case.runs, live)))
    caveats = told["epsilon 1/as-supplied/gradient-clipping/gradient_norm"].caveats
    assert any("noise may differ within one" in caveat for caveat in caveats)
    assert any("weights are not used" in caveat for caveat in caveats)
    assert not any("noise=" in name for name in told)


@pytest.mark.slow
def test_a_patient_of_the_instructed_reasoner_has_the_gradient_that_it_has_among_others() -> None:
    from affidavit.plan import Execution
    from affidavit.registry import Door, load
    from affidavit.sources import load_corpus

    corpus = load_corpus("clinic", {"n_utterances": 60, "media": "none"})
    options = {
        "size": "tiny",
        "audio": False,
        "visual": False,
        "rationales": False,
        "instructed": False,
        "augmentation": {"modality_dropout": 0, "turn_dropout": 0},
    }
    reasoner = load(Door.REASONERS, "instructed").untrained(corpus, options, seed=0, execution=Execution(workers=0))
    assert isinstance(reasoner, Losses)
    pieces = dict(list(pieces_of(corpus.utterances, max_turns=64).items())[:3])
    told = gradients_of(reasoner, pieces, clip_norm=1.0, seed=0)
    parameters = [value for values in reasoner.parameter_groups().values() for value in values]
    reasoner.module.eval()
    together = reasoner.losses([own[0] for own in pieces.values()], rng=np.random.default_rng(0))
    for place, (unit, own) in enumerate(pieces.items()):
        found = torch.autograd.grad(together[place], parameters, retain_graph=True, allow_unused=True)
        norm = float(torch.cat([value.flatten() for value in found if value is not None]).norm())
        assert len(own) == 1
        assert told[unit].norm == pytest.approx(norm, rel=1e-3)
