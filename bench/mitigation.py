"""What group DRO and gradient reversal do on the built-in clinic with a planted group fault, and at whose cost.

    python bench/mitigation.py           12,000 turns, three seeds
    python bench/mitigation.py --quick   6,000 turns, one seed: under 50 s
    python bench/mitigation.py --write   writes the table into docs/mitigation.md

The fault: a recogniser writes before nearly every sentence what it takes the sound of it for, and for patients with one
accent takes one emotion for another. The words themselves are right for everybody. A model that believes the sounds is
right for the others and wrong for them; one that reads the words pays with the others.

A small network that reads words is trained three times on the same patients (supervised, group-dro, gradient-reversal)
and judges the same held-out ones; of each training the last epoch is kept, so that they differ in nothing else. Changes
are paired by turn, intervals are over patients; a seed is a repetition of every turn. Who is told is asked of a fresh
probe, which never saw a training: `leakage-probe`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from mitigation_reasoner import WordsReasoner

from affidavit.case import Case, EvidenceBook
from affidavit.confusion import accuracy
from affidavit.corpus import Corpus
from affidavit.evidence import Evidence
from affidavit.intervals import measure
from affidavit.plan import Statistics
from affidavit.predictions import Predictions, Reading, predictions_from
from affidavit.protocols import silent
from affidavit.records import Estimate, Finding
from affidavit.registry import Door, load
from affidavit.seeds import seed_of
from affidavit.splits import grouped, split
from affidavit.tables import from_frame
from affidavit.tally import outcome_columns, tally_outcomes
from affidavit.utterances import Utterance
from audit.contrasts import contrasts_of, signed_estimate
from audit.mitigation.leakage_claims import CHANGE, METRIC
from audit.mitigation.leakage_probe import EXAMINATION as PROBE
from audit.mitigation.paired import When, class_rows, over

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "mitigation.md"
MISHEARD: Final = "caribbean"
ACCENTS: Final = {"american": 0.375, "southern english": 0.375, MISHEARD: 0.25}
HEARD_SHARE: Final = 0.9
HELD_OUT: Final = 0.4
FEATURE: Final = "heard"
GROUPS: Final = ("rightly", "wrongly")
COMMON: Final = {
    "epochs": 10,
    "patience": 10,
    "held_out": HELD_OUT,
    "learning_rate": 5e-3,
    "weight_decay": 0.5,
    "rows_per_step": 16,
    "training_digest": "bench/mitigation.py",
}
TRAININGS: Final[Mapping[str, dict[str, Any]]] = {
    "supervised": {"keep": "last"},
    "group-dro": {"features": [FEATURE], "eta": 1.0},
    "gradient-reversal": {"features": [FEATURE], "strength": 3.0},
}
GOAL: Final = 0.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is trained."""

    n_turns: int
    seeds: tuple[int, ...]


FULL, QUICK = Scale(12_000, (0, 1, 2)), Scale(6000, (0,))


def misheard_clinic(n_turns: int) -> Corpus:
    """Return the clinic's words with the fault; patients of unknown accent are not there."""
    options = {"seed": 1, "n_utterances": n_turns, "media": "none", "accents": ACCENTS}
    clinic: Corpus = load(Door.CORPORA, "clinic").load(options, folder=Path(), progress=silent)
    accents = {u.unit: u.sensitive.get("accent") for u in clinic.utterances if u.speaker_role == "patient"}
    rng = np.random.default_rng(seed_of("bench", "misheard"))
    heard = [
        _heard(u, clinic.label_space, accents[u.unit], sound=rng.random() < HEARD_SHARE) for u in clinic.utterances
    ]
    return replace(clinic, utterances=tuple(u for u in heard if accents[u.unit] is not None))


def _heard(utterance: Utterance, labels: Sequence[str], accent: str | None, *, sound: bool) -> Utterance:
    group = {FEATURE: GROUPS[accent == MISHEARD]}
    if utterance.label is None or not sound:
        return replace(utterance, sensitive=group)
    taken_for = (labels.index(utterance.label) + (accent == MISHEARD)) % len(labels)
    return replace(utterance, sensitive=group, text=f"[sounds of {labels[taken_for]}] {utterance.text}")


def held_out_turns(corpus: Corpus) -> list[Utterance]:
    """Return the labelled turns of the patients that every training holds out."""
    groups = {name: turns for name, turns in grouped(corpus.utterances).items() if any(t.label for t in turns)}
    parts = split(sorted(groups), {"held_out": HELD_OUT, "development": 0.1}, seed=seed_of(0, "split"))
    return [turn for name in parts["held_out"] for turn in groups[name] if turn.label is not None]


def judged(corpus: Corpus, trainer: str, turns: Sequence[Utterance], seeds: Sequence[int]) -> pd.DataFrame:
    """Return what models of one training, a seed each, answer of the turns."""
    parts = []
    for seed in seeds:
        reasoner = WordsReasoner(corpus.label_space, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            load(Door.TRAINERS, trainer).train(
                reasoner,
                corpus,
                {**COMMON, **TRAININGS[trainer]},
                folder=Path(folder),
                rng=np.random.default_rng(seed),
                progress=silent,
            )
        shares = reasoner.answers(turns)
        part = pd.DataFrame(
            {
                "utterance_id": [turn.utterance_id for turn in turns],
                "unit_id": [turn.unit for turn in turns],
                "repeat": seed,
                "condition": "T",
                FEATURE: [turn.sensitive[FEATURE] for turn in turns],
                "y_true": [turn.label for turn in turns],
                "y_pred": np.array(corpus.label_space)[shares.argmax(axis=1)],
            }
        )
        parts.append(part.assign(**{f"prob_{label}": shares[:, k] for k, label in enumerate(corpus.label_space)}))
    return pd.concat(parts, ignore_index=True)


def case_of(tables: Mapping[str, pd.DataFrame]) -> Case:
    """Return a case whose runs are the trainings."""
    statistics = Statistics()
    runs = {
        name: predictions_from(from_frame(table), Reading(run=name, by=(FEATURE,))) for name, table in tables.items()
    }
    book = EvidenceBook(runs=runs, by=(FEATURE,), statistics=statistics, seed=0)
    return Case(
        runs=runs,
        by=(FEATURE,),
        depth=1,
        statistics=statistics,
        book=book,
        rng=np.random.default_rng(0),
        options={"baseline": "supervised"},
    )


def before_and_after(case: Case, after: str, family: tuple[str, ...]) -> Evidence:
    """Return class sums of the supervised model and of another over the same turns, by the groups of a family."""
    before = case.runs["supervised"]
    sums = np.concatenate([_sums(case.runs[name]) for name in ("supervised", after)], axis=1)
    rows = _columns(before, outcome_columns(before, (FEATURE,)))
    return case.book.evidence_of(
        "supervised", tally_outcomes(before, (FEATURE,), condition="T", rows=rows, sums=sums), family
    )


def _sums(predictions: Predictions) -> np.ndarray[Any, np.dtype[np.float64]]:
    truth, answer = (codes.astype(np.int64) for codes in _columns(predictions, ["y_true", "y_pred"]).values())
    return class_rows(truth, answer, len(predictions.labels))


def _columns(predictions: Predictions, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    batches = list(predictions.coded_batches(names))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}


def accuracies(case: Case, name: str, when: When) -> dict[str, Estimate]:
    """Return the accuracy of everybody, of each group, and what the wrongly heard have less."""
    n_labels = len(case.runs[name].labels)
    everybody, groups = (before_and_after(case, name, family) for family in ((), (FEATURE,)))
    statistic = over(accuracy(n_labels), when)
    whole, each = measure(everybody, statistic), measure(groups, statistic)
    (apart,) = contrasts_of(groups, (statistic,))
    return {
        "everybody": signed_estimate(whole, 0, 0.95, has_units=True),
        **{group: signed_estimate(each, g, 0.95, has_units=True) for g, group in enumerate(GROUPS)},
        "gap": apart.estimate(0, 1, 0.95, has_units=True),
    }


def told(case: Case) -> dict[tuple[str, str], Finding]:
    """Return what the fresh probe found, by run and metric."""
    return {(c.finding.run, c.finding.metric): c.finding for c in PROBE.examine(case).claims}


def shown(estimate: Estimate) -> str:
    """Return a value with its interval, in points."""
    interval = estimate.interval
    if estimate.value is None or interval is None:
        return "none"
    return f"{100 * estimate.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def table(case: Case) -> list[str]:
    """Return the lines of the table: each training's accuracies, and for others than the first what changed."""
    probe = told(case)
    head = ("training", "", "everybody", "heard rightly", "heard wrongly", "gap", "group told by a fresh probe")
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name in TRAININGS:
        rows: list[tuple[str, When, str]] = [("", "after", METRIC)]
        rows += [("change", "change", CHANGE)] if name != "supervised" else []
        for what, when, metric in rows:
            cells = [shown(estimate) for estimate in accuracies(case, name, when).values()]
            first = f"`{name}`" if not what else ""
            lines.append(f"| {' | '.join((first, what, *cells, shown(probe[name, metric].estimate)))} |")
    return lines


def written(lines: Sequence[str]) -> None:
    """Put the table between its marks in the page."""
    start, end = "<!-- bench/mitigation.py -->", "<!-- end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(start)
    PAGE.write_text(f"{before}{start}\n\n" + "\n".join(lines) + f"\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def main() -> None:
    """Train, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    scale = QUICK if asked.quick else FULL
    corpus = misheard_clinic(scale.n_turns)
    turns = held_out_turns(corpus)
    case = case_of({name: judged(corpus, name, turns, scale.seeds) for name in TRAININGS})
    lines = table(case)
    n_units, wrongly = len({turn.unit for turn in turns}), {t.unit for t in turns if t.sensitive[FEATURE] == GROUPS[1]}
    print(
        f"{len(turns):,} turns of {n_units} held-out patients, {len(wrongly)} heard wrongly; {len(scale.seeds)} seeds"
    )
    print("\n".join(lines))
    if asked.write:
        written(lines)
    gain = accuracies(case, "group-dro", "change")[GROUPS[1]].interval
    low = float("nan") if gain is None else gain.low
    print(f"group_dro_worst_group_gain_at_least: {low:.3f} (goal {GOAL:.3f})")


if __name__ == "__main__":
    main()
