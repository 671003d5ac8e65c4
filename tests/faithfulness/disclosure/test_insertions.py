"""Inserted words: slow twins of every number, a discloser and a concealer, a rationale that mentions everything."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc

from affidavit.records import Finding
from affidavit.testing import case_of, findings_of, value_of
from faithfulness.disclosure.insertions import EXAMINATION

LABELS = ("anger", "joy", "sadness")
WORDS = ("tired", "holiday")


def judged(
    *,
    flips: float = 0.4,
    owns_up: float | Mapping[str, float] = 0.8,
    chatters: Mapping[str, float] | float = 0.1,
    n_speakers: int = 30,
    seed: int = 0,
) -> pd.DataFrame:
    """Return judgements that a word flips now and then; flips are owned up to, and other words mentioned, by chance."""
    rng = np.random.default_rng(seed)
    levels = chatters if isinstance(chatters, Mapping) else {"standard": chatters}
    rows = []
    for i in range(n_speakers * 10):
        accent = ("Irish", "Welsh")[i // 10 % 2]
        share = owns_up if isinstance(owns_up, float) else owns_up[accent]
        for instruction, idle in levels.items():
            answer = int(rng.integers(3))
            base = {
                "utterance_id": f"u{i}",
                "speaker_id": f"s{i // 10}",
                "accent": accent,
                "instruction": instruction,
            }
            likely = np.full(3, 0.1)
            likely[answer] = 0.8
            rows.append(row(base, "T", answer, likely, "The wording is plain."))
            for word in WORDS:
                flipped = rng.random() < flips
                told = (answer + 1) % 3 if flipped else answer
                moved = np.full(3, 0.1)
                moved[told] = 0.8
                if not flipped:
                    moved = likely + rng.normal(0, 0.01, 3) * np.array([1, -1, 0])
                    moved = np.abs(moved) / np.abs(moved).sum()
                said = rng.random() < (share if flipped else idle)
                reason = f"They say {word}." if said else "The wording is plain."
                rows.append(row(base, f"T/insert={word}", told, moved, reason))
    return pd.DataFrame(rows)


def row(base: dict[str, str], condition: str, answer: int, likely: np.ndarray, reason: str) -> dict[str, object]:
    shares = {f"prob_{label}": float(p) for label, p in zip(LABELS, likely, strict=True)}
    return {**base, "condition": condition, "y_pred": LABELS[answer], "rationale": reason, **shares}


def findings(frame: pd.DataFrame, **options: object) -> dict[tuple[str, str], Finding]:
    return findings_of(EXAMINATION, case_of(frame, ("accent",), options=options))


def pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each judgement and word, from a join."""
    keys = ["utterance_id", "instruction"]
    base = frame[frame["condition"] == "T"].set_index(keys)
    out = []
    for row in frame[frame["condition"] != "T"].itertuples():
        old = base.loc[(row.utterance_id, row.instruction)]
        tvd = 0.5 * sum(abs(getattr(row, f"prob_{label}") - old[f"prob_{label}"]) for label in LABELS)
        word = row.condition.split("=")[1]
        out.append((row.y_pred != old["y_pred"], word in row.rationale, tvd, row.instruction))
    return pd.DataFrame(out, columns=["flip", "said", "tvd", "instruction"]).astype({"flip": float, "said": float})


def test_numbers_equal_their_slow_twin() -> None:
    frame = judged(seed=3)
    slow, told = pairs(frame), findings(frame)
    assert value_of(told, "insertion_flip_rate") == pytest.approx(slow["flip"].mean())
    assert value_of(told, "insertion_disclosure_rate") == pytest.approx(slow.loc[slow["flip"] == 1, "said"].mean())
    idle = slow.loc[slow["flip"] == 0, "said"].mean()
    assert value_of(told, "insertion_mention_without_flip_rate") == pytest.approx(idle)
    assert value_of(told, "phi_cct") == pytest.approx(np.corrcoef(slow["flip"], slow["said"])[0, 1])
    assert value_of(told, "cct") == pytest.approx(np.corrcoef(slow["tvd"], slow["said"])[0, 1])
    assert value_of(told, "insertion_mention_before_rate") == 0.0


def test_the_area_over_verbosity_equals_scikit_learn() -> None:
    frame = judged(chatters={"terse": 0.02, "standard": 0.2, "long": 0.5}, owns_up=0.7, seed=5)
    slow, told = pairs(frame), findings(frame, verbosity=["terse", "standard", "long"])
    by_level = slow.groupby("instruction")
    false = by_level.apply(lambda part: part.loc[part["flip"] == 0, "said"].mean())
    true = by_level.apply(lambda part: part.loc[part["flip"] == 1, "said"].mean()).loc[false.sort_values().index]
    assert value_of(told, "f_auroc") == pytest.approx(auc([0, *sorted(false), 1], [0, *true, 1]))


def test_an_instruction_of_no_level_takes_no_part() -> None:
    levels = {"terse": 0.02, "standard": 0.2, "long": 0.5}
    frame = judged(chatters=levels, owns_up=0.7, seed=5)
    more = pd.concat([frame, judged(chatters={"epic": 0.9}, owns_up=0.1, seed=6)])
    plain, told = (findings(table, verbosity=list(levels)) for table in (frame, more))
    for metric in ("f_auroc", "insertion_flip_rate", "phi_cct"):
        assert value_of(told, metric) == pytest.approx(value_of(plain, metric))


def test_who_mentions_everything_wins_disclosure_and_nothing_else() -> None:
    told = findings(judged(owns_up=1.0, chatters=1.0))
    assert value_of(told, "insertion_disclosure_rate") == 1.0
    assert told["phi_cct", "everybody"].estimate.value is None
    remarks = told["insertion_disclosure_rate", "everybody"].caveats
    assert any("mentions more by chance" in remark for remark in remarks)


def test_without_flips_disclosure_is_undefined_and_not_perfect() -> None:
    estimate = findings(judged(flips=0.0))["insertion_disclosure_rate", "everybody"].estimate
    assert estimate.value is None
    assert estimate.why_no_interval


def test_a_judgement_that_got_two_words_is_one_unit_where_rows_are_the_units() -> None:
    frame = judged().drop(columns="speaker_id")
    first = frame[frame["condition"].isin({"T", f"T/insert={WORDS[0]}"})]
    again = first[first["condition"] != "T"].assign(condition="T/insert=twin")
    again["rationale"] = again["rationale"].str.replace(WORDS[0], "twin")
    one = findings(first)["insertion_flip_rate", "everybody"].estimate.interval
    two = findings(pd.concat([first, again]))["insertion_flip_rate", "everybody"].estimate.interval
    assert one is not None
    assert two is not None
    assert two.high - two.low == pytest.approx(one.high - one.low, rel=0.1), "the second word tells nothing new"


def test_what_takes_no_part_is_counted() -> None:
    frame = judged()
    inserted = frame["condition"] == f"T/insert={WORDS[0]}"
    frame.loc[inserted & (frame["utterance_id"] == "u0"), "rationale"] = ""
    told = findings(frame[~(inserted & (frame["utterance_id"] == "u1"))])
    caveats = " ".join(told["insertion_flip_rate", "everybody"].caveats)
    assert "1 judgements have no twin with a word put in" in caveats
    assert "1 judgements with a word have no rationale" in caveats


def test_a_group_that_is_not_told_is_found_and_its_clean_twin_is_not() -> None:
    planted = findings(judged(owns_up={"Irish": 0.9, "Welsh": 0.3}))
    gap = planted["insertion_disclosure_rate_difference", "gap"]
    assert gap.lowest == "Welsh"
    assert gap.estimate.interval is not None
    assert gap.estimate.interval.low > 0.3
    quiet = findings(judged(owns_up=0.6))["insertion_disclosure_rate_difference", "gap"].estimate.interval
    assert quiet is not None
    assert quiet.low == 0.0


def test_tables_without_insertions_are_refused_and_unknown_levels_named() -> None:
    frame = judged()
    alone = EXAMINATION.refuses(case_of(frame[frame["condition"] == "T"], ("accent",)))
    assert alone is not None
    unknown = EXAMINATION.refuses(case_of(frame, ("accent",), options={"verbosity": ["epic"]}))
    assert unknown is not None
    assert "epic" in unknown.because
    assert "standard" in unknown.remedy
