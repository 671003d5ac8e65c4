"""On the clinic, whose evidence is known: the small model reads it, says where it lies, and turns away from noise.

Trains `tiny` twice, so all of it is slow; weights that are one vector for everybody are as fixed after one epoch. What
is asserted are bounds of intervals over patients, not values.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from affidavit.corpus import Corpus
from affidavit.plan import AuditPlan
from affidavit.protocols import silent
from affidavit.sources import judged_run, load_corpus, reading_of
from affidavit.training import train_plan

pytestmark = pytest.mark.slow(minutes=5)
CORPUS = {"name": "clinic", "options": {"seed": 5, "n_utterances": 2000}}
NOUNS = {"words": "text", "voice": "audio", "face": "video"}
NOISY, FROZEN = "TAV/noise=0dB", "TAV/frozen-face"


@dataclass(frozen=True)
class Judged:
    corpus: Corpus
    gate: pd.DataFrame
    fixed: pd.DataFrame


def plan() -> AuditPlan:
    training, runs = {}, {}
    for alignment in ("gate", "global"):
        options = {"alignment": alignment, "rationales": alignment == "gate"}
        training[alignment] = {"corpus": CORPUS, "reasoner": {"name": "instructed", "options": options}}
        if alignment == "global":
            training[alignment]["trainer"] = {"name": "supervised", "options": {"epochs": 1}}
        single = ["T", "A", "V"] if alignment == "gate" else []
        conditions = ["TAV", *single, NOISY, FROZEN]
        runs[alignment] = {
            "corpus": CORPUS,
            "reasoner": {"name": "instructed", "options": {"conditions": conditions}},
            "trained": alignment,
        }
    return AuditPlan.model_validate({"training": training, "runs": runs})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    chosen, folder = plan(), tmp_path_factory.mktemp("plan")
    train_plan(chosen, folder=folder, progress=silent)
    corpus = load_corpus("clinic", CORPUS["options"])  # type: ignore[arg-type]
    frames = {}
    for name, source in chosen.runs.items():
        _, predictions = judged_run(name, source, chosen, reading_of(name, source, chosen, folder), silent)
        frames[name] = predictions.side_tables["judgements"].to_pandas()
    return Judged(corpus, frames["gate"], frames["global"])


def under(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    return frame[frame["condition"] == condition].set_index("utterance_id")


def interval(values: pd.Series, units: pd.Series) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean, patients resampled; there are ninety of them."""
    sums = pd.DataFrame({"value": values.astype(float), "unit": units}).groupby("unit")["value"].agg(["sum", "count"])
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(sums), size=(2000, len(sums)))
    means = sums["sum"].to_numpy()[drawn].sum(1) / sums["count"].to_numpy()[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def test_all_together_beat_the_majority_and_each_modality(judged: Judged) -> None:
    frame = judged.gate
    right = {c: under(frame, c).eval("y_true == y_pred").astype(float) for c in ("TAV", "T", "A", "V")}
    units = under(frame, "TAV")["unit_id"]
    majority = under(frame, "TAV")["y_true"].value_counts(normalize=True).iloc[0]
    assert interval(right["TAV"], units)[0] > majority
    for single in ("T", "A", "V"):
        shared = right["TAV"].index.intersection(right[single].index)
        gain = right["TAV"][shared] - right[single][shared]
        assert interval(gain, units[shared])[0] > 0, single


def emotional(judged: Judged) -> pd.DataFrame:
    """Return the turns that carry an emotion, judged on everything, with the planted evidence."""
    known = {u.utterance_id: u.evidence for u in judged.corpus.utterances if u.evidence and u.label != "neutral"}
    rows = under(judged.gate, "TAV")
    rows = rows[rows.index.isin(known)]
    return rows.assign(evidence=[known[name] for name in rows.index])


@pytest.mark.parametrize("sign", ["gate", "rationale"])
def test_it_says_where_the_evidence_lies(judged: Judged, sign: str) -> None:
    rows = emotional(judged)
    said: dict[str, Callable[[Any], str | None]] = {"gate": heaviest, "rationale": first_cited}
    pointed = [said[sign](row) for _, row in rows.iterrows()]
    hits = pd.Series([name in evidence for name, evidence in zip(pointed, rows["evidence"], strict=True)], rows.index)
    chance = float(np.mean([len(evidence) / 3 for evidence in rows["evidence"]]))
    assert interval(hits, rows["unit_id"])[0] > chance + 0.1


def heaviest(row: Any) -> str:
    weights = {name: row[f"weight_{name}"] for name in ("text", "audio", "video")}
    return max(weights, key=lambda name: weights[name])


def first_cited(row: Any) -> str | None:
    found = [(row["rationale"].find(noun), name) for noun, name in NOUNS.items() if noun in row["rationale"]]
    return min(found)[1] if found else None


def changes(judged: Judged, frame: pd.DataFrame, condition: str, modality: str) -> tuple[pd.Series, pd.Series]:
    """Return how a modality's weight changes when it is degraded, in turns whose emotion it carried."""
    carried = {
        u.utterance_id for u in judged.corpus.utterances if modality in (u.evidence or ()) and u.label != "neutral"
    }
    plain, degraded = under(frame, "TAV"), under(frame, condition)
    moved = (degraded[f"weight_{modality}"] - plain[f"weight_{modality}"]).dropna()
    moved = moved[moved.index.isin(carried)]
    return moved, degraded["unit_id"][moved.index]


@pytest.mark.parametrize(("condition", "modality"), [(NOISY, "audio"), (FROZEN, "video")])
def test_the_gate_turns_away_from_what_is_degraded_and_global_weights_cannot(
    judged: Judged, condition: str, modality: str
) -> None:
    moved, units = changes(judged, judged.gate, condition, modality)
    assert interval(moved, units)[1] < 0
    still, _ = changes(judged, judged.fixed, condition, modality)
    assert still.abs().max() < 1e-4


def test_rationales_name_the_emotion_that_is_predicted(judged: Judged) -> None:
    rows = under(judged.gate, "TAV")
    named = rows["rationale"].str.split(".").str[0].str.lower()
    assert interval(named == rows["y_pred"], rows["unit_id"])[0] > 0.6


def test_nobody_who_was_trained_on_is_judged(judged: Judged) -> None:
    units: Sequence[str] = sorted({u.unit for u in judged.corpus.utterances})
    assert 0.25 < judged.gate["unit_id"].nunique() / len(units) < 0.35
