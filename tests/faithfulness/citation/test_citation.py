"""Citation faithfulness against a slow obvious twin, with planted faults and their clean twin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.records import Finding
from affidavit.testing import case_of, findings_of, value_of
from faithfulness.citation.examination import EXAMINATION
from faithfulness.citation.removals import removals

LABELS = ("anger", "joy", "sadness")
WITHOUT = {"T": "AV", "A": "TV", "V": "TA"}
PHRASES = {"T": "the wording", "A": "the tone of voice", "V": "the look on the face"}
NAMES = {"T": "text", "A": "audio", "V": "video"}


def judged(
    *,
    n_speakers: int = 40,
    each: int = 10,
    honest: float = 1.0,
    honest_by: Mapping[str, float] | None = None,
    repeats: int = 1,
    noise: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return judgements of a reasoner that decides by one modality, and cites it as often as it is honest.

    The leading modality and the reasons of who is not honest are drawn alike, so only their agreement differs.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(n_speakers * each):
        speaker = i // each
        accent = ("Irish", "Welsh")[speaker % 2]
        leading, blamed = rng.choice(list("TAV")), rng.choice(list("TAV"))
        share = (honest_by or {}).get(accent, honest)
        cited = leading if rng.random() < share else blamed
        evidence = {letter: LABELS[k] for letter, k in zip("TAV", rng.integers(0, 3, 3), strict=True)}
        for repeat in range(repeats):
            for condition in ("TAV", *WITHOUT.values()):
                shown = leading if leading in condition else condition[0]
                answer = evidence[shown] if rng.random() >= noise else LABELS[rng.integers(3)]
                rows.append(
                    {
                        "utterance_id": f"u{i}",
                        "speaker_id": f"s{speaker}",
                        "accent": accent,
                        "condition": condition,
                        "repeat": repeat,
                        "y_true": evidence["T"],
                        "y_pred": answer,
                        "rationale": f"It is {answer}, because of {PHRASES[cited]}." if condition == "TAV" else "",
                        **{f"prob_{label}": 0.8 if label == answer else 0.1 for label in LABELS},
                    }
                )
    return pd.DataFrame(rows)


def findings(frame: pd.DataFrame, condition: str = "TAV") -> dict[tuple[str, str], Finding]:
    return findings_of(EXAMINATION, case_of(frame, ("accent",)), condition=condition)


def twin(frame: pd.DataFrame) -> dict[str, float]:
    """Return the same numbers from loops over rows."""
    frame = frame[frame["repeat"] == 0]
    answers = {(r.utterance_id, r.condition): r.y_pred for r in frame.itertuples()}
    full = frame[frame["condition"] == "TAV"]
    table: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for row in full.itertuples():
        for letter, condition in WITHOUT.items():
            cited = int(PHRASES[letter] in row.rationale)
            mattered = int(answers[row.utterance_id, condition] != row.y_pred)
            table[letter].append((cited, mattered, row.y_pred))
    out: dict[str, float] = {}
    phis, shuffled, over, omitted = [], [], [], []
    for letter, triples in table.items():
        c, d = np.array([t[0] for t in triples]), np.array([t[1] for t in triples])
        phis.append(np.corrcoef(c, d)[0, 1])
        over.append(c[d == 0].mean())
        omitted.append(1 - c[d == 1].mean())
        out[f"over_claim_rate_{NAMES[letter]}"] = over[-1]
        out[f"citation_phi_{NAMES[letter]}"] = phis[-1]
        told = np.array([t[2] for t in triples])
        rng = np.random.default_rng(1)
        dealt = []
        for _ in range(400):
            moved = c.copy()
            for label in LABELS:
                at = np.flatnonzero(told == label)
                moved[at] = rng.permutation(moved[at])
            dealt.append(np.corrcoef(moved, d)[0, 1])
        shuffled.append(np.mean(dealt))
    return out | {
        "citation_phi": float(np.mean(phis)),
        "citation_phi_shuffled": float(np.mean(shuffled)),
        "over_claim_rate": float(np.mean(over)),
        "omission_rate": float(np.mean(omitted)),
        "citation_informedness": 1 - float(np.mean(over)) - float(np.mean(omitted)),
    }


def test_numbers_equal_their_slow_twin() -> None:
    frame = judged(honest=0.6, seed=3)
    told, slow = findings(frame), twin(frame)
    for metric, expected in slow.items():
        tolerance = 0.01 if metric.endswith("shuffled") else 1e-9  # 400 deals against their expectation
        assert value_of(told, metric) == pytest.approx(expected, abs=tolerance), metric


def test_the_honest_and_the_decorative_are_told_apart() -> None:
    honest, decorative = findings(judged(honest=1.0)), findings(judged(honest=0.0))
    low = honest["citation_phi", "everybody"].estimate.interval
    high = decorative["citation_phi", "everybody"].estimate.interval
    assert low is not None
    assert high is not None
    assert low.low > 0.5
    assert high.low < 0 < high.high < 0.2
    assert value_of(honest, "omission_rate") == 0.0
    assert abs(value_of(decorative, "citation_phi_excess")) < 0.1


def test_a_group_with_decorative_rationales_is_found_and_its_clean_twin_is_not() -> None:
    planted = findings(judged(n_speakers=60, honest_by={"Irish": 1.0, "Welsh": 0.3}))
    clean = findings(judged(n_speakers=60, honest=0.65))
    gap = planted["citation_phi_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.1
    quiet = clean["citation_phi_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_a_template_wins_the_omission_and_nothing_else() -> None:
    frame = judged()
    everything = "the wording, the tone of voice and the look on the face"
    frame.loc[frame["rationale"] != "", "rationale"] = f"Because of {everything}."
    told = findings(frame)
    assert value_of(told, "omission_rate") == 0.0
    assert value_of(told, "over_claim_rate") == 1.0
    assert value_of(told, "citation_informedness") == pytest.approx(0.0)
    phi = told["citation_phi", "everybody"].estimate
    assert phi.value is None
    assert phi.why_no_interval is not None
    assert any("cites everything" in caveat for caveat in told["omission_rate", "everybody"].caveats)


def test_the_template_of_the_exhibit_is_a_real_template() -> None:
    testimony = EXAMINATION.examine(case_of(judged(honest=0.5), ("accent",)))
    table = testimony.exhibits[1].table().to_pandas().query("control == 'a rationale that cites everything'")
    assert table["over_claim"].tolist() == [1.0] * 3
    assert table["omission"].tolist() == [0.0] * 3
    assert table["informedness"].tolist() == [0.0] * 3


def test_noise_of_mere_repetition_stands_beside_the_effects() -> None:
    told = findings(judged(repeats=3, noise=0.3, honest=0.0))
    # With probability 0.3 an answer is drawn anew: two judgings differ unless both are kept, or agree by chance.
    assert value_of(told, "repeat_flip_rate") == pytest.approx((1 - 0.7**2) * 2 / 3, abs=0.04)
    assert value_of(told, "modality_effect_excess") < value_of(told, "modality_effect_rate")
    phi = told["citation_phi", "everybody"]
    assert {each.split("/")[-1] for each in phi.controls or ()} == {"citation_phi_shuffled", "repeat_flip_rate"}


def test_without_speaker_ids_the_exhibit_of_controls_counts_every_judgement() -> None:
    """Rows that are alike are kept once there, with how many they are."""
    frame = judged(n_speakers=60, honest=0.4).drop(columns="speaker_id")
    case = case_of(frame, ("accent",))
    table = EXAMINATION.examine(case).exhibits[1].table().to_pandas().query("control == 'the rationales'")
    told = findings(frame)
    for row in table.to_dict("records"):
        assert row["over_claim"] == pytest.approx(value_of(told, f"over_claim_rate_{row['modality']}"))
        assert row["omission"] == pytest.approx(value_of(told, f"omission_rate_{row['modality']}"))


def test_without_repetitions_that_is_said() -> None:
    told = findings(judged())
    assert ("repeat_flip_rate", "everybody") not in told
    assert any("no repetitions" in caveat for caveat in told["citation_phi", "everybody"].caveats)


def test_what_cannot_be_read_or_paired_takes_no_part_and_is_counted() -> None:
    frame = judged(honest=0.7, seed=5)
    full = frame["condition"] == "TAV"
    strange = full & frame["utterance_id"].isin({"u0", "u1", "u2"})
    silent = full & frame["utterance_id"].isin({"u3", "u4"})
    lost = frame["utterance_id"].isin({"u5"}) & (frame["condition"] == "TA")
    changed = frame.copy()
    changed.loc[strange, "rationale"] = "Der Ton ist tief und das Gesicht ist starr, das ist nicht die Freude."
    changed.loc[silent, "rationale"] = ""
    changed = changed[~lost]
    told = findings(changed)
    known = frame[~frame["utterance_id"].isin({f"u{i}" for i in range(5)})]
    slow = twin(known[~known["utterance_id"].isin({"u5"})])
    assert value_of(told, "over_claim_rate_video") == pytest.approx(slow["over_claim_rate_video"])
    caveats = " ".join(told["citation_phi", "everybody"].caveats)
    assert "2 of 400 judgements have no rationale" in caveats
    assert "3 rationales are in neither English nor Chinese" in caveats
    assert "1 judgements have no twin under TA" in caveats


def test_chinese_rationales_are_read() -> None:
    frame = judged(honest=0.5)
    words = {"the wording": "措辞", "the tone of voice": "语气", "the look on the face": "表情"}
    chinese = frame["rationale"].str.extract(f"({'|'.join(words)})")[0].map(words)
    translated = frame.assign(rationale=np.where(chinese.notna(), "这是因为" + chinese.fillna("") + "。", ""))
    assert value_of(findings(translated), "citation_phi") == value_of(findings(frame), "citation_phi")


def test_row_order_and_label_names_change_nothing() -> None:
    frame = judged(honest=0.5)
    names = {"anger": "zorn", "joy": "freude", "sadness": "trauer"}
    columns = {f"prob_{old}": f"prob_{new}" for old, new in names.items()}
    renamed = frame.replace({"y_true": names, "y_pred": names}).rename(columns=columns)
    first = value_of(findings(frame), "citation_phi")
    assert value_of(findings(frame.sample(frac=1, random_state=1)), "citation_phi") == pytest.approx(first)
    assert value_of(findings(renamed), "citation_phi") == pytest.approx(first)


def test_another_operator_is_a_study_of_its_own() -> None:
    frame = judged()
    exchanged = frame[frame["condition"] == "TV"].assign(condition="TAV/resampled=A")
    both = pd.concat([frame, exchanged], ignore_index=True)
    assert value_of(findings(both, "TAV/resampled"), "citation_phi") == pytest.approx(
        value_of(findings(both), "citation_phi_audio")
    )


@pytest.mark.parametrize(
    ("conditions", "because"),
    [
        (("TAV",), "at least two conditions"),
        (("TAV", "T"), "takes one modality away"),
        (("as-supplied",), "at least two conditions"),
    ],
)
def test_tables_without_removals_are_refused(conditions: tuple[str, ...], because: str) -> None:
    frame = judged()
    kept = pd.concat([frame[frame["condition"] == "TAV"].assign(condition=c) for c in conditions])
    refusal = EXAMINATION.refuses(case_of(kept, ("accent",)))
    assert refusal is not None
    assert because in refusal.because
    assert refusal.remedy


def test_removals_are_read_from_conditions() -> None:
    found = removals(["TAV", "TA", "TV", "T", "TAV/resampled=V", "TAV/noise=10dB", "TA/resampled=A"], "TAV")
    assert [(r.name, dict(r.conditions)) for r in found] == [
        ("TAV", {"A": "TV", "V": "TA"}),
        ("TAV/resampled", {"V": "TAV/resampled=V"}),
    ]
