"""Every row of a table is what a slow reasoner answers from what was drawn; faults move nothing but what they touch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affidavit.citations import cited_letters
from affidavit.errors import PlanError
from reasoners.transparent.citing import KINDS
from reasoners.transparent.door import simulate, to_table
from reasoners.transparent.judging import Judged, judge_all
from reasoners.transparent.options import TransparentOptions
from reasoners.transparent.patterns import all_patterns
from reasoners.transparent.truths import changes, cited, named, used

NAMES = ["text", "audio", "video"]
MALE = {"feature": "sex", "level": "male", "label": "anger", "shift": 0.9}
EVERYWHERE = ["TAV", "TA", "V", "TAV/resampled=A", "TV/resampled=TV", "TAV/sex=female", "TA/sex=male", "TAV/age=18-34"]


def made(seed: int = 1, **told: Any) -> tuple[TransparentOptions, Judged, pd.DataFrame]:
    options = TransparentOptions(**told)
    judged = judge_all(options, np.random.default_rng(seed))
    return options, judged, simulate(options, np.random.default_rng(seed)).to_pandas()


def slowly(options: TransparentOptions, judged: Judged, condition: str, row: int, repeat: int) -> str:
    """Judge one utterance again from what was drawn, by the words of the documentation."""
    modalities, _, done = condition.partition("/")
    operator, _, level = done.partition("=")
    patterns, drawn = all_patterns(len(options.labels)), judged.drawn
    told = dict(zip("TAV", patterns[drawn.told[row]], strict=True))
    donor = dict(zip("TAV", patterns[drawn.told[drawn.donor[row, repeat]]], strict=True))
    level_of = {
        feature: list(options.levels[feature])[drawn.level[feature][drawn.speaker[row]]] for feature in ("sex",)
    }
    if operator == "resampled":
        told |= {letter: donor[letter] for letter in level}
    elif operator == "sex":
        level_of["sex"] = level
    heard = {"TAV".index(letter): told[letter] for letter in modalities if told[letter] < len(options.labels)}
    votes = dict.fromkeys(options.labels, 0.0)
    if options.rule == "leading":
        leader = int(drawn.leading[row])
        asked = [leader, *(NAMES.index(name) for name in options.order if NAMES.index(name) != leader)]
        for modality in [modality for modality in asked if modality in heard][:1]:
            votes[options.labels[heard[modality]]] = 1.0
    else:
        for modality, label in heard.items():
            votes[options.labels[label]] += options.weights.by_modality[modality]
        if options.rule == "identity" and options.identity is not None and level_of["sex"] == options.identity.level:
            votes[options.identity.label] += options.identity.shift
    most = max(votes.values())
    return next(label for label, vote in votes.items() if vote == most) if most else options.labels[0]


@pytest.mark.parametrize("rule", ["leading", "vote", "identity"])
def test_every_answer_is_judged_again(rule: str) -> None:
    """The weights 1, 0.8, 0.6 and 0.9 leave no tie between labels but 0.9 + 0.6 and 1.5, which none can reach."""
    options, judged, frame = made(
        rule=rule, identity=MALE, conditions=EVERYWHERE, repeats=2, n_speakers=20, labels=["anger", "fear", "joy"]
    )
    answers = frame["y_pred"].astype(str).to_numpy().reshape(judged.answer.shape)
    assert list(frame["condition"].astype(str).iloc[: 2 * len(EVERYWHERE)]) == [c for c in EVERYWHERE for _ in range(2)]
    for row, i, repeat in np.ndindex(answers.shape):
        expected = slowly(options, judged, EVERYWHERE[i], row, repeat)
        assert answers[row, i, repeat] == expected, (EVERYWHERE[i], row, repeat)


def test_truths_are_what_the_table_shows_without_noise() -> None:
    options, judged, frame = made(conditions=["TAV", "TA", "AV", "TV", "TAV/resampled=V"], repeats=3, n_speakers=60)
    shape = judged.answer.shape
    answer = frame["y_pred"].cat.codes.to_numpy().reshape(shape)
    prob = frame[[f"prob_{label}" for label in options.labels]].to_numpy().reshape(*shape, -1)
    for position, after in enumerate(options.conditions):
        for repeat in range(3):
            found = changes(options, judged, before="TAV", after=after, repeat=repeat)
            assert (found.flips == (answer[:, 0, repeat] != answer[:, position, repeat])).all()
            distance = np.abs(prob[:, 0, repeat] - prob[:, position, repeat]).sum(axis=1) / 2
            assert found.distances == pytest.approx(distance)
    assert changes(options, judged, before="TAV", after="TAV/resampled=V").flips.any()
    repeats = [changes(options, judged, before="TAV", after="TAV/resampled=V", repeat=i).flips for i in range(3)]
    assert (repeats[0] != repeats[1]).any(), "every repeat has another donor"
    removed = np.stack(
        [changes(options, judged, before="TAV", after=after).flips for after in ("AV", "TV", "TA")], axis=1
    )
    assert (used(options, judged, "TAV") == removed).all()


def test_total_variation_by_hand() -> None:
    options, judged, _ = made(labels=["anger", "fear", "joy"], temperature=0.5, silent=0, n_speakers=5)
    found = changes(options, judged, before="TAV", after="T")
    top, rest = np.exp(2) / (np.exp(2) + 2), 1 / (np.exp(2) + 2)
    assert found.flips.any()
    assert found.distances[found.flips] == pytest.approx(top - rest)
    assert (found.distances[~found.flips] == 0).all()


def test_the_table_says_what_the_judgements_say() -> None:
    options, judged, frame = made(
        conditions=["TAV", "A"], repeats=2, n_speakers=20, noise=0.1,
        concludes={"own": 2, "other": 1, "none": 1}, honesty={"faithful": 1, "decorative": 1, "template": 1},
    )  # fmt: skip
    assert len(frame) == judged.answer.size
    frame["text"] = frame["rationale"].astype(str)
    for condition in ("TAV", "A"):
        for repeat in (0, 1):
            rows = frame[(frame["condition"] == condition) & (frame["repeat"] == repeat)]
            bits = cited(options, judged, condition, repeat=repeat)
            letters = [{m for m, here in zip("TAV", row, strict=True) if here} for row in bits]
            assert [set(cited_letters(text)) for text in rows["text"]] == letters
            conclusions = [*options.labels, None]
            for text, code in zip(rows["text"], named(options, judged, condition, repeat=repeat), strict=True):
                found = [label for label in options.labels if label in text]
                assert found == ([conclusions[code]] if code < len(options.labels) else [])
    assert not frame.duplicated(["utterance_id", "condition", "repeat"]).any()
    of_speaker = frame.groupby("speaker_id", observed=True)[["group_accent", "group_age", "group_sex"]].nunique()
    assert (of_speaker == 1).all(axis=None)
    assert (frame.groupby("utterance_id", observed=True)["y_true"].nunique() == 1).all()


def test_what_modalities_tell_has_its_rates() -> None:
    options, judged, _ = made(
        n_speakers=2000, reliability={"text": 0.9, "audio": 0.5, "video": 1.0}, silent={"text": 0.0, "video": 0.3}
    )
    told = all_patterns(7)[judged.drawn.told]
    for m, (right, silent) in enumerate(zip(options.reliability.by_modality, options.silent.by_modality, strict=True)):
        quiet = told[:, m] == 7
        assert stats.binomtest(int(quiet.sum()), len(quiet), silent).pvalue > 1e-4
        true = (told[:, m] == judged.drawn.label)[~quiet]
        assert stats.binomtest(int(true.sum()), len(true), right).pvalue > 1e-4
    wrong = told[:, 1][(told[:, 1] < 7) & (told[:, 1] != judged.drawn.label)]
    assert stats.chisquare(np.bincount(wrong, minlength=7)).pvalue > 1e-4
    assert stats.chisquare(np.bincount(judged.drawn.label)).pvalue > 1e-4


@pytest.mark.parametrize("icc", [0.0, 0.1, 0.5, 0.99])
def test_leading_is_clustered_by_speaker_as_stated(icc: float) -> None:
    options, judged, _ = made(n_speakers=4000, icc=icc, conditions=["T"])
    for m, share in enumerate(options.leading.shares):
        leads = pd.Series(judged.drawn.leading == m, dtype=float)
        by = leads.groupby(judged.drawn.speaker).agg(["mean", "count", "var"])
        size = by["count"].to_numpy()
        typical = (size.sum() - (size**2).sum() / size.sum()) / (len(by) - 1)
        between = float((size * (by["mean"] - leads.mean()) ** 2).sum() / (len(by) - 1))
        within = float(((size - 1) * by["var"]).sum() / (size.sum() - len(by)))
        assert (between - within) / (between + (typical - 1) * within) == pytest.approx(icc, abs=0.03)
        assert abs(leads.mean() - share) < 4.5 * np.sqrt(between / size.sum())


def test_groups_may_lead_and_explain_otherwise() -> None:
    _, judged, frame = made(
        n_speakers=300, conditions=["TAV"], leading_by={"accent": {"highland": {"video": 1}}},
        honesty_by={"accent": {"coastal": {"template": 1}}},
    )  # fmt: skip
    accent = frame["group_accent"].astype(str).to_numpy()
    assert (judged.drawn.leading[accent == "highland"] == 2).all()
    assert set(judged.drawn.leading[accent == "coastal"]) == {0, 1, 2}
    kind = np.array(KINDS)[judged.drawn.kind]
    assert set(kind[accent == "coastal"]) == {"template"}
    assert set(kind[accent != "coastal"]) == {"faithful"}


def test_a_donor_is_another_utterance_and_any_of_them() -> None:
    _, judged, _ = made(n_speakers=2, utterances_per_speaker=2, utterances_spread=0, repeats=1000, conditions=["T"])
    donor = judged.drawn.donor
    assert donor.shape == (4, 1000)
    for row in range(4):
        counts = np.bincount(donor[row], minlength=4)
        assert counts[row] == 0
        assert stats.chisquare(np.delete(counts, row)).pvalue > 1e-4


def test_noise_slips_as_often_as_stated_and_answers_at_random() -> None:
    _, judged, frame = made(n_speakers=400, noise=0.3, conditions=["TAV", "A"])
    slipped = judged.slipped.ravel()
    assert stats.binomtest(int(slipped.sum()), slipped.size, 0.3).pvalue > 1e-4
    assert stats.chisquare(np.bincount(judged.answer[judged.slipped])).pvalue > 1e-4
    prob = frame.filter(like="prob_").to_numpy()
    assert np.allclose(prob.sum(axis=1), 1)
    assert (prob.argmax(axis=1) == judged.answer.ravel())[slipped].all()
    _, clean, _ = made(n_speakers=400, conditions=["TAV", "A"])
    assert (clean.answer == judged.answer)[~judged.slipped].all()
    assert (clean.cited == judged.cited).all(), "a slip of the answer moves no citation"


def test_repeats_of_the_same_evidence_are_alike_without_noise() -> None:
    _, judged, _ = made(n_speakers=40, repeats=3, conditions=["TAV", "TAV/resampled=V"])
    assert (judged.answer[:, 0] == judged.answer[:, 0, :1]).all()
    assert (judged.answer[:, 1] != judged.answer[:, 1, :1]).any()


def test_planted_rationales_leave_the_answers_alone() -> None:
    _, clean, twin = made(n_speakers=60)
    _, faulty, frame = made(n_speakers=60, honesty={"faithful": 1, "decorative": 1}, concludes={"own": 1, "other": 1})
    pd.testing.assert_frame_equal(twin.drop(columns="rationale"), frame.drop(columns="rationale"))
    faithful = faulty.drawn.kind == KINDS.index("faithful")
    assert 0.4 < faithful.mean() < 0.6
    assert (clean.cited == faulty.cited)[faithful].all()
    assert (clean.cited != faulty.cited)[~faithful].any()
    assert (clean.named == clean.answer).all()
    assert stats.binomtest(int((faulty.named == faulty.answer).sum()), faulty.answer.size, 0.5).pvalue > 1e-4


def test_a_planted_identity_moves_its_group_alone() -> None:
    conditions = ["TAV", "TAV/sex=male", "TAV/sex=female", "TAV/accent=coastal"]
    options, planted, frame = made(rule="identity", identity=MALE | {"disclosed": 0.5}, conditions=conditions)
    _, twin, clean = made(rule="vote", conditions=conditions)
    male = (frame["group_sex"] == "male").to_numpy().reshape(planted.answer.shape)[:, 0, 0]
    answers, plain = planted.answer[:, :, 0], twin.answer[:, :, 0]
    assert (answers[~male, 0] == plain[~male, 0]).all()
    assert (answers[male, 0] != plain[male, 0]).any()
    assert (answers[:, 2] == plain[:, 2]).all(), "rendered as female nobody is shifted"
    assert (answers[male, 1] == answers[male, 0]).all()
    assert (answers[~male, 1] != plain[~male, 1]).any(), "rendered as male everybody is"
    assert (answers[:, 3] == answers[:, 0]).all(), "an accent is nothing to this reasoner"
    assert (plain == plain[:, :1]).all()
    assert not changes(options, planted, before="TAV", after="TAV/age=18-34").distances.any()
    told = frame["rationale"].astype(str).str.contains("the sex of").to_numpy().reshape(planted.answer.shape)[:, :, 0]
    assert stats.binomtest(int(told[male, 0].sum()), int(male.sum()), 0.5).pvalue > 1e-4
    assert not told[~male, 0].any()
    assert not clean["rationale"].astype(str).str.contains("the sex of").any()


def test_the_same_seed_gives_the_same_bytes() -> None:
    options = TransparentOptions(n_speakers=30, honesty={"decorative": 1}, noise=0.1, repeats=2)
    tables = [simulate(options, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
    own = options.model_copy(update={"seed": 5})
    assert simulate(own, np.random.default_rng(1)).equals(simulate(own, np.random.default_rng(2)))
    assert to_table(options, judge_all(options, np.random.default_rng(1))).equals(tables[0])


def test_switching_parts_off_changes_no_answer() -> None:
    _, _, full = made(n_speakers=20)
    _, _, bare = made(n_speakers=20, probabilities=False, rationales=False)
    pd.testing.assert_frame_equal(bare, full[list(bare.columns)])


def test_more_conditions_change_nothing_of_what_is_asked() -> None:
    _, few, _ = made(n_speakers=20, conditions=["TAV", "TAV/resampled=V"])
    _, many, _ = made(n_speakers=20, conditions=["TAV", "TAV/resampled=V", "A", "TAV/resampled=A"])
    assert (few.answer == many.answer[:, :2]).all()


def test_what_was_not_judged_is_refused() -> None:
    options, judged, _ = made(n_speakers=5, conditions=["TAV"])
    assert changes(options, judged, before="VAT", after="AT").flips.shape == judged.drawn.label.shape
    for ask, match in (
        (lambda: cited(options, judged, "TA"), "no such condition"),
        (lambda: changes(options, judged, before="TAV", after="TAV/noise=1dB"), "'noise' is none of"),
        (lambda: changes(options, judged, before="TAV", after="nothing"), "does not parse"),
        (lambda: used(options, judged, "TAV", repeat=1), "no such repeat"),
        (lambda: named(options, judged, "TAV", repeat=-1), "no such repeat"),
    ):
        with pytest.raises(PlanError, match=match) as caught:
            ask()
        assert caught.value.slug == "plan-impossible"
        assert caught.value.remedy
