"""Each baseline behind its door: it learns, is judged under every condition, and refuses what it cannot take."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from affidavit.conditions import modality_subsets
from affidavit.corpus import Corpus
from affidavit.errors import CheckpointError, PlanError
from affidavit.plan import Execution
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import silent
from affidavit.utterances import Utterance
from reasoners.baselines.door import BC_LSTM, DIALOGUE_RNN, EARLY_FUSION, BaselineDoor
from reasoners.baselines.judging import AHEAD
from reasoners.supervised import TRAINER

pytestmark = pytest.mark.usefixtures("no_shards")
DOORS: Final = (DIALOGUE_RNN, BC_LSTM, EARLY_FUSION)
CPU: Final = Execution(device="cpu", workers=0, threads=1)


def judged(door: BaselineDoor, folder: Path, corpus: Corpus | None, **options: Any) -> Predictions:
    reading = Reading(run="one", folder=folder, execution=CPU)
    chosen = {"checkpoint": "seed-0", **options}
    return door.judge(corpus, chosen, reading=reading, rng=np.random.default_rng(0), progress=silent)


def fitted(door: BaselineDoor, corpus: Corpus, folder: Path, *, trainer: Mapping[str, Any], **options: Any) -> None:
    reasoner = door.untrained(corpus, options, seed=0, execution=CPU)
    TRAINER.train(reasoner, corpus, trainer, folder=folder / "seed-0", rng=np.random.default_rng(0), progress=silent)


def kept(make_reasoner: Callable, door: BaselineDoor, folder: Path) -> Path:
    """An untrained model's checkpoint, whose card names nobody."""
    (folder / "seed-0").mkdir(parents=True)
    make_reasoner(door.name).save(folder / "seed-0", {"training_digest": "sha256:0"})
    return folder


def rows_of(predictions: Predictions) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = predictions.side_tables["judgements"].to_pylist()
    return rows


def told_before(as_corpus: Callable, n_patients: int) -> Corpus:
    """Patients whose words say nothing: the emotion stands in what the clinician said before them."""
    asked = {"anger": "You are shouting at us.", "joy": "What a smile today!", "sadness": "I see your tears."}
    turns = []
    for p in range(n_patients):
        label = sorted(asked)[p % 3]
        shared = {"unit_id": f"patient {p}", "dialogue_id": f"d{p}"}
        words = (asked[label], "Yes.", "So it is.")
        for t, text in enumerate(words):
            name = f"patient {p}" if t else "clinician"
            felt = label if t else None
            turns.append(Utterance(utterance_id=f"d{p}-{t}", speaker_id=name, turn=t, text=text, label=felt, **shared))
    corpus: Corpus = as_corpus(turns)
    return corpus


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_it_learns_what_only_the_dialogue_tells_and_judges_whom_it_never_met(
    door: BaselineDoor, as_corpus: Callable, tmp_path: Path
) -> None:
    corpus = told_before(as_corpus, 60)
    calm = {"degraded_share": 0, "turn_dropout": 0}
    options = {"audio": False, "visual": False, "words": "convolutions", "hidden": 32, "augmentation": calm}
    fitted(door, corpus, tmp_path, trainer={"epochs": 12, "held_out": 0.3, "learning_rate": 1e-2}, **options)
    predictions = judged(door, tmp_path, corpus, conditions=["T"])
    rows = rows_of(predictions)
    card = json.loads((tmp_path / "seed-0" / "card.json").read_text(encoding="utf-8"))
    assert card["n_units"]["held_out"] == len({row["unit_id"] for row in rows}) == 18
    assert sum(row["y_true"] == row["y_pred"] for row in rows) / len(rows) > 0.8, "a third by chance"
    assert (AHEAD in predictions.assumptions) is (door is BC_LSTM)
    (own,) = predictions.models
    assert own.source.startswith("trained by supervised on corpus tones (sha256:")
    assert own.digest == card["weights_digest"]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_seven_conditions_and_a_degraded_one(
    door: BaselineDoor, make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    corpus = make_corpus(3)
    folder = kept(make_reasoner, door, tmp_path)
    seven = [str(condition) for condition in modality_subsets()]
    predictions = judged(door, folder, corpus, conditions=[*seven, "TAV/noise=0dB"], utterances="all")
    rows = rows_of(predictions)
    n_labelled = sum(turn.label is not None for turn in corpus.utterances)
    assert Counter(row["condition"] for row in rows) == dict.fromkeys([*seven, "TAV/noise=0dB"], n_labelled)
    assert {row["reasoner"] for row in rows} == {f"{door.name}-tiny"}
    assert all(row["instruction"] is None for row in rows)
    for row in rows:
        assert sum(row[f"prob_{label}"] for label in corpus.label_space) == pytest.approx(1, abs=1e-4)
    of = {
        name: [row["prob_joy"] for row in rows if row["condition"] == name] for name in ("TAV", "TAV/noise=0dB", "TV")
    }
    assert of["TAV"] != of["TAV/noise=0dB"]
    reasoner = door.opened({"checkpoint": "seed-0"}, reading=Reading(run="one", folder=folder, execution=CPU))
    live = reasoner.judge_under(corpus.utterances, condition="TV")
    labelled = [a for a, turn in zip(live, corpus.utterances, strict=True) if turn.label is not None]
    assert of["TV"] == pytest.approx([answer.probabilities["joy"] for answer in labelled], abs=2e-5)


def test_what_a_model_does_not_take_in_is_counted_and_not_judged(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    (tmp_path / "seed-0").mkdir()
    make_reasoner("bc-lstm", changes={"audio": None, "visual": None}).save(
        tmp_path / "seed-0", {"training_digest": "sha256:0"}
    )
    predictions = judged(BC_LSTM, tmp_path, make_corpus(2), conditions=["T", "TA"])
    unjudged = predictions.side_tables["unjudged"].to_pylist()
    assert {item["because"] for item in unjudged} == {"the model takes in no audio"}
    assert predictions.conditions == ("T",)
    with pytest.raises(PlanError, match="cannot take in"):
        judged(BC_LSTM, tmp_path, make_corpus(2), conditions=["A"])


def test_what_it_cannot_do_is_refused(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path
) -> None:
    folder = kept(make_reasoner, EARLY_FUSION, tmp_path)
    with pytest.raises(PlanError, match="nothing to judge"):
        judged(EARLY_FUSION, folder, None)
    with pytest.raises(PlanError, match="resampled"):
        judged(EARLY_FUSION, folder, make_corpus(2), conditions=["TAV/resampled=V"])
    with pytest.raises(CheckpointError, match="bc-lstm"):
        judged(BC_LSTM, folder, make_corpus(2))
    with pytest.raises(PlanError, match="do not validate"):
        EARLY_FUSION.untrained(make_corpus(2), {"rationales": True}, seed=0, execution=CPU)
    nothing = {"text": False, "audio": False, "visual": False}
    with pytest.raises(PlanError, match="at least one of text"):
        EARLY_FUSION.untrained(make_corpus(2), nothing, seed=0, execution=CPU)


@pytest.mark.parametrize("name", ["card.json", "model.safetensors", "config.json"])
def test_a_checkpoint_that_was_changed_is_refused(
    make_reasoner: Callable, make_corpus: Callable[..., Corpus], tmp_path: Path, name: str
) -> None:
    folder = kept(make_reasoner, DIALOGUE_RNN, tmp_path)
    file = folder / "seed-0" / name
    file.write_bytes(file.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(CheckpointError) as caught:
        judged(DIALOGUE_RNN, folder, make_corpus(2))
    assert caught.value.slug == "checkpoint-invalid"


def test_options_and_pretrained_parts_name_a_training(make_corpus: Callable[..., Corpus], tmp_path: Path) -> None:
    corpus = make_corpus(2)
    (tmp_path / "weights").mkdir()
    placed = EARLY_FUSION.placed({"text_source": "weights", "hidden": 16}, tmp_path)
    assert placed == {"text_source": str((tmp_path / "weights").resolve()), "hidden": 16}
    first, again, other = (
        EARLY_FUSION.model_digest(corpus, {"hidden": hidden, "audio": False}) for hidden in (16, 16, 32)
    )
    assert first == again != other
