from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from affidavit.errors import PlanError, TableError, VerificationError
from affidavit.hash_chain import read_chain
from privacy.ledger.commands import ledger
from privacy.ledger.events import Budget, RunFacts, StepEvent
from privacy.ledger.ledger import Ledger
from privacy.ledger.notes import note_withdrawal

STEP = StepEvent(noise_multiplier=2.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove")
BUDGET = Budget(epsilon=2.0, delta=1e-5)


def written(
    path: Path, *, n: int, site: str = "north", budget: Budget | None = BUDGET, facts: RunFacts | None = None
) -> Path:
    facts = facts or RunFacts(n_units=1000)
    with Ledger.opened(path, site=site, unit="patient", run=site, budget=budget, facts=facts) as opened:
        if n:
            opened.confirm(opened.intend(replace(STEP, n_times=n)))
    return path


def test_show_prints_everything_that_an_epsilon_is_true_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "ledger.jsonl", n=10)
    note_withdrawal(path, site="north")
    assert ledger("show", path) == 0
    said = capsys.readouterr().out
    for words in (
        "site north, each patient: epsilon 0.",
        "delta 1e-05; unit: patient; neighbours: one patient added or removed",
        "counted: 10 steps; sampler: each patient drawn with its own coin (Poisson)",
        "accountants: Opacus PRV 1.6.0, dp-accounting PLD 0.6.0",
        "1 withdrawals noted; what was spent stays spent",
    ):
        assert words in said


def test_show_ends_with_3_where_the_number_does_not_stand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "ledger.jsonl", n=10, facts=RunFacts(n_units=100_000))
    assert ledger("show", path) == 3
    assert "delta 1e-05 is not below one over 100,000 patients" in capsys.readouterr().out
    hidden = written(tmp_path / "hidden.jsonl", n=10, facts=RunFacts())
    assert ledger("show", hidden) == 3
    assert "the number of patients is not declared" in capsys.readouterr().out
    bare = tmp_path / "bare.jsonl"
    with Ledger.opened(bare, site="north", unit="patient", run="bare", budget=None) as opened:
        opened.intend(replace(STEP, noise_multiplier=0.0))
    assert ledger("show", bare, delta=1e-5) == 3
    assert "unbounded: a step added no noise" in capsys.readouterr().out


def test_show_asks_for_a_delta_that_nobody_stated(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.jsonl", n=1, budget=None)
    with pytest.raises(PlanError, match="nobody has said at which delta"):
        ledger("show", path)


def test_show_composes_the_sites_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for site in ("north", "south"):
        written(tmp_path / f"{site}.jsonl", n=10, site=site)
    assert ledger("show", tmp_path) == 0
    said = capsys.readouterr().out
    assert "all sites, each patient" in said
    assert "nobody attested that these do not: north and south" in said


def test_verify_names_the_first_line_that_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "ledger.jsonl", n=10)
    head = read_chain(path).head
    assert ledger("verify", path) == 0
    assert f"3 lines hold\nhead {head}" in capsys.readouterr().out
    assert ledger("verify", path, head=head) == 0
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:1]))
    assert ledger("verify", path) == 0  # lines cut off the end leave a chain that holds
    with pytest.raises(VerificationError, match="no line has this digest"):
        ledger("verify", path, head=head)
    path.write_bytes(whole.replace(b"2.0", b"9.0").replace(b'"noise_multiplier":2', b'"noise_multiplier":9'))
    with pytest.raises(VerificationError, match="line 2 does not hold"):
        ledger("verify", path)


@pytest.mark.slow
def test_remaining_tells_epsilon_and_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "ledger.jsonl", n=20)
    assert ledger("remaining", path) == 0
    said = capsys.readouterr().out
    assert "budget of north: epsilon 2 at delta 1e-05; spent " in said
    n = int(said.rsplit("; ", 1)[1].split(" ")[0].replace(",", ""))
    with Ledger.opened(path, site="north", unit="patient", run="north", budget=BUDGET) as opened:
        opened.intend(replace(STEP, n_times=n))
    assert ledger("remaining", path) == 1
    assert "no step like the last fits" in capsys.readouterr().out


def test_remaining_without_a_budget_is_not_known(tmp_path: Path) -> None:
    assert ledger("remaining", written(tmp_path / "ledger.jsonl", n=1, budget=None)) == 3


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TableError):
        ledger("show", tmp_path / "none.jsonl")
    with pytest.raises(TableError, match="no ledger in the folder"):
        ledger("verify", tmp_path)
    with pytest.raises(PlanError, match="no action 'shrink'"):
        ledger("shrink", tmp_path)


def test_ledgers_of_one_site_are_added_up_and_it_is_said_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two seeds, each within its own budget: what both release is more than either was allowed."""
    for corpora, words in (
        (("sha256:a", "sha256:a"), "their trainings were on one corpus, so that every patient in it has lost by all"),
        (("sha256:a", "sha256:b"), "a patient may be in several of its 2 corpora (two versions"),
        (("sha256:a", None), "several of its 2 corpora, some of them unnamed"),
        ((None, None), "none says on which corpus it was"),
    ):
        folder = tmp_path / "-".join(str(corpus)[-1] for corpus in corpora)
        folder.mkdir()
        for seed, corpus in enumerate(corpora):
            path = folder / f"seed-{seed}.ledger.jsonl"
            facts = RunFacts(n_units=1000, corpus=corpus)
            with Ledger.opened(path, site="here", unit="patient", run=f"r{seed}", budget=BUDGET, facts=facts) as opened:
                opened.intend(replace(STEP, n_times=30))
        assert ledger("show", folder) == 0
        said = capsys.readouterr().out
        assert said.startswith("site here: 2 ledgers are added up (seed-0.ledger.jsonl, seed-1.ledger.jsonl): ")
        assert words in said
        assert ("ask each ledger by itself" in said) is (words[0] != "t")
        assert "counted: 60 steps" in said
    assert ledger("show", folder / "seed-0.ledger.jsonl") == 0
    said = capsys.readouterr().out
    assert "added up" not in said
    assert "counted: 30 steps" in said


@pytest.mark.slow
def test_a_budget_that_each_ledger_keeps_may_be_exceeded_by_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(2):
        path = tmp_path / f"seed-{seed}.jsonl"
        with Ledger.opened(path, site="here", unit="patient", run=f"r{seed}", budget=BUDGET) as opened:
            opened.intend(replace(STEP, n_times=60))
        assert ledger("remaining", path) == 0
    capsys.readouterr()
    assert ledger("remaining", tmp_path) == 1
    said = capsys.readouterr().out
    assert "2 ledgers are added up" in said
    assert said.count("left 0;") + said.count("left 0\n") == 2


def test_an_attestation_counts_once_each_site_has_noted_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for site in ("north", "south"):
        written(tmp_path / f"{site}.jsonl", n=10, site=site)
    both, word = ("north", "south"), ("data protection office", "lists compared")
    assert ledger("attest", tmp_path / "north.jsonl", sites=both, word=word) == 0
    assert "line 4: data protection office attests that no patient is at two of north, south" in capsys.readouterr().out
    ledger("show", tmp_path)
    assert "nobody attested that these do not: north and south" in capsys.readouterr().out, "south has said nothing"
    assert ledger("attest", tmp_path / "south.jsonl", sites=both, word=("ward office", "by hand")) == 0
    ledger("show", tmp_path)
    said = "(attested: north, south: data protection office and ward office, lists compared and by hand)"
    assert f"no patient is at two of them {said}" in capsys.readouterr().out
    for path, sites, said in (
        (tmp_path, both, word),
        (tmp_path / "none.jsonl", both, word),
        (tmp_path / "north.jsonl", both, None),
        (tmp_path / "north.jsonl", ("north", "north"), word),
        (tmp_path / "north.jsonl", (), word),
    ):
        with pytest.raises(PlanError, match=r"attestation"):
            ledger("attest", path, sites=sites, word=said)
    assert not (tmp_path / "none.jsonl").exists()
