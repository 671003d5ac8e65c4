"""Every built-in examination passes the public contract suite, on a table that it can answer."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from affidavit.attributable import Features
from affidavit.attributions import JudgementKey, Span
from affidavit.case import Case, EvidenceBook, TrainedOn
from affidavit.corpus import Corpus
from affidavit.live import Live
from affidavit.measured_cues import MeasuredCue, measurement_table
from affidavit.plan import Task
from affidavit.predictions import Reading, predictions_from
from affidavit.protocols import Examination
from affidavit.registry import Door, load, names
from affidavit.tables import from_frame
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from affidavit.utterances import Judgement, Utterance

LABELS: Final = ("anger", "joy", "sadness")
BY: Final = ("accent", "age")
MODALITIES: Final = ("T", "A", "V", "TA", "TV", "AV", "TAV")
CONDITIONS: Final = {
    "modality-disparity": MODALITIES,
    "citation": MODALITIES,
    "robustness": ("TAV", "TAV/noise=10dB"),
    "rationale-corruption": ("TAV", "TAV/early=0", "TAV/early=0.5", "TAV/filler", "TAV/paraphrase"),
    "evidence-erasure": ("TAV", "TAV/without-rationale=20%", "TAV/without-random=20%", "TAV/only-rationale=20%"),
    "insertions": ("TAV", "TAV/insert=tired", "TAV/insert=calm"),
    "hints": ("TAV", "TAV/hint=joy", "TAV/hint=anger"),
    "stability": ("TAV", "TAV/history=0", "TAV/instruction-paraphrase"),
    "modality-information": MODALITIES,
    "minimisation": MODALITIES,
    "causal-concepts": ("TAV", "TAV/voice-accent=irish", "TAV/voice-sex=female", "TAV/transcript=neutral"),
    "modality-reliance": (*MODALITIES, "TAV/resampled=V", "TAV/permuted=A", "TAV/additive"),
}


def small(conditions: tuple[str, ...] = ("TAV", "A")) -> pd.DataFrame:
    return predictions_frame(n_speakers=24, per_speaker=8, conditions=conditions)


def judged(conditions: tuple[str, ...]) -> pd.DataFrame:
    """Return judgements with probabilities that favour the prediction, and the shares of six annotators."""
    frame = small(conditions)
    rng = np.random.default_rng(1)
    likely = np.array([frame["y_pred"] == label for label in LABELS]).T
    weights = rng.random(likely.shape) + 2.0 * likely
    shares = weights / weights.sum(axis=1, keepdims=True)
    votes = np.array([rng.multinomial(6, row) for row in shares]) / 6
    return frame.assign(
        **{f"prob_{label}": shares[:, k] for k, label in enumerate(LABELS)},
        **{f"soft_{label}": votes[:, k] for k, label in enumerate(LABELS)},
    )


def unlabelled(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame.drop(columns=["y_true", "y_pred", "rationale"]))


def heard() -> Case:
    """Return a case of transcripts: words and word errors."""
    frame = small(("A",))
    wrong = (frame["y_true"] != frame["y_pred"]).astype(int)
    return case_of(
        unlabelled(frame.assign(words=10, word_errors=wrong)),
        reading=Reading(run="run", by=BY, task=Task.TRANSCRIPTION),
    )


def felt() -> Case:
    """Return a case of one dimension between 0 and 1."""
    frame = small()
    rng = np.random.default_rng(2)
    truth = rng.random(len(frame))
    told = truth + rng.normal(0.0, 0.1, len(frame))
    # One truth per utterance, whatever the condition.
    truth = pd.Series(truth).groupby(frame["utterance_id"]).transform("first")
    return case_of(
        unlabelled(frame.assign(true_valence=truth, pred_valence=told)),
        reading=Reading(run="run", by=BY, task=Task.REGRESSION),
    )


def several_at_once() -> Case:
    """Return a case of sets of labels."""
    frame = small()
    columns = {
        f"{kind}_{label}": (frame[f"y_{kind}"] == label).astype(int) for label in LABELS for kind in ("true", "pred")
    }
    return case_of(unlabelled(frame.assign(**columns)), reading=Reading(run="run", by=BY, task=Task.MULTILABEL))


def in_order() -> Case:
    """Return a case of labels in an order."""
    return case_of(small(), reading=Reading(run="run", by=BY, task=Task.ORDINAL, label_space=LABELS))


def two_runs() -> Case:
    """Return a case of two runs on the same utterances, of which the second is right more often."""
    before = small()
    better = np.random.default_rng(3).random(len(before)) < 0.3
    after = before.assign(y_pred=before["y_pred"].where(~better, before["y_true"]))
    runs = {
        name: predictions_from(from_frame(frame), Reading(run=name, by=BY))
        for name, frame in (("before", before), ("after", after))
    }
    case = case_of(before)
    book = EvidenceBook(runs=runs, by=BY, statistics=case.statistics, seed=0)
    return replace(case, runs=runs, book=book)


def over_seeds() -> Case:
    """Return a case of a table whose one row is a model of two seeds."""
    case = two_runs()
    return replace(case, options={"tables": {"models": {"rows": {"one": list(case.runs)}}}})


def voted() -> Case:
    """Return a case of soft labels of six annotators."""
    return case_of(judged(("TAV", "A")), options={"annotators": 6})


def explained() -> Case:
    """Return a case of rationales beside what people wrote of the same utterances."""
    frame = small()
    known = [f"the voice is quiet and the brows furrow, so it is {label}" for label in frame["y_true"]]
    return case_of(frame.assign(reference_rationale=known))


def reviewed() -> Case:
    """Return a case whose rationales four people reviewed."""
    from tests.faithfulness.human_review.conftest import Review, fair, own_words

    folder = Path(tempfile.mkdtemp())
    frame = own_words(predictions_frame(per_speaker=4))
    return Review(folder=folder, frame=frame, opinion=fair).written().case(automatic="clarity")


def pointed() -> Case:
    """Return a case whose rationales quote words that the corpus marks."""
    from tests.faithfulness.plausibility.conftest import case, corpus

    return case(corpus(24))


class Wordy:
    """A live model of words, as small as it can be: a word counts for a label by its length; made for contracts."""

    def __init__(self) -> None:
        from torch import nn

        self.net = nn.Linear(1, len(LABELS))
        nn.init.ones_(self.net.weight)

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        return [Judgement(label=LABELS[len(turn.text or "") % len(LABELS)]) for turn in utterances]

    def attributable(
        self, utterances: Sequence[Utterance], *, utterance_id: str, condition: str, rationale: str | None
    ) -> WordyTurn:
        (turn,) = [turn for turn in utterances if turn.utterance_id == utterance_id]
        key = JudgementKey(utterance_id=utterance_id, reasoner="wordy", condition=condition)
        return WordyTurn(key=key, text=turn.text or "", tokens=tuple((rationale or "").split()), net=self.net)


@dataclass(frozen=True, kw_only=True, eq=False)
class WordyTurn:
    """Its words are shown to every label and to every token of the rationale."""

    key: JudgementKey
    text: str
    tokens: tuple[str, ...]
    net: Any
    labels: tuple[str, ...] = LABELS
    modalities: tuple[str, ...] = ("text",)
    embedded: None = None
    layers: tuple[str, ...] = ("weight",)

    @property
    def module(self) -> Any:
        return self.net

    @property
    def features(self) -> tuple[Features, ...]:
        import torch

        places = [(found.start(), found.end()) for found in re.finditer(r"\S+", self.text)]
        values = torch.tensor([[float(end - start) for start, end in places]])
        spans = tuple(
            Span(modality="text", name=self.text[start:end], start_char=start, end_char=end) for start, end in places
        )
        return (
            Features(
                name="words",
                modality="text",
                values=values,
                baseline=torch.zeros_like(values),
                groups=torch.arange(len(places))[None],
                spans=spans,
                window=(1,),
            ),
        )

    def anew(self) -> WordyTurn:
        return self

    def encoded(self, modality: str, inputs: Mapping[str, Any]) -> Any:
        return inputs["words"]

    def concluded(self, states: Mapping[str, Any], *, rationale: bool) -> Any:
        import torch

        words = states.get("text", self.features[0].values)
        weights = torch.arange(1, words.shape[1] + 1) * torch.arange(1, len(LABELS) + 1)[:, None]
        labels = words @ weights.float().sin().T * self.net.weight[:, 0]
        told = (
            torch.stack([words @ weights[0].float().cos() * len(token) for token in self.tokens], 1)
            if self.tokens
            else None
        )
        return labels if told is None or not rationale else torch.cat([labels, told], dim=1)

    def under(self, shown: Sequence[frozenset[str]], *, rationale: bool) -> Any:
        import torch

        rows = [self.features[0].values * float("text" in some) for some in shown]
        return self.concluded({"text": torch.cat(rows)}, rationale=rationale)


def live() -> Case:
    """Return a case whose model can be attributed and trained again."""
    frame = predictions_frame(n_speakers=6, per_speaker=2, conditions=("T",))
    utterances = [
        Utterance(
            utterance_id=str(row.utterance_id),
            text=f"so {row.y_pred} is what {row.utterance_id} tells",
            label=str(row.y_true),
        )
        for row in frame.itertuples()
    ]
    corpus = Corpus(name="words", utterances=utterances, digest="sha256:0", licence="made by a test")
    opened = Live(corpus=corpus, offers=frozenset({"gradients"}), reasoner=cache(Wordy))
    again = TrainedOn(training="words", load=lambda: corpus, same=True, again=lambda corpus: Wordy())
    case = case_of(frame, options={"most_utterances": 6})
    return replace(case, live={"run": opened}, trained_on={"run": again})


def retrained() -> Case:
    case = live()
    return replace(case, options={**case.options, "retrain": True, "fractions": [0.3]})


LIVE: Final = {"attributions": live, "attribution-sanity": live, "roar": retrained}


def grounded() -> Case:
    """Return a case of rationales that cite a face, and a corpus in which faces were measured."""
    frame = small()
    names = sorted(set(frame["utterance_id"]))
    cues = [
        MeasuredCue(utterance_id=name, aspect="face", cue="AU15", value=float(i % 2), unit="present")
        for i, name in enumerate(names)
    ]
    corpus = Corpus(
        name="measured",
        utterances=[Utterance(utterance_id=name) for name in names],
        digest="sha256:0",
        licence="none",
        measurements=measurement_table(cues),
    )
    told = frame.assign(rationale=frame["rationale"] + ", and AU15 is there")
    return replace(case_of(told), live={"run": Live(corpus=corpus, reasoner=lambda: None)})


def weighted() -> Case:
    """Return a case of a reasoner that says how much weight it gave to each modality."""
    frame = judged(MODALITIES)
    shares = np.random.default_rng(4).dirichlet((1.0, 1.0, 1.0), len(frame))
    names = ("weight_text", "weight_audio", "weight_video")
    return case_of(frame.assign(**{name: shares[:, i] for i, name in enumerate(names)}))


def ledgered() -> Case:
    """Return a case of a run with a privacy ledger of ten steps."""
    from tests.privacy.ledger.test_examination import written

    folder = Path(tempfile.mkdtemp())
    return replace(case_of(small(), options={"ledger": written(folder / "ledger.jsonl").name}), folder=folder)


def with_canaries() -> Case:
    """Return a case whose training was audited with canaries."""
    rng, folder, n = np.random.default_rng(6), Path(tempfile.mkdtemp()), 300
    included = rng.random(n) < 0.5
    frame = pd.DataFrame(
        {
            "canary": [f"c{i}" for i in range(n)],
            "included": included,
            "score": 1.5 * included + rng.normal(0.0, 1.0, n),
            "group_accent": [("Irish", "Scottish", "Welsh")[i % 3] for i in range(n)],
        }
    )
    frame.to_csv(folder / "canaries.csv", index=False)
    promised = {"epsilon": 1.0, "delta": 1e-5}
    options = {"guesses": "canaries.csv", "k_plus": 60, "k_minus": 60, "promised": promised}
    return replace(case_of(small(), options=options), folder=folder)


def attacked() -> Case:
    """Return a case of losses of a model that remembers, by the accents of the table."""
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(120), 2)
    member = unit < 60
    losses = pd.DataFrame(
        {
            "unit_id": [f"p{u}" for u in unit],
            "member": member.astype(int),
            "confidence": rng.normal(size=len(unit)) + 2.0 * member,
            "group_accent": np.array(["Irish", "Scottish", "Welsh"])[unit % 3],
            "group_age": np.array(["18-39", "40+"])[unit // 3 % 2],
        }
    )
    folder = Path(tempfile.mkdtemp())
    losses.to_csv(folder / "losses.csv", index=False)
    return replace(case_of(small(), options={"losses": "losses.csv"}), folder=folder)


def inverted() -> Case:
    """Return a case whose live reasoner gives gradients of a voice and a face, two turns and more of each unit."""
    from tests.privacy.inversion.conftest import live_case

    return live_case(n_units=6, steps=3, batch_sizes=[1, 4])


def consenting() -> Case:
    """Return a case of a corpus in which somebody opted out of their face being seen."""
    frame = small()
    turns = frame.drop_duplicates("utterance_id")
    utterances = [
        Utterance(
            utterance_id=str(row.utterance_id),
            speaker_id=str(row.speaker_id),
            consent={"text": True, "audio": True, "video": row.speaker_id != "s3"},
        )
        for row in turns.itertuples()
    ]
    corpus = Corpus(name="asked", utterances=utterances, digest="sha256:0", licence="none")
    return replace(case_of(frame), live={"run": Live(corpus=corpus, reasoner=lambda: None)})


def private_twins() -> Case:
    """Return a case of models trained with and without privacy that judged the same utterances."""
    from tests.privacy.price.conftest import World, case_of_runs

    world = World(units={"Irish": 12, "Scottish": 12, "Welsh": 8}, per_unit=6)
    return case_of_runs(world.frames(np.random.default_rng(0)))


def seen_from_inside() -> Case:
    """Return a case of a model that opens with its losses, and the card of its private training."""
    from tests.privacy.canaries.trainings import live_case

    return live_case()


def with_losses() -> Case:
    """Return the same with live models that tell their losses."""
    from tests.privacy.price.test_clipping import live_case

    return live_case()


def recorded() -> Case:
    """Return a case with the server's record of a federated training."""
    from tests.federated.record.logs import server_log, written

    record = written(Path(tempfile.mkdtemp()), server_log(4))
    return case_of(small(), options={"record": str(record)})


CASES: Final[Mapping[str, Any]] = {
    "annotators": voted,
    "word-errors": heard,
    "regression": felt,
    "multilabel": several_at_once,
    "ordinal": in_order,
    "model-comparison": two_runs,
    "seed-tables": over_seeds,
    "modality-weights": weighted,
    "cue-grounding": grounded,
    **LIVE,
    "human-review": reviewed,
    "evidence-plausibility": pointed,
    "clue-overlap": explained,
    "privacy-ledger": ledgered,
    "membership": attacked,
    "one-run-audit": with_canaries,
    "gradient-inversion": inverted,
    "consent": consenting,
    "price-of-privacy": private_twins,
    "gradient-canaries": seen_from_inside,
    "gradient-clipping": with_losses,
    "federated-run": recorded,
}


def contract_of(name: str) -> type[ExaminationContract]:
    """Return the contract suite for one examination."""

    class Contract(ExaminationContract):
        examination = load(Door.EXAMINATIONS, name)

        def make_case(self) -> Case:
            make = CASES.get(name)
            return make() if make else case_of(judged(CONDITIONS.get(name, ("TAV", "A"))))

    return Contract


CHECKS: Final = tuple(sorted(check for check in dir(ExaminationContract) if check.startswith("test_")))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", names(Door.EXAMINATIONS))
def test_it_keeps_the_contract(name: str, check: str) -> None:
    examination = load(Door.EXAMINATIONS, name)
    assert isinstance(examination, Examination)
    getattr(contract_of(name)(), check)()
