"""A model that the plan trained is asked about whom it saw: by its card, and through a whole plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook, TrainedOn
from affidavit.corpus import Corpus
from affidavit.errors import PlanError
from affidavit.live import Live
from affidavit.plan import AuditPlan
from affidavit.run import run_plan
from affidavit.testing import case_of, findings_of, predictions_frame, value_of
from affidavit.unit_keys import unit_key
from affidavit.utterances import Judgement, Utterance
from privacy.attacks.asking import Shadow, asked_losses
from privacy.attacks.examination import EXAMINATION
from privacy.attacks.live import membership
from privacy.attacks.measures import AUROC, SHIFT

DIGEST = "sha256:7"
UNITS = [f"p{i}" for i in range(70)]
PARTS = {"train": UNITS[:30], "development": UNITS[30:40], "held_out": UNITS[40:]}
TURNS = tuple(
    Utterance(utterance_id=f"{unit}-{i}", unit_id=unit, text="so so", label=("joy", "anger")[i % 2])
    for unit in UNITS
    for i in range(2)
)


def card(parts: Mapping[str, Sequence[str]] = PARTS, *, kind: str = "units") -> dict[str, Any]:
    return {
        "training_digest": DIGEST,
        kind: {part: [unit_key(name, DIGEST) for name in names] for part, names in parts.items()},
    }


class Pupil:
    """Surer of those whom it was taught with."""

    def __init__(self, remembers: float) -> None:
        self.remembers, self.asked = remembers, 0

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        self.asked += 1
        rng = np.random.default_rng(0)
        known = np.array([self.remembers * (turn.unit in PARTS["train"]) for turn in utterances])
        shares = 1 / (1 + np.exp(-known - rng.normal(0, 1, len(utterances))))
        return [
            Judgement(label="joy", probabilities={str(turn.label): float(p)})
            for turn, p in zip(utterances, shares, strict=True)
        ]


def asked(pupil: Pupil, *, of: Mapping[str, Any], turns: Sequence[Utterance] = TURNS, **options: Any) -> Case:
    corpus = Corpus(name="turns", utterances=tuple(turns), digest="sha256:0", licence="none")
    case = case_of(predictions_frame(n_speakers=24, per_speaker=2), by=("accent",), options={"ask": True, **options})
    live = Live(corpus=corpus, offers=frozenset({"callable"}), reasoner=lambda: pupil)
    trained = TrainedOn(training="m", load=lambda: corpus, card=of, same=True)
    return replace(case, live={"run": live}, trained_on={"run": trained})


def test_a_card_says_who_was_trained_on_who_was_held_out_and_nothing_of_the_rest() -> None:
    assert [membership(card(), name) for name in ("p0", "p35", "p69")] == [True, None, False]
    met = card({part: names for part, names in PARTS.items() if part != "held_out"})
    assert [membership(met, name) for name in ("p0", "p35", "p69")] == [True, None, False]
    assert membership({}, "p0") is None
    assert membership({"training_digest": DIGEST, "units": {"train": []}}, "p0") is None
    assert membership({**card(), "training_digest": None}, "p0") is None
    assert membership({"training_digest": DIGEST, "units": ["odd"]}, "p0") is None
    # held out with one dialogue, and trained on with another
    both = card({"train": ["d1"]}) | card({"train": ["p1"], "development": ["p3"], "held_out": ["p1"]}, kind="speakers")
    assert [membership(both, name) for name in ("p1", "p2", "p3")] == [True, False, None]
    voices = card({"train": ["p1"]}) | card({"train": ["clinician"]}, kind="voices")
    assert membership(voices, "clinician") is True


def test_memory_of_a_live_model_is_found_and_its_clean_twin_is_silent() -> None:
    for remembers, found in ((3.0, True), (0.0, False)):
        pupil = Pupil(remembers)
        case = asked(pupil, of=card())
        assert EXAMINATION.refuses(case) is None
        assert pupil.asked == 0  # who is only asked whether they could answer does not ask the model
        told = findings_of(EXAMINATION, case)
        assert pupil.asked == 1
        attack = told[AUROC, "everybody"]
        assert attack.estimate.interval is not None
        assert (attack.estimate.interval.low > 0.5) == found
        assert attack.estimate.n_clusters == 60  # who told it when to stop is neither
        assert any("asked about the corpus of training m" in caveat for caveat in attack.caveats)
        assert (SHIFT, "everybody") not in told or value_of(told, SHIFT) < 0.6


def test_what_cannot_be_asked_is_refused_with_the_remedy() -> None:
    case = asked(Pupil(1.0), of=card())
    for without in (replace(case, live={}), replace(case, trained_on={})):
        refusal = EXAMINATION.refuses(without)
        assert refusal is not None
        assert "option losses" in refusal.remedy
    for of in ({}, {"training_digest": DIGEST, "units": "odd"}):
        refusal = EXAMINATION.refuses(asked(Pupil(1.0), of=of))
        assert refusal is not None
        assert "the card of training m does not say whom" in refusal.because
    assert EXAMINATION.refuses(asked(Pupil(1.0), of=card(), ask=False)) is not None
    with pytest.raises(PlanError):
        EXAMINATION.refuses(asked(Pupil(1.0), of=card(), ask="of course"))


def test_a_corpus_without_labels_or_without_those_people_is_a_refusal_of_the_run() -> None:
    for turns in ([replace(turn, label=None) for turn in TURNS], TURNS[:20], ()):
        testimony = EXAMINATION.examine(asked(Pupil(1.0), of=card(), turns=turns))
        assert not testimony.claims
        assert [refusal.run for refusal in testimony.refusals] == ["run"]


def test_a_model_that_offers_no_attack_but_the_loss_is_not_asked_for_another() -> None:
    testimony = EXAMINATION.examine(asked(Pupil(1.0), of=card(), attack="rmia"))
    assert "does not allow RMIA" in testimony.refusals[0].because


HALVES = ((0, 2, 4), (1, 3, 5), (0, 1, 2), (3, 4, 5))
"""Of six parts of the people, those whom each of four shadows was taught with."""


class Student:
    """Surer of whom it was taught with; some turns are easy for everybody."""

    def __init__(self, taught: frozenset[str], *, remembers: float, seed: int) -> None:
        self.taught, self.remembers, self.seed, self.asked = taught, remembers, seed, 0

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> list[Judgement]:
        self.asked += 1
        ease = np.random.default_rng(99).normal(0, 4, len(utterances))
        own = np.random.default_rng(self.seed).normal(0, 0.7, len(utterances))
        known = np.array([self.remembers * (turn.unit in self.taught) for turn in utterances])
        shares = 1 / (1 + np.exp(-(ease + own + known)))
        return [
            Judgement(label="joy", probabilities={str(turn.label): float(p)})
            for turn, p in zip(utterances, shares, strict=True)
        ]


def ring(remembers: float, *, cards: Mapping[str, Any] | None = None, **options: Any) -> tuple[Case, list[Student]]:
    """Return a case of one model and four shadows on the same turns, and the shadows."""
    corpus = Corpus(name="turns", utterances=TURNS, digest="sha256:0", licence="none")
    taught = {"run": PARTS["train"]}
    taught |= {f"s{k}": [u for i, u in enumerate(UNITS) if i % 6 in half] for k, half in enumerate(HALVES)}
    students = {
        name: Student(frozenset(names), remembers=remembers, seed=k) for k, (name, names) in enumerate(taught.items())
    }
    known = {name: card({"train": names}) for name, names in taught.items()} | {"run": card()} | dict(cards or {})
    case = asked(Pupil(0.0), of=card())
    runs = {name: replace(case.runs["run"], run=name) for name in taught}
    named = {"ask": True, "shadows": ["s0", "s1", "s2", "s3"], **options}
    return (
        replace(
            case,
            runs=runs,
            book=EvidenceBook(runs=runs, by=case.by, statistics=case.statistics, seed=0),
            options=named,
            live={
                name: Live(corpus=corpus, offers=frozenset({"callable"}), reasoner=lambda who=student: who)  # type: ignore[misc]
                for name, student in students.items()
            },
            trained_on={
                name: TrainedOn(training=name, load=lambda: corpus, card=known[name], same=True) for name in taught
            },
        ),
        [student for name, student in students.items() if name != "run"],
    )


def test_shadows_of_the_plan_find_what_the_loss_alone_does_not_and_a_clean_twin_is_silent() -> None:
    for remembers, found in ((3.0, True), (0.0, False)):
        case, students = ring(remembers)
        assert EXAMINATION.refuses(case) is None
        told = findings_of(EXAMINATION, case)
        attack = told[AUROC, "everybody"]
        assert {finding.run for finding in told.values()} == {"run"}  # a shadow is asked, and not attacked
        assert [student.asked for student in students] == [1, 1, 1, 1]
        assert attack.estimate.interval is not None
        assert (attack.estimate.interval.low > 0.5) == found
        assert any("RMIA" in caveat for caveat in attack.caveats)
        assert any("shadows are the models of s0, s1, s2, s3" in caveat for caveat in attack.caveats)
        if found:
            rows = next(t for t in EXAMINATION.examine(case).exhibits if t.id == "membership-attacks").values
            named = zip(rows["attack"], rows["metric"], rows["value"], strict=True)
            areas = {str(attack): float(str(value)) for attack, metric, value in named if metric == AUROC}
            assert areas["RMIA"] > areas["loss threshold"] + 0.1


def test_asking_shadows_is_the_same_as_a_table_that_somebody_wrote(tmp_path: Path) -> None:
    """The slow twin: the table of losses written by hand, turn by turn."""
    case, _ = ring(2.0)
    kept = [i for i, turn in enumerate(TURNS) if turn.unit not in PARTS["development"]]
    students = {name: live.reasoner() for name, live in case.live.items()}
    losses = {
        name: [
            -np.log(judgement.probabilities[str(turn.label)])
            for turn, judgement in zip(TURNS, student.judge_under(TURNS, condition="TAV"), strict=True)
        ]
        for name, student in students.items()
    }
    frame = pd.DataFrame(
        {
            "unit_id": [TURNS[i].unit for i in kept],
            "member": [int(TURNS[i].unit in PARTS["train"]) for i in kept],
            "loss": [losses["run"][i] for i in kept],
            "y_true": [TURNS[i].label for i in kept],
            "feature_words": 2.0,
            **{f"shadow_{k}": [losses[f"s{k}"][i] for i in kept] for k in range(4)},
            **{f"shadow_{k}_member": [int(TURNS[i].unit in students[f"s{k}"].taught) for i in kept] for k in range(4)},
        }
    )
    frame.to_csv(tmp_path / "losses.csv", index=False)
    alone = {"run": case.runs["run"]}
    written = replace(case, runs=alone, folder=tmp_path, options={"losses": "losses.csv"})
    pair = [value_of(findings_of(EXAMINATION, one), AUROC) for one in (case, written)]
    assert pair[0] == pytest.approx(pair[1], abs=1e-9)


def test_whom_a_shadow_was_stopped_by_it_tells_nothing_of() -> None:
    stopped = card({"train": UNITS[:20], "development": UNITS[20:45], "held_out": UNITS[45:]})
    table = asked_losses(
        Pupil(0.0),
        TURNS,
        member=lambda unit: membership(card(), unit),
        condition="TAV",
        shadows=[Shadow(losses=[0.5] * len(TURNS), member=lambda unit: membership(stopped, unit))],
    ).to_pydict()
    saw = dict(zip(table["unit_id"], table["shadow_000_member"], strict=True))
    assert (saw["p0"], saw["p25"], saw["p69"]) == (1, None, 0)
    assert "p35" not in saw  # told the model itself when to stop


def test_shadows_that_cannot_serve_are_refused_with_the_remedy() -> None:
    case, _ = ring(1.0, cards={"s2": card()})
    (refusal,) = EXAMINATION.examine(case).refusals
    assert "its shadow s2 was trained on the same people" in refusal.because
    assert "split_seed" in refusal.remedy

    case, _ = ring(1.0)
    other = Corpus(name="turns", utterances=TURNS, digest="sha256:1", licence="none")
    elsewhere = replace(case.trained_on["s1"], load=lambda: other)
    testimony = EXAMINATION.examine(replace(case, trained_on={**case.trained_on, "s1": elsewhere}))
    assert "its shadow s1 was trained on another corpus" in testimony.refusals[0].because

    testimony = EXAMINATION.examine(replace(case, live={k: v for k, v in case.live.items() if k != "s3"}))
    assert any("its shadow s3 cannot be asked" in refusal.because for refusal in testimony.refusals)
    assert not testimony.claims


def test_options_of_shadows_that_contradict_themselves_are_refused() -> None:
    for options in ({"ask": False}, {"baseline": "s0"}, {"shadows": ["nobody"]}):
        case, _ = ring(1.0, **options)
        with pytest.raises(PlanError):
            EXAMINATION.examine(case)
    case, _ = ring(1.0)
    everyone = replace(case, options={"ask": True, "shadows": ["run", "s0", "s1", "s2", "s3"]})
    refusal = EXAMINATION.refuses(everyone)
    assert refusal is not None
    assert "none is left to be attacked" in refusal.because


@pytest.mark.slow
def test_a_plan_trains_a_model_and_asks_whom_it_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFIDAVIT_CACHE", str(tmp_path / "cache"))
    corpus = {"name": "clinic", "options": {"seed": 7, "n_utterances": 260, "media": "none"}}
    model = {"size": "tiny", "audio": False, "visual": False, "rationales": False}
    trainer = {"name": "supervised", "options": {"epochs": 1, "development": 0.2, "held_out": 0.4}}
    plan = AuditPlan.model_validate(
        {
            "training": {
                "m": {"corpus": corpus, "reasoner": {"name": "instructed", "options": model}, "trainer": trainer}
            },
            "runs": {
                "held-out": {
                    "corpus": corpus,
                    "reasoner": {"name": "instructed", "options": {"conditions": ["T"]}},
                    "trained": "m",
                },
            },
            "by": ["sex"],
            "examinations": [{"name": "membership", "options": {"ask": True}}],
            "statistics": {"n_resamples": 100, "n_permutations": 99},
            "execution": {"device": "cpu", "workers": 0},
        }
    )
    report = run_plan(plan, folder=tmp_path)
    (attack,) = [found for found in report.findings if found.metric == AUROC and not found.groups]
    assert attack.estimate.value is not None
    assert attack.estimate.n_clusters is not None
    assert attack.estimate.n_clusters >= 20
    assert any("asked about the corpus of training m" in caveat for caveat in attack.caveats)
