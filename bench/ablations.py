"""What the reasoner's parts do, on the clinic: conditions, planted evidence, a degraded voice, and ablations.

Trains `tiny` for each variant and seed on the same patients, judges the held-out ones, and prints tables whose
intervals resample patients. What was trained is kept in the cache; a second run only judges. `--quick`: one seed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from affidavit.cli.progress import shown_progress
from affidavit.confusion import FloatArray, weighted_f1
from affidavit.corpus import Corpus
from affidavit.plan import AuditPlan
from affidavit.sources import judged_run, load_corpus, reading_of
from affidavit.training import train_plan

VARIANTS: Final[Mapping[str, dict[str, object]]] = {
    "whole": {},
    "no instruction": {"instructed": False},
    "no temporal": {"temporal": False},
    "no audio": {"audio": False},
    "no visual": {"visual": False},
    "no coherence": {"coherence": 0.0},
    "global weights": {"alignment": "global"},
}
SUBSETS: Final = ("TAV", "TA", "TV", "AV", "T", "A", "V")
DEGRADED: Final = ("TAV/noise=0dB", "TAV/frozen-face", "TAV/transcript-errors=0.5")
TOUCHED: Final = {"TAV/noise=0dB": "audio", "TAV/frozen-face": "video", "TAV/transcript-errors=0.5": "text"}
NOUNS: Final = {"words": "text", "voice": "audio", "face": "video"}
N_RESAMPLES: Final = 1000


@dataclass(frozen=True, slots=True)
class Spread:
    """An estimate and its 95 % interval over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True, slots=True)
class Measure:
    """A statistic of sums over rows, so that resampled patients cost a matrix product."""

    of_rows: Callable[[pd.DataFrame], FloatArray]
    """What each row adds, [N, S]."""
    value: Callable[[FloatArray], FloatArray]
    """From sums [..., S]."""


def mean_of(column: str) -> Measure:
    """Return the mean of a column."""
    return Measure(
        lambda frame: np.stack([frame[column].to_numpy(dtype=float), np.ones(len(frame))], axis=1),
        lambda sums: sums[..., 0] / sums[..., 1],
    )


def f1_over(labels: Sequence[str]) -> Measure:
    """Return the weighted F1 over these labels."""
    indicators = np.eye(len(labels))

    def of_rows(frame: pd.DataFrame) -> FloatArray:
        true, predicted = (indicators[pd.Categorical(frame[of], labels).codes] for of in ("y_true", "y_pred"))
        return np.concatenate([true * predicted, true, predicted], axis=1)

    return Measure(of_rows, lambda sums: weighted_f1().value(sums, sums))


def over_patients(frame: pd.DataFrame, measure: Measure, against: pd.DataFrame | None = None) -> Spread:
    """Return a statistic with the percentile interval of resampled patients (over 60 of them).

    With another frame, by how much it is above that one's, the same patients drawn in both.
    """
    names = sorted(set(frame["unit_id"]) | (set() if against is None else set(against["unit_id"])))
    draws = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=N_RESAMPLES)
    value, resampled = _drawn(frame, measure, names, draws)
    if against is not None:
        other, others = _drawn(against, measure, names, draws)
        value, resampled = value - other, resampled - others
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return Spread(value, float(low), float(high))


def _drawn(
    frame: pd.DataFrame, measure: Measure, names: list[str], draws: NDArray[np.int64]
) -> tuple[float, FloatArray]:
    sums = np.zeros((len(names), measure.of_rows(frame.iloc[:1]).shape[1]))
    np.add.at(sums, pd.Categorical(frame["unit_id"], names).codes, measure.of_rows(frame))
    return float(measure.value(sums.sum(0))), measure.value(draws @ sums)


def plan_of(n_utterances: int, seeds: Sequence[int]) -> AuditPlan:
    """Return the plan: one training for each variant and seed, one run for each."""
    corpus = {"name": "clinic", "options": {"seed": 11, "n_utterances": n_utterances}}
    training, runs = {}, {}
    for variant, options in VARIANTS.items():
        for seed in seeds:
            name = f"{variant}, seed {seed}"
            training[name] = {
                "corpus": corpus,
                "reasoner": {"name": "instructed", "options": options},
                "trainer": {"name": "supervised", "options": {}},
                "seeds": [seed],
            }
            wanted = [*SUBSETS, *DEGRADED] if variant in ("whole", "global weights") else [*SUBSETS]
            runs[name] = {
                "corpus": corpus,
                "reasoner": {"name": "instructed", "options": {"conditions": wanted}},
                "trained": name,
            }
    return AuditPlan.model_validate({"training": training, "runs": runs})


def judged(plan: AuditPlan) -> tuple[Corpus, dict[str, pd.DataFrame]]:
    """Train what is not trained yet and return what each model says of the held-out patients."""
    folder, frames = Path.cwd(), {}
    with shown_progress() as progress:
        train_plan(plan, folder=folder, progress=progress)
        first = next(iter(plan.runs.values()))
        if first.corpus is None:
            raise ValueError("the plan has no corpus")
        corpus = load_corpus(first.corpus.name, first.corpus.options, progress=progress)
        for name, source in plan.runs.items():
            _, predictions = judged_run(name, source, plan, reading_of(name, source, plan, folder), progress)
            table: pa.Table = predictions.side_tables["judgements"]
            frames[name] = table.to_pandas()
    return corpus, frames


def with_evidence(frame: pd.DataFrame, corpus: Corpus) -> pd.DataFrame:
    """Return the rows of emotional turns whose evidence is known, with it and the labels' right probability."""
    known = {u.utterance_id: u.evidence for u in corpus.utterances if u.evidence and u.label not in (None, "neutral")}
    rows = frame[frame["utterance_id"].isin(known)].copy()
    rows["evidence"] = [known[name] for name in rows["utterance_id"]]
    rows["p_true"] = [row[f"prob_{row['y_true']}"] for _, row in rows.iterrows()]
    return rows


def cited(rationale: object) -> str | None:
    """Return the modality that a rationale names first."""
    found = re.search("|".join(NOUNS), str(rationale))
    return None if found is None else NOUNS[found[0]]


def named(rationale: object) -> str:
    """Return the emotion that a rationale names."""
    return str(rationale).split(".")[0].strip().lower()


def recovered(frame: pd.DataFrame, corpus: Corpus) -> dict[str, Spread]:
    """Return how often each sign of what the model used points at a modality that carries the evidence."""
    rows = with_evidence(frame, corpus)
    full = rows[rows["condition"] == "TAV"].set_index("utterance_id")
    heaviest = full[["weight_text", "weight_audio", "weight_video"]].idxmax(axis=1).str.removeprefix("weight_")
    lost = pd.DataFrame(
        {
            name: full["p_true"] - rows[rows["condition"] == left].set_index("utterance_id")["p_true"]
            for name, left in {"text": "AV", "audio": "TV", "video": "TA"}.items()
        }
    ).dropna()
    signs = {"the gate's heaviest": heaviest, "the rationale's first": full["rationale"].map(cited)}
    signs["the one whose loss hurts most"] = lost.idxmax(axis=1)
    spreads = {}
    for sign, said in signs.items():
        hits = full.loc[said.index].assign(
            hit=[m in e for m, e in zip(said, full.loc[said.index, "evidence"], strict=True)]
        )
        spreads[sign] = over_patients(hits, mean_of("hit"))
    chance = full.assign(hit=[len(evidence) / 3 for evidence in full["evidence"]])
    spreads["one drawn at random"] = over_patients(chance, mean_of("hit"))
    return spreads


def weight_change(frame: pd.DataFrame, condition: str) -> Spread:
    """Return by how much the weight of the degraded modality changes, in points of weight."""
    column = f"weight_{TOUCHED[condition]}"
    plain, degraded = (frame[frame["condition"] == name].set_index("utterance_id") for name in ("TAV", condition))
    both = degraded.assign(change=degraded[column] - plain[column]).dropna(subset=["change"])
    return over_patients(both, mean_of("change"))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    seeds = (0,) if quick else (0, 1, 2)
    corpus, frames = judged(plan_of(400 if quick else 2000, seeds))
    whole = pd.concat([frames[f"whole, seed {seed}"].assign(seed=seed) for seed in seeds])
    whole, f1 = whole.assign(right=whole["y_true"] == whole["y_pred"]), f1_over(sorted(whole["y_true"].unique()))
    majority = whole.loc[whole["condition"] == "TAV", "y_true"].value_counts(normalize=True).iloc[0]
    n_patients = whole["unit_id"].nunique()
    print(f"{n_patients} held-out patients, {len(seeds)} seeds; the majority class: {100 * majority:.1f} %")
    print("\n| condition | accuracy, % (95 % over patients) | weighted F1, % |\n|---|---|---|")
    for condition in [*SUBSETS, *DEGRADED]:
        rows = whole[whole["condition"] == condition]
        print(f"| {condition} | {over_patients(rows, mean_of('right'))} | {over_patients(rows, f1)} |")
    print("\n| which modality carries the evidence | right, % (95 % over patients) |\n|---|---|")
    for sign, spread in recovered(frames["whole, seed 0"], corpus).items():
        print(f"| {sign} | {spread} |")
    print("\n| degraded | change of its weight, gate | change of its weight, global |\n|---|---|---|")
    for condition in DEGRADED:
        gate, fixed = (weight_change(frames[f"{name}, seed 0"], condition) for name in ("whole", "global weights"))
        print(f"| {condition} | {gate} | {fixed} |")
    print("\n| variant | by seed | weighted F1, % | against whole | named = predicted, % | against whole |")
    print("|---|---|---|---|---|---|")
    for variant in VARIANTS:
        print(ablation_row(variant, frames, seeds, f1))
    full, *alone = (over_patients(whole[whole["condition"] == name], f1).value for name in ("TAV", "T", "A", "V"))
    print(f"points of weighted F1 above the best single modality: {100 * (full - max(alone)):.1f} (goal 5)")


def fullest(variant: str, frames: Mapping[str, pd.DataFrame], seeds: Sequence[int]) -> list[pd.DataFrame]:
    """Return a variant's judgements with all modalities that it takes in, one frame a seed, and what they agree on."""
    condition = {"no audio": "TV", "no visual": "TA"}.get(variant, "TAV")
    parts = []
    for seed in seeds:
        frame = frames[f"{variant}, seed {seed}"]
        part = frame[frame["condition"] == condition]
        parts.append(part.assign(seed=seed, agrees=part["rationale"].map(named) == part["y_pred"]))
    return parts


def ablation_row(variant: str, frames: Mapping[str, pd.DataFrame], seeds: Sequence[int], f1: Measure) -> str:
    """Return a row of the table of ablations, under all modalities that the variant takes in."""
    parts = fullest(variant, frames, seeds)
    by_seed = ", ".join(f"{100 * over_patients(part, f1).value:.1f}" for part in parts)
    rows, whole = pd.concat(parts), pd.concat(fullest("whole", frames, seeds))
    cells = [by_seed]
    for measure in (f1, mean_of("agrees")):
        against = "-" if variant == "whole" else str(over_patients(rows, measure, against=whole))
        cells += [str(over_patients(rows, measure)), against]
    return f"| {' | '.join([variant, *cells])} |"


if __name__ == "__main__":
    main()
