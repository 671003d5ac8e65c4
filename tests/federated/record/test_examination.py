"""The examination `federated-run`: numbers of a record that a naive count gives too, planted faults found, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affidavit.case import Case, TrainedOn
from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError, PlanError, TableError
from affidavit.exhibits import ExhibitTable
from affidavit.plan import Statistics
from affidavit.records import Finding
from affidavit.testing import ExaminationContract, case_of, predictions_frame
from federated.record.course import Ask
from federated.record.examination import EXAMINATION, METRICS, NO_SITES
from federated.record.exhibits import FAULTS, MISSING, ROUNDS, RUNS, SITES
from federated.record.log import read_log
from federated.record.reply_rate import reply_rate
from federated.rounds.events import ReplyRefused, ReplyTaken, RoundFailed, RunBegan
from tests.federated.record.logs import digest, round_of, server_log, site_log, written
from tests.federated.record.world import World, faulty

FRAME = predictions_frame(n_speakers=12, per_speaker=2)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", logger="affidavit.site")


def trained(card: Mapping[str, Any], folder: Path | None) -> TrainedOn:
    def load() -> Corpus:
        raise AssertionError("nobody asks for patients")

    return TrainedOn(training="federated", load=load, card=card, folder=folder, same=True)


def case(**options: Any) -> Case:
    return case_of(FRAME, options=options)


def findings(case: Case) -> dict[str, Finding]:
    return {claim.finding.metric: claim.finding for claim in EXAMINATION.examine(case).claims}


def exhibits(case: Case) -> dict[str, ExhibitTable]:
    return {table.id: table for table in EXAMINATION.examine(case).exhibits}


def values(case: Case) -> dict[str, float | None]:
    return {metric: finding.estimate.value for metric, finding in findings(case).items()}


class TestContract(ExaminationContract):
    examination = EXAMINATION

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_case(self) -> Case:
        path = self.folder / "server" / "log.jsonl"
        return case(record=str(path if path.exists() else written(path.parent, server_log(4))))


def test_a_run_with_faults(tmp_path: Path) -> None:
    world = faulty(tmp_path)
    own = case(record=str(world.record), sites=[str(path) for path in world.logs])
    assert EXAMINATION.refuses(own) is None

    told = values(own)
    assert told == {
        "federated_rounds_planned": 6,
        "federated_rounds_done": 6,
        "federated_rounds_lost": 0,
        "federated_reply_rate": pytest.approx(14 / 19),
        "federated_dropouts": 3,
        "federated_attempts_aborted": 0,
        "federated_record_breaches": 0,
        "federated_record_contradictions": 0,
    }
    assert tuple(told) == METRICS
    rate = findings(own)["federated_reply_rate"].estimate
    assert (rate.n, rate.n_clusters) == (19, 3)
    tables = exhibits(own)
    assert set(tables) == {RUNS, ROUNDS, SITES, MISSING, FAULTS}
    assert tables[FAULTS].values["kind"] == ["sent and not added"]
    assert tables[RUNS].values["app"] == [digest("app")]
    for table in tables.values():
        assert table.sealed("federated-run")[1].num_rows == len(next(iter(table.values.values())))


def test_a_quiet_run_has_no_table_of_faults(tmp_path: Path) -> None:
    world = World(tmp_path, rounds=3)
    world.begin()
    world.train()
    own = case(record=str(world.record), sites=[str(path) for path in world.logs])
    told = values(own)
    assert told["federated_reply_rate"] == 1.0
    assert {metric: told[metric] for metric in METRICS[4:]} == dict.fromkeys(METRICS[4:], 0)
    assert set(exhibits(own)) == {RUNS, ROUNDS, SITES}


def test_nothing_to_hold_it_against_is_unknown_and_not_none(tmp_path: Path) -> None:
    finding = findings(case(record=str(written(tmp_path, server_log()))))["federated_record_contradictions"]
    assert finding.estimate.value is None
    assert finding.because == NO_SITES


def test_a_forged_update_is_a_contradiction_and_its_clean_twin_is_none(tmp_path: Path) -> None:
    entries = server_log()
    at = next(i for i, entry in enumerate(entries) if isinstance(entry, ReplyTaken))
    forged = [*entries]
    forged[at] = entries[at].model_copy(update={"digest": digest("forged")})
    sites = [str(written(tmp_path / site, site_log(site))) for site in ("north", "south")]
    found = {}
    for name, told in (("clean", entries), ("forged", forged)):
        record = str(written(tmp_path / name, told))
        found[name] = findings(case(record=record, sites=sites))["federated_record_contradictions"]
    assert found["clean"].estimate.value == 0
    assert found["clean"].because is None
    assert found["forged"].estimate.value == 1
    assert "round 1: the server added" in str(found["forged"].because)


def test_what_cannot_have_happened_is_a_finding(tmp_path: Path) -> None:
    entries = [*server_log(2)[:-1], *round_of(2), *round_of(4)]
    finding = findings(case(record=str(written(tmp_path, entries))))["federated_record_breaches"]
    assert finding.estimate.value == 4
    assert finding.because == "line 11: round 2 was asked for after round 2; and 3 more"


def test_a_run_that_did_not_come_to_its_end_says_so(tmp_path: Path) -> None:
    began = RunBegan(run="sha256:run", layout="l", size=1, rounds=9, rounds_done=0)
    finding = findings(case(record=str(written(tmp_path, [began, *round_of(1)]))))["federated_rounds_done"]
    assert finding.estimate.value == 1
    assert finding.because == "the record does not say that the run ended"


def test_counts_are_exact_at_every_level_and_no_patient_stands_behind_them(tmp_path: Path) -> None:
    for claim in EXAMINATION.examine(case(record=str(written(tmp_path, server_log(3))))).claims:
        if claim.finding.metric == "federated_rounds_done":
            assert claim.interval_at is not None
            interval = claim.interval_at(0.999)
            assert not isinstance(interval, str)
            assert (interval.low, interval.high) == (3, 3)
            assert (claim.finding.estimate.n, claim.finding.estimate.n_clusters) == (0, 0)


def test_the_record_beside_a_checkpoint_is_found_and_held_against_its_card(tmp_path: Path) -> None:
    record = written(tmp_path / "other", server_log()).rename(tmp_path / "model.rounds.jsonl")
    head = read_log(record).head
    log = {"file": "../../etc/model.rounds.jsonl", "head": head}
    card = {"federated": {"log": log, "run": "sha256:run", "parties": "every site in one process\x1b[2J"}}
    own = replace(case(), trained_on={"run": trained(card, tmp_path / "model")})
    assert values(own)["federated_rounds_done"] == 2
    assert values(own)["federated_record_contradictions"] is None

    assert str(exhibits(own)[RUNS].values["parties"][0]).startswith("every site in one process")
    assert str(exhibits(own)[RUNS].values["parties"][0]).isprintable()

    log["head"] = digest("cut off")
    found = findings(own)["federated_record_contradictions"]
    assert found.estimate.value == 1
    assert "no line has the digest that the checkpoint names" in str(found.because)
    card["federated"]["run"] = digest("another training")
    refusal = EXAMINATION.refuses(own)
    assert refusal is not None
    assert "nothing of this training" in refusal.because


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"federated": None},
        {"federated": {"log": "x", "run": 3}},
        {"federated": {"log": {"file": 7, "head": None}}},
        {"federated": {"log": {"file": "model.rounds.jsonl"}}},
    ],
)
def test_a_run_without_a_record_is_refused_with_words(tmp_path: Path, card: dict[str, Any]) -> None:
    for known in ({}, {"run": trained(card, None)}):
        refusal = EXAMINATION.refuses(replace(case(), trained_on=known))
        assert refusal is not None
        assert "no record of a federated training" in refusal.because
        assert "option record" in refusal.remedy


def test_what_cannot_be_examined_is_refused(tmp_path: Path) -> None:
    broken = written(tmp_path / "broken", server_log())
    broken.write_bytes(broken.read_bytes().replace(b"north", b"nordh", 1))
    site = written(tmp_path / "site", site_log("north"))
    several = written(
        tmp_path / "two", [*server_log(1), RunBegan(run="b", layout="l", size=1, rounds=1, rounds_done=0)]
    )
    for path, words in (
        (broken, "does not hold"),
        (site, "no server's"),
        (several, "2 trainings"),
        (written(tmp_path / "no", []), "no server's"),
    ):
        refusal = EXAMINATION.refuses(case(record=str(path)))
        assert refusal is not None, path
        assert words in refusal.because
        assert refusal.remedy
    assert EXAMINATION.refuses(case(record=str(several), federation="sha256:run")) is None
    sound = str(written(tmp_path / "sound", server_log()))
    refusal = EXAMINATION.refuses(case(record=sound, sites=[str(broken)]))
    assert refusal is not None


def test_what_is_named_wrongly_is_an_error(tmp_path: Path) -> None:
    record, site = written(tmp_path / "s", server_log()), str(written(tmp_path / "north", site_log("north")))
    wrong: Sequence[tuple[type[AffidavitError], dict[str, Any]]] = (
        (TableError, {"record": str(tmp_path / "none.jsonl")}),
        (TableError, {"record": str(record), "sites": [str(tmp_path / "none")]}),
        (PlanError, {"record": str(record), "sites": [site, site]}),
        (PlanError, {"record": str(record), "sites": [str(record)]}),
        (PlanError, {"records": "x"}),
        (PlanError, {"record": 7}),
    )
    for kind, options in wrong:
        with pytest.raises(kind):
            EXAMINATION.refuses(case(**options))


def test_one_record_for_several_runs_is_asked_about(tmp_path: Path) -> None:
    record = str(written(tmp_path, server_log()))
    own = case(record=record)
    own.book.runs = {"run": own.runs["run"], "other": own.runs["run"]}
    with pytest.raises(PlanError, match="several runs"):
        EXAMINATION.refuses(own)
    assert EXAMINATION.refuses(replace(own, options={"record": {"run": record}})) is None


def test_texts_of_sites_leave_as_texts(tmp_path: Path) -> None:
    said = "<script>x</script> | \x1b[2J\n" + "z" * 5_000
    refused = ReplyRefused(round=1, attempt=1, site="north", because=said)
    failed = RoundFailed(round=1, attempts=1, replied=(), quorum=2)
    table = exhibits(case(record=str(written(tmp_path, [*server_log(1)[:3], refused, failed]))))[MISSING]
    assert table.values["part"] == ["refused", "no reply"]
    words = str(table.values["because"][0])
    assert words.startswith("<script>x</script> |")
    assert words.isprintable()
    assert len(words) == 300


def asks(counts: Sequence[tuple[int, int]]) -> list[Ask]:
    """Return asks of sites: how many came, how many did not."""
    return [
        Ask(round=n, attempt=1, site=f"s{place}", part="in" if n < there else "no reply")
        for place, (there, away) in enumerate(counts)
        for n in range(there + away)
    ]


def test_the_reply_rate_is_replies_over_asks_with_a_jackknife_over_sites() -> None:
    counts = [(9, 1), (7, 3), (10, 0), (4, 1)]
    measured = reply_rate(asks(counts), statistics=Statistics(), seed=1)

    there, every = np.array([c[0] for c in counts]), np.array([sum(c) for c in counts])
    left_out = np.array([np.delete(there, i).sum() / np.delete(every, i).sum() for i in range(4)])
    slow = np.sqrt(3 / 4 * ((left_out - left_out.mean()) ** 2).sum())
    rows = np.sqrt(there.sum() / every.sum() * (1 - there.sum() / every.sum()) / every.sum())
    assert measured.value[0] == pytest.approx(there.sum() / every.sum())
    assert measured.standard_error[0] == pytest.approx(max(slow, rows), rel=0.05)
    assert (measured.n_rows[0], measured.n_units[0]) == (every.sum(), 4)


def test_asks_that_nobody_saw_the_end_of_are_in_no_rate() -> None:
    seen = asks([(3, 1), (4, 0)])
    unseen = [Ask(round=9, attempt=1, site="s0", part="not seen")] * 5
    alike = [reply_rate(some, statistics=Statistics(), seed=1) for some in (seen, [*seen, *unseen])]
    assert alike[0].value == alike[1].value
    assert alike[0].n_rows == alike[1].n_rows


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [([(5, 0)] * 3, 0.2924, 1.0), ([(0, 5)] * 3, 0.0, 0.7076)],
)
def test_sites_that_all_agree_are_not_taken_for_certainty(
    counts: list[tuple[int, int]], low: float, high: float
) -> None:
    interval = reply_rate(asks(counts), statistics=Statistics(), seed=1).interval(0, 0.95)
    assert not isinstance(interval, str)
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=1e-3)


def test_no_sites_and_one_site_have_no_interval() -> None:
    for own, value in (([], None), ([(3, 1)], 0.75)):
        estimate = reply_rate(asks(own), statistics=Statistics(), seed=1).estimate(0, 0.95, has_units=True)
        assert (estimate.value, estimate.interval) == (value, None)
        assert estimate.why_no_interval


@pytest.mark.slow
@pytest.mark.parametrize("n_sites", [8, 30])
def test_the_interval_of_the_reply_rate_covers(n_sites: int) -> None:
    """Sites of a beta-binomial with mean 0.85 and intraclass correlation 0.1, asked 12 times each."""
    rng, covered, n_tables = np.random.default_rng(4), 0, 500
    for _ in range(n_tables):
        there = rng.binomial(12, rng.beta(0.85 * 9, 0.15 * 9, n_sites))
        counts = [(int(n), int(12 - n)) for n in there]
        measured = reply_rate(asks(counts), statistics=Statistics(n_resamples=400), seed=int(rng.integers(2**31)))
        interval = measured.interval(0, 0.95)
        assert not isinstance(interval, str)
        covered += interval.low <= 0.85 <= interval.high
    assert 0.925 <= covered / n_tables <= 0.99
