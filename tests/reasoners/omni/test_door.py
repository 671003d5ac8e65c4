"""Omni-modal models judge a corpus under all seven conditions, the same every time; their adapters train."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.conditions import modality_subsets
from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, PlanError
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import Ablatable, Differentiable, Learner, Trainable, silent
from affidavit.testing import AblatableContract, DifferentiableContract, TrainableContract
from affidavit.utterances import Judgement, Utterance
from reasoners.completions import REFUSALS
from reasoners.language.items import Item
from reasoners.language.reasoner import LanguageReasoner
from reasoners.language.rewriting import NO_OTHER_WORDS, NOTHING_ELSE
from reasoners.language.thoughts import NO_REASONING
from reasoners.omni.door import REASONER
from reasoners.omni.noise import Tiny
from reasoners.supervised import TRAINER

ALL = [str(condition) for condition in modality_subsets()]
ONE = Execution(device="cpu", workers=0, threads=1)
Saved = Callable[[Tiny], Path]


def judged(corpus: Corpus, options: Mapping[str, Any], *, run: str = "run", seed: int = 0) -> Predictions:
    return REASONER.judge(
        corpus,
        {"frame_size": 56, "n_frames": 2, "max_tokens": 6, **options},
        reading=Reading(run=run, execution=ONE),
        rng=np.random.default_rng(seed),
        progress=silent,
    )


def rows(predictions: Predictions) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = predictions.side_tables["judgements"].to_pylist()
    return found


def shares(row: Mapping[str, Any]) -> list[float]:
    return [row[f"prob_{label}"] for label in ("anger", "joy", "sadness")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qwen2_audio", "qwen2_5_omni", "qwen3_omni"])
def test_every_labelled_turn_is_judged_or_counted_under_every_condition(
    corpus: Corpus, saved: Saved, cache: Path, kind: Tiny
) -> None:
    options = {"path": str(saved(kind)), "reasoning": "none"}
    found = judged(corpus, options)
    unjudged = found.side_tables["unjudged"].to_pylist()
    keys = {(row["utterance_id"], row["condition"]) for row in (*rows(found), *unjudged)}
    labelled = [turn.utterance_id for turn in corpus.utterances if turn.label is not None]
    assert keys == {(name, condition) for name in labelled for condition in ALL}
    reasons = {row["because"] for row in unjudged}
    assert reasons == ({"the model takes in no video"} if kind == "qwen2_audio" else {"no video"})
    by_condition = {row["condition"]: shares(row) for row in rows(found) if row["utterance_id"] == "p0-0"}
    assert len({tuple(np.round(s, 9)) for s in by_condition.values()}) == len(by_condition), "each shows something else"
    (model,) = found.models
    assert (model.name, model.source, model.licence) == ("Tiny", "a folder", "apache-2.0")
    assert (model.digest or "").startswith("sha256:")
    assert rows(judged(corpus, options, run="again")) == rows(found)


def test_it_thinks_before_it_answers_and_what_is_kept_is_what_the_answer_rests_on(
    corpus: Corpus, saved: Saved, cache: Path
) -> None:
    options = {"path": str(saved("qwen2_5_omni")), "conditions": ["TAV", "TAV/early=0", "TAV/filler"]}
    said = {(row["utterance_id"], row["condition"]): row for row in rows(judged(corpus, options))}
    base, without, dots = (said["p0-0", name] for name in ("TAV", "TAV/early=0", "TAV/filler"))
    assert base["rationale"]
    assert without["rationale"] is None
    assert set(dots["rationale"]) <= {".", " "}
    assert shares(without) != pytest.approx(shares(base), abs=1e-6), "without its reasoning it answers otherwise"
    assert shares(dots) != pytest.approx(shares(base), abs=1e-6)


@pytest.mark.parametrize("rewriter", ["lexical", "self"])
def test_a_plan_names_who_writes_reasoning_anew_and_everybody_is_judged_or_counted(
    corpus: Corpus, saved: Saved, cache: Path, rewriter: str
) -> None:
    conditions = ["TA", "TA/mistake=0.5", "TA/paraphrase"]
    found = judged(corpus, {"path": str(saved("qwen2_audio")), "conditions": conditions, "rewriter": rewriter})
    unjudged = found.side_tables["unjudged"].to_pylist()
    labelled = [turn.utterance_id for turn in corpus.utterances if turn.label is not None]
    assert sorted((row["utterance_id"], row["condition"]) for row in (*rows(found), *unjudged)) == sorted(
        (name, condition) for name in labelled for condition in conditions
    )
    assert {row["because"] for row in unjudged} <= {NO_REASONING, NO_OTHER_WORDS, NOTHING_ELSE}
    assert any(line.startswith("mistake, paraphrase: written by") for line in found.assumptions)


def test_its_own_reasoning_put_in_its_place_gives_the_same_answer(corpus: Corpus, saved: Saved) -> None:
    turn = corpus.utterances[0]
    chosen = {"path": str(saved("qwen2_5_omni")), "frame_size": 56, "n_frames": 2, "max_tokens": 6}
    reasoner = REASONER.opened(chosen, reading=Reading(run="run", execution=ONE, label_space=corpus.label_space))
    own = Item(utterance_id="u", condition="TAV", given=reasoner.shown(turn))
    [first] = reasoner.answers([own])
    assert isinstance(first.said, Judgement)
    [again] = reasoner.answers([replace(own, thought=first.said.rationale)])
    assert isinstance(again.said, Judgement)
    assert again.said == first.said
    assert again.parsed is None, "nothing was written"


def test_an_interrupted_run_asks_nobody_twice_and_counts_the_same(
    corpus: Corpus, saved: Saved, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoners.language.judging._TOGETHER", 3)
    options = {"path": str(saved("qwen2_audio")), "conditions": ["T", "A"]}
    whole = judged(corpus, options, run="whole")
    asked: list[str] = []
    genuine = LanguageReasoner.answers

    def dies(self: LanguageReasoner, items: Any) -> Any:
        if len(asked) >= 6:
            raise KeyboardInterrupt
        asked.extend(item.utterance_id for item in items)
        return genuine(self, items)

    monkeypatch.setattr(LanguageReasoner, "answers", dies)
    with pytest.raises(KeyboardInterrupt):
        judged(corpus, options)
    before = set(asked)
    asked.clear()

    def lives(self: LanguageReasoner, items: Any) -> Any:
        asked.extend(item.utterance_id for item in items)
        return genuine(self, items)

    monkeypatch.setattr(LanguageReasoner, "answers", lives)
    resumed = judged(corpus, options)
    assert before
    assert not before & set(asked)
    assert rows(resumed) == rows(whole)
    assert resumed.assumptions == whole.assumptions


def test_a_subset_is_drawn_by_its_seed_and_said(corpus: Corpus, saved: Saved, cache: Path) -> None:
    options = {"path": str(saved("qwen2_audio")), "conditions": ["T"], "reasoning": "none", "subset": 3}
    found = judged(corpus, options)
    assert len(rows(found)) == 3
    assert "3 of 8 utterances were judged, drawn with seed 0" in found.assumptions


def test_written_answers_that_cannot_be_read_are_counted_not_dropped(corpus: Corpus, saved: Saved, cache: Path) -> None:
    """A model from noise seldom writes a label; what it writes is counted by reason."""
    options = {"path": str(saved("qwen2_audio")), "conditions": ["T", "TA"], "answer": "written", "reasoning": "none"}
    found = judged(corpus, options)
    unjudged = found.side_tables["unjudged"].to_pylist()
    assert len(rows(found)) + len(unjudged) == 16
    assert unjudged
    assert {row["because"] for row in unjudged} <= set(REFUSALS)
    assert any(line.startswith(f"{len(unjudged)} of 16 completions gave no label") for line in found.assumptions)


def test_a_declined_voice_is_never_opened(corpus: Corpus, saved: Saved, cache: Path, tmp_path: Path) -> None:
    gone = corpus.utterances[0]
    assert gone.audio is not None
    declined = replace(gone, consent={"audio": False}, audio=replace(gone.audio, path=tmp_path / "not-there.wav"))
    broken = replace(corpus.utterances[1], audio=replace(gone.audio, path=tmp_path / "not-there.wav"))
    changed = replace(corpus, utterances=(declined, broken, *corpus.utterances[2:]), digest="sha256:other")
    options = {"path": str(saved("qwen2_audio")), "conditions": ["A", "T"], "reasoning": "none"}
    unjudged = {row["utterance_id"]: row for row in judged(changed, options).side_tables["unjudged"].to_pylist()}
    assert unjudged["p0-0"]["because"] == "no consent to audio"
    assert "not-there.wav" in unjudged["p0-1"]["detail"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "neither path nor checkpoint"),
        ({"path": "/nowhere/at/all"}, "no such folder"),
        ({"path": "FOLDER", "instruction": "explian"}, "did you mean"),
        ({"path": "FOLDER", "conditions": ["T", "T/mistake=0.5"]}, "nobody who writes"),
        ({"path": "FOLDER", "conditions": ["T/early=0.5"]}, "not asked for"),
        ({"path": "FOLDER", "conditions": ["T", "T/early=0.5"], "reasoning": "none"}, "it writes no reasoning"),
        ({"path": "FOLDER", "conditions": ["T/nois=3"]}, "no operator"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    corpus: Corpus, saved: Saved, cache: Path, options: dict[str, Any], found: str
) -> None:
    filled = {k: str(saved("qwen2_audio")) if v == "FOLDER" else v for k, v in options.items()}
    with pytest.raises(PlanError, match=found):
        judged(corpus, filled)


def test_a_folder_of_another_kind_is_refused(corpus: Corpus, saved: Saved, cache: Path) -> None:
    with pytest.raises(PlanError, match="no omni-modal model"):
        judged(corpus, {"path": str(saved("llama"))})


def untrained(corpus: Corpus, folder: Path, **options: Any) -> Any:
    chosen = {"path": str(folder), "frame_size": 56, "n_frames": 2, "lora": {"rank": 2, "alpha": 8}, **options}
    return REASONER.untrained(corpus, chosen, seed=1, execution=ONE)


def test_adapters_train_judge_from_their_checkpoint_and_refuse_other_weights(
    corpus: Corpus, saved: Saved, cache: Path, tmp_path: Path
) -> None:
    folder = saved("qwen2_5_omni")
    assert isinstance(REASONER, Learner)
    reasoner = untrained(corpus, folder)
    assert isinstance(reasoner, Trainable)
    assert isinstance(reasoner, Differentiable)
    assert isinstance(reasoner, Ablatable)
    frozen = {n: v.detach().clone() for n, v in reasoner.module.named_parameters() if not v.requires_grad}
    before = reasoner.logits(corpus.utterances[:2]).detach()
    trained = TRAINER.train(
        reasoner,
        corpus,
        {"epochs": 2, "held_out": 0.25, "development": 0.25, "learning_rate": 0.05, "patience": 2, "keep": "last"},
        folder=tmp_path / "trained",
        rng=np.random.default_rng(0),
        progress=silent,
    )
    assert all(bool((v == frozen[n]).all()) for n, v in trained.module.named_parameters() if n in frozen)
    after = trained.logits(corpus.utterances[:2]).detach()
    assert float((after - before).abs().max()) > 1e-3
    card = json.loads((tmp_path / "trained" / "card.json").read_text())
    assert card["model_card"]["licence"] == "apache-2.0"
    options = {"checkpoint": str(tmp_path / "trained"), "conditions": ["TA"], "reasoning": "none"}
    found = judged(corpus, {**options, "utterances": "all"})
    assert {row["utterance_id"] for row in rows(found)} == {t.utterance_id for t in corpus.utterances if t.label}
    held_out = judged(corpus, options)
    assert 0 < len(rows(held_out)) < len(rows(found))
    assert any("trained on" in line for line in held_out.assumptions)
    (tmp_path / "trained" / "adapters.safetensors").write_bytes(b"other")
    with pytest.raises(CheckpointError, match="no checkpoint of adapters"):
        judged(corpus, {**options, "utterances": "all"}, run="changed")


class TestAdapters(TrainableContract, DifferentiableContract, AblatableContract):
    """The public contracts, with sound and pictures."""

    @pytest.fixture(autouse=True)
    def _given(self, corpus: Corpus, saved: Saved, cache: Path) -> None:
        self.corpus, self.folder = corpus, saved("qwen2_5_omni")

    def make_reasoner(self) -> Any:
        reasoner = untrained(self.corpus, self.folder, max_tokens=4)
        rng = np.random.default_rng(0)
        for value in reasoner.parameter_groups()["new"]:  # adapters begin as nothing: give them something to say
            value.data += 0.3 * value.new_tensor(rng.standard_normal(tuple(value.shape)))
        return reasoner

    def make_units(self) -> list[tuple[Utterance, ...]]:
        turns = [turn for turn in self.corpus.utterances if turn.label is not None and turn.video is not None]
        return [tuple(turn for turn in turns if turn.unit == f"p{p}") for p in range(3)]


@pytest.mark.parametrize("way", ["hooks", "functorch", "ghost"])
def test_private_training_sees_one_row_a_patient(corpus: Corpus, saved: Saved, way: Any) -> None:
    """Each way gives the gradients that one patient after the other gives."""
    pytest.importorskip("opacus")
    from privacy.dpsgd.gradients import unit_gradients

    reasoner = TestAdapters.make_reasoner(_Holder(corpus, saved("qwen2_5_omni")))  # type: ignore[arg-type]
    units = TestAdapters.make_units(_Holder(corpus, saved("qwen2_5_omni")))  # type: ignore[arg-type]
    reasoner.prepare([turn for unit in units for turn in unit])
    reasoner.module.train()
    loop = unit_gradients("loop", reasoner).clipped(units, clip_norm=0.5, rng=np.random.default_rng(0))
    fast = unit_gradients(way, reasoner)
    try:
        found = fast.clipped(units, clip_norm=0.5, rng=np.random.default_rng(0))
    finally:
        fast.close()
    assert found.norms.tolist() == pytest.approx(loop.norms.tolist(), rel=1e-3)
    for one, other in zip(found.sums, loop.sums, strict=True):
        assert float((one - other).abs().max()) < 1e-4


class _Holder:
    def __init__(self, corpus: Corpus, folder: Path) -> None:
        self.corpus, self.folder = corpus, folder
