from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from affidavit.case import Case, EvidenceBook, TrainedOn
from affidavit.corpus import Corpus
from affidavit.errors import PlanError, TableError
from affidavit.examinations import Testimony
from affidavit.predictions import Reading, predictions_from
from affidavit.records import Finding, Interval, Verdict
from affidavit.tables import from_frame
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.ledger.events import Budget, RunFacts, StepEvent, Unit
from privacy.ledger.examination import EXAMINATION
from privacy.ledger.ledger import Ledger
from privacy.ledger.notes import attest_disjoint

STEP = StepEvent(noise_multiplier=2.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove")
BUDGET = Budget(epsilon=2.0, delta=1e-5)


def written(
    path: Path,
    *,
    site: str = "north",
    unit: Unit = "patient",
    budget: Budget | None = BUDGET,
    n_units: int | None = 1000,
    step: StepEvent = STEP,
    run_name: str | None = None,
) -> Path:
    facts = RunFacts(n_units=n_units)
    with Ledger.opened(path, site=site, unit=unit, run=run_name or site, budget=budget, facts=facts) as ledger:
        ledger.confirm(ledger.intend(replace(step, n_times=10)))
    return path


@cache
def frame() -> pd.DataFrame:
    return predictions_frame(n_speakers=6, per_speaker=3)


def case(folder: Path, **options: Any) -> Case:
    return replace(case_of(frame(), options=options), folder=folder)


def examined(folder: Path, **options: Any) -> Testimony:
    asked = case(folder, **options)
    assert EXAMINATION.refuses(asked) is None
    return EXAMINATION.examine(asked)


def findings(testimony: Testimony) -> Mapping[str, Finding]:
    return {claim.finding.groups.get("site", "all"): claim.finding for claim in testimony.claims}


def test_the_number_is_the_accountants_and_says_all_that_it_is_true_of(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl")
    (claim,) = examined(tmp_path, ledger="ledger.jsonl").claims
    finding, told = claim.finding, account((STEP.mechanism.times(10),), delta=1e-5)
    assert isinstance(told, Bounded)
    assert finding.estimate.value == pytest.approx(told.epsilon, rel=1e-11)
    assert finding.estimate.interval is None
    assert "not an estimate" in (finding.estimate.why_no_interval or "")
    assert finding.verdict is Verdict.INFORMATIVE
    said = " | ".join(finding.caveats)
    for words in ("delta 1e-05", "unit: patient", "added or removed", "Poisson", "Opacus PRV 1.6.0", "PLD 0.6.0"):
        assert words in said
    assert "empirical lower bound" in said


def test_a_criterion_decides_on_the_number_itself(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl")
    (claim,) = examined(tmp_path, ledger="ledger.jsonl").claims
    assert claim.interval_at is not None
    interval = claim.interval_at(0.999)
    assert isinstance(interval, Interval)
    assert interval.low == interval.high == claim.finding.estimate.value
    assert claim.barred is None


def test_a_delta_that_promises_nothing_bars_every_criterion(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl", n_units=100)
    (claim,) = examined(tmp_path, ledger="ledger.jsonl", delta=0.01).claims
    assert claim.barred == "delta 0.01 is not below one over the declared number of patients"


def test_a_number_of_units_that_nobody_declared_bars_every_criterion_until_somebody_does(tmp_path: Path) -> None:
    """At delta 0.5 half of the patients may be published: that nobody said how many there are makes it no promise."""
    written(tmp_path / "ledger.jsonl", n_units=None)
    (claim,) = examined(tmp_path, ledger="ledger.jsonl", delta=0.01).claims
    assert claim.barred is not None
    assert "nobody declared how many patients" in claim.barred
    (claim,) = examined(tmp_path, ledger="ledger.jsonl", delta=0.01, at_most_units=100).claims
    assert claim.barred is not None
    assert "not below one over" in claim.barred
    (claim,) = examined(tmp_path, ledger="ledger.jsonl", delta=0.01, at_most_units=99).claims
    assert claim.barred is None
    assert claim.finding.estimate.n_clusters == 99


def test_a_run_without_a_ledger_is_nothing_to_be_called_differential_privacy(tmp_path: Path) -> None:
    refusal = EXAMINATION.refuses(case(tmp_path))
    assert refusal is not None
    assert "nothing of this run may be called differential privacy" in refusal.because


def test_a_ledger_that_does_not_hold_is_no_ledger(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"n_times":10', b'"n_times":1'))
    refusal = EXAMINATION.refuses(case(tmp_path, ledger="ledger.jsonl"))
    assert refusal is not None
    assert "the ledger does not hold: line 2" in refusal.because


def test_a_ledger_without_steps_or_delta_is_refused(tmp_path: Path) -> None:
    Ledger.opened(tmp_path / "empty.jsonl", site="north", unit="patient", run="a", budget=BUDGET).close()
    empty = EXAMINATION.refuses(case(tmp_path, ledger="empty.jsonl"))
    assert empty is not None
    assert empty.because == "the ledger has no step in it"
    written(tmp_path / "ledger.jsonl", budget=None)
    nameless = EXAMINATION.refuses(case(tmp_path, ledger="ledger.jsonl"))
    assert nameless is not None
    assert "no delta" in nameless.because
    assert EXAMINATION.refuses(case(tmp_path, ledger="ledger.jsonl", delta=1e-5)) is None
    with pytest.raises(TableError):
        EXAMINATION.refuses(case(tmp_path, ledger="none.jsonl"))
    with pytest.raises(PlanError):
        EXAMINATION.refuses(case(tmp_path, ledgr="ledger.jsonl"))


def test_no_noise_is_inconclusive_and_no_number(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl", budget=None, step=replace(STEP, noise_multiplier=0.0))
    (claim,) = examined(tmp_path, ledger="ledger.jsonl", delta=1e-5).claims
    assert claim.finding.estimate.value is None
    assert claim.finding.verdict is Verdict.INCONCLUSIVE
    assert claim.finding.because == "a step added no noise"
    assert claim.interval_at is not None
    assert claim.interval_at(0.95) == "a step added no noise"


def test_utterances_are_labelled_as_what_they_are(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl", unit="utterance")
    (claim,) = examined(tmp_path, ledger="ledger.jsonl").claims
    said = " ".join(claim.finding.caveats)
    assert "not the patient who spoke it" in said
    assert "k e^((k - 1) epsilon) times the delta" in said


def test_sites_are_told_one_by_one_and_composed(tmp_path: Path) -> None:
    for site in ("north", "south"):
        written(tmp_path / f"{site}.jsonl", site=site)
    apart = findings(examined(tmp_path, ledger="."))
    assert set(apart) == {"all", "north", "south"}
    values = {name: finding.estimate.value for name, finding in apart.items()}
    assert values["north"] == values["south"]
    assert values["all"] is not None
    assert values["north"] is not None
    assert values["all"] > values["north"]
    for site in ("north", "south"):
        assert findings(examined(tmp_path, ledger="."))["all"].estimate.value == values["all"], "one has said nothing"
        attest_disjoint(tmp_path / f"{site}.jsonl", sites=("north", "south"), by="office", because="registry")
    assert findings(examined(tmp_path, ledger="."))["all"].estimate.value == values["north"]


def unread() -> Corpus:
    raise AssertionError("nobody needs the corpus to read a ledger")


def trained(folder: Path, ledger: Any) -> TrainedOn:
    """A model that the plan trained, whose card names these ledgers."""
    card = {"privacy": {"ledger": ledger}} if ledger is not None else {}
    return TrainedOn(training="hospitals", load=unread, card=card, folder=folder / "seed-0", same=False)


def beside(folder: Path, ledger: Any) -> Case:
    made = case(folder)
    return replace(made, trained_on=dict.fromkeys(made.runs, trained(folder, ledger)))


def test_the_ledgers_of_a_model_that_the_plan_trained_are_found_beside_it(tmp_path: Path) -> None:
    """As a federated training leaves them: one for each site, and the record of the rounds, which is no ledger."""
    for site in ("north", "south"):
        place = written(tmp_path / f"seed-0.{site}.ledger.jsonl", site=site)
        attest_disjoint(place, sites=("north", "south"), by="the trainer", because="no patient of the corpus is at two")
    written(tmp_path / "seed-1.north.ledger.jsonl", site="north", run_name="another seed")
    (tmp_path / "seed-0.rounds.jsonl").write_text('{"number":0}\n', encoding="utf-8")
    asked = beside(tmp_path, "seed-0.north.ledger.jsonl, seed-0.south.ledger.jsonl")

    assert EXAMINATION.refuses(asked) is None
    found = findings(EXAMINATION.examine(asked))

    assert set(found) == {"all", "north", "south"}
    assert found["all"].estimate.value == found["north"].estimate.value, "nobody is at two sites"
    assert any("no patient is at two of them" in caveat for caveat in found["all"].caveats)


def test_a_ledger_that_a_card_names_and_nobody_finds_is_none(tmp_path: Path) -> None:
    refusal = EXAMINATION.refuses(beside(tmp_path, "seed-0.north.ledger.jsonl"))
    assert refusal is not None
    assert refusal.because.startswith("the model's card names seed-0.north.ledger.jsonl, not found beside it")
    for nothing in (None, 3, "", ["a"]):
        refusal = EXAMINATION.refuses(beside(tmp_path, nothing))
        assert refusal is not None
        assert refusal.because.startswith("there is no ledger")


def test_a_folder_of_ledgers_may_hold_the_record_of_the_rounds(tmp_path: Path) -> None:
    for site in ("north", "south"):
        written(tmp_path / f"seed-0.{site}.ledger.jsonl", site=site)
    (tmp_path / "seed-0.rounds.jsonl").write_text('{"number":0}\n', encoding="utf-8")

    assert set(findings(examined(tmp_path, ledger="."))) == {"all", "north", "south"}


def test_the_exhibits_show_steps_and_accounts(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl")
    ledgers, accounts, spending, instruments = examined(tmp_path, ledger="ledger.jsonl").exhibits
    assert spending.id == "privacy-spending"
    assert instruments.id == "privacy-instruments"
    assert ledgers.table().to_pylist()[0] | {"training": "north"} == ledgers.table().to_pylist()[0]
    assert ledgers.values["steps"] == [10]
    assert [str(name).rsplit(" ", 1)[0] for name in accounts.values["accountant"]] == [
        "Opacus PRV",
        "dp-accounting PLD",
    ]


def test_several_runs_have_each_their_own(tmp_path: Path) -> None:
    written(tmp_path / "ledger.jsonl")
    runs = {
        name: predictions_from(from_frame(frame()), Reading(run=name, by=("accent",))) for name in ("private", "plain")
    }
    base = case(tmp_path, ledger={"private": "ledger.jsonl"})
    book = EvidenceBook(runs=runs, by=("accent",), statistics=base.statistics, seed=0)
    several = replace(base, runs=runs, book=book)
    assert EXAMINATION.refuses(several) is None
    assert [refusal.run for refusal in EXAMINATION.refusals(several)] == ["plain"]
    assert {claim.finding.run for claim in EXAMINATION.examine(several).claims} == {"private"}
    with pytest.raises(PlanError, match="one ledger is named for several runs"):
        EXAMINATION.refuses(replace(several, options={"ledger": "ledger.jsonl"}))


class TestContract(ExaminationContract):
    examination: ClassVar[Any] = EXAMINATION

    def make_case(self) -> Case:
        folder = Path(tempfile.mkdtemp())
        return case(folder, ledger=written(folder / "ledger.jsonl").name)
