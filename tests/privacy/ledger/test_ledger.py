from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from affidavit.errors import BudgetSpentError, InputError, PlanError, VerificationError
from affidavit.hash_chain import ChainWriter, read_chain
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.accounting.mechanisms import Mechanism, SubsampledGaussian
from privacy.ledger.book import Book, read_book
from privacy.ledger.events import Budget, RunFacts, RunOpened, SearchEvent, StepEvent
from privacy.ledger.ledger import Ledger
from privacy.ledger.notes import attest_disjoint, note_withdrawal
from privacy.ledger.room import fits
from privacy.ledger.spending import WITHIN_A_SITE, spent_at, spent_overall

STEP = StepEvent(noise_multiplier=1.0, sample_rate=0.05, clip_norm=1.0, sampler="poisson", neighbours="add-remove")
FULL = StepEvent(noise_multiplier=8.0, sample_rate=1.0, clip_norm=1.0, sampler="full", neighbours="add-remove")
DELTA = 1e-5
AMPLIFIED = {"noise_multiplier": 1, "sample_rate": 0.1, "clip_norm": 1, "sampler": "full", "neighbours": "add-remove"}
"""What no accountant answers for: amplification without Poisson sampling."""


def opened(path: Path, **change: Any) -> Ledger:
    how: dict[str, Any] = {"site": "north", "unit": "patient", "run": "first", "budget": None}
    return Ledger.opened(path, **{**how, **change})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def test_what_is_intended_is_spent_whether_or_not_it_is_confirmed(path: Path) -> None:
    with opened(path) as ledger:
        number = ledger.intend(replace(STEP, n_times=3))
        assert read_chain(path).links[-1].number == number  # on disk before the update
        spent = ledger.spent(delta=DELTA)
        assert (spent.n_steps, spent.unconfirmed) == (3, 1)
        ledger.confirm(number)
        confirmed = ledger.spent(delta=DELTA)
        assert (confirmed.n_steps, confirmed.unconfirmed) == (3, 0)
        assert confirmed.epsilon == spent.epsilon
    twin = account((STEP.mechanism.times(3),), delta=DELTA)
    assert spent.answer == twin


@pytest.mark.parametrize("number", [0, 1, 999])
def test_a_confirmation_of_nothing_is_refused_and_not_written(path: Path, number: int) -> None:
    """Written, it would spoil the ledger for good."""
    with opened(path) as ledger:
        if number != 1:
            ledger.intend(STEP)
        before = path.read_bytes()
        with pytest.raises(VerificationError, match="intends nothing"):
            ledger.confirm(number)
        assert path.read_bytes() == before
    assert read_book(path).runs["first"].n_steps == int(number != 1)


def test_a_step_whose_line_could_not_be_written_counts_too_much_and_never_too_little(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _full)
            with pytest.raises(OSError, match="No space"):
                ledger.intend(STEP)
        ledger.confirm(ledger.intend(STEP))
        assert ledger.n_steps >= 1
    assert read_book(path).runs["first"].n_steps == 1


def _full(file: int) -> None:
    raise OSError(28, "No space left on device")


def test_what_was_spent_says_all_that_it_is_true_of(path: Path) -> None:
    with opened(path, facts=RunFacts(n_units=500)) as ledger:
        ledger.intend(replace(STEP, n_times=3))  # as above: each account of its own costs a second
        spent = ledger.spent(delta=DELTA)
    assert (spent.unit, spent.neighbours, spent.samplers, spent.sites) == (
        "patient",
        "add-remove",
        ("poisson",),
        ("north",),
    )
    assert [name.rsplit(" ", 1)[0] for name in spent.accountants] == ["Opacus PRV", "dp-accounting PLD"]
    assert spent.caveats == ()


def test_nothing_taken_is_nothing_spent(path: Path) -> None:
    with opened(path) as ledger:
        spent = ledger.spent(delta=DELTA)
    assert spent.epsilon == 0.0
    assert spent.n_steps == 0


def test_a_run_that_is_resumed_goes_on_counting(path: Path) -> None:
    with opened(path) as ledger:
        for _ in range(3):
            ledger.confirm(ledger.intend(STEP))
        ledger.intend(STEP)
    with opened(path) as ledger:
        assert ledger.n_steps == 4
        ledger.intend(STEP)
    run = read_book(path).runs["first"]
    assert (run.n_steps, len(run.unconfirmed), run.resumed) == (5, 2, 1)
    assert [link.content for link in read_chain(path).links if link.content["kind"] == "run-resumed"] == [
        {"kind": "run-resumed", "run": "first", "unconfirmed": 1}
    ]


@pytest.mark.parametrize(
    "change", [{"site": "south"}, {"unit": "utterance"}, {"budget": Budget(epsilon=1, delta=1e-5)}]
)
def test_a_run_goes_on_only_as_what_it_was_opened_as(path: Path, change: dict[str, Any]) -> None:
    opened(path).close()
    before = path.read_bytes()
    with pytest.raises(PlanError, match="was opened with another"):
        opened(path, **change)
    assert path.read_bytes() == before


def test_facts_that_are_not_said_again_still_hold(path: Path) -> None:
    opened(path, facts=RunFacts(corpus="sha256:1")).close()
    opened(path).close()
    with pytest.raises(PlanError, match="another corpus"):
        opened(path, facts=RunFacts(corpus="sha256:2"))


def test_the_budget_stops_exactly_before_it_is_exceeded(path: Path) -> None:
    """The slow twin asks the accountants at every number of steps."""
    budget = Budget(epsilon=1.4, delta=DELTA)
    taken = 0
    with opened(path, budget=budget) as ledger:
        with suppress(BudgetSpentError):
            while taken < 100:
                ledger.confirm(ledger.intend(FULL))
                taken += 1
        before = path.read_bytes()
        with pytest.raises(BudgetSpentError, match="the next step would exceed"):
            ledger.intend(FULL)
        assert path.read_bytes() == before  # what is refused is not written
    last, next_ = (account((FULL.mechanism.times(n),), delta=DELTA) for n in (taken, taken + 1))
    assert isinstance(last, Bounded)
    assert isinstance(next_, Bounded)
    assert taken > 1
    assert last.epsilon <= budget.epsilon < next_.epsilon


def test_to_look_no_further_than_what_is_asked_changes_speed_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is looked for once for each intent, for just so many steps; what fits is what fits."""
    asked: list[int] = []

    def spied(book: Book, opened: RunOpened, more: Mechanism) -> bool:
        asked.append(more.n_times if isinstance(more, SubsampledGaussian) else 0)
        return fits(book, opened, more)

    budget, taken = Budget(epsilon=1.4, delta=DELTA), [0, 0]
    with opened(path, budget=budget) as ledger, suppress(BudgetSpentError):
        for _ in range(100):
            ledger.intend(replace(FULL, n_times=2))
            taken[0] += 2
    monkeypatch.setattr("privacy.ledger.ledger.fits", spied)
    with suppress(BudgetSpentError):
        for _ in range(100):
            with opened(path.with_name("other.jsonl"), budget=budget).looking_no_further() as ledger:
                ledger.intend(replace(FULL, n_times=2))
                taken[1] += 2
    assert taken[0] == taken[1] > 2
    assert set(asked) == {2}


@pytest.mark.slow
def test_a_budget_counts_other_runs_and_other_kinds_of_steps(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend(replace(STEP, n_times=10))
    told = account((STEP.mechanism.times(10), FULL.mechanism), delta=DELTA)
    assert isinstance(told, Bounded)
    with opened(path, run="second", budget=Budget(epsilon=1.001 * told.epsilon, delta=DELTA)) as ledger:
        ledger.intend(replace(FULL, clip_norm=0.3))  # the clip norm has no part in epsilon
        with pytest.raises(BudgetSpentError):
            ledger.intend(FULL)
    with opened(path, run="third") as ledger, pytest.raises(BudgetSpentError):  # it binds runs without one of their own
        ledger.intend(replace(STEP, n_times=5))
    with opened(path, run="elsewhere", site="south") as ledger:
        ledger.intend(replace(STEP, n_times=5))


def test_a_budget_on_patients_forbids_steps_on_utterances(path: Path) -> None:
    opened(path, budget=Budget(epsilon=50, delta=DELTA)).close()
    with opened(path, run="second", unit="utterance") as ledger, pytest.raises(BudgetSpentError):
        ledger.intend(STEP)


def test_a_step_without_noise_fits_no_budget_and_leaves_the_loss_unbounded(path: Path) -> None:
    bare = replace(STEP, noise_multiplier=0.0)
    with opened(path, budget=Budget(epsilon=50, delta=DELTA)) as ledger, pytest.raises(BudgetSpentError):
        ledger.intend(bare)
    with opened(path, run="free", site="south") as ledger:
        ledger.intend(bare)
        spent = ledger.spent(delta=DELTA)
    assert spent.epsilon is None
    assert spent.accountants == ()


def test_steps_of_two_units_at_one_site_bound_neither(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend(STEP)
    with opened(path, run="second", unit="utterance") as ledger:
        ledger.intend(STEP)
        spent = ledger.spent(delta=DELTA)
    assert spent.epsilon is None
    assert "another unit: first (patient)" in getattr(spent.answer, "because", "")


def test_a_search_is_counted_and_bound_by_the_budget(path: Path) -> None:
    search = SearchEvent(steps=(replace(STEP, noise_multiplier=4.0, n_times=20),), mean=10, shape=0)
    told = account((search.mechanism,), delta=DELTA)
    assert isinstance(told, Bounded)
    less = Budget(epsilon=0.99 * told.epsilon, delta=DELTA)
    with opened(path, budget=less) as ledger, pytest.raises(BudgetSpentError, match="a search of 10 trials"):
        ledger.search(search)
    with opened(path, run="second", site="south", budget=Budget(epsilon=1.01 * told.epsilon, delta=DELTA)) as ledger:
        ledger.search(search)
        spent = ledger.spent(delta=DELTA)
        assert spent.answer == told
        assert spent.n_searches == 1
        with pytest.raises(BudgetSpentError):
            ledger.intend(STEP)


@pytest.mark.parametrize(
    ("n_units", "delta", "said"),
    [
        (None, 1e-3, "the number of patients is not declared"),
        (1000, 1e-3, "delta 0.001 is not below one over 1,000 patients"),
        (999, 1e-3, None),
    ],
)
def test_delta_is_held_against_the_declared_number(
    path: Path, n_units: int | None, delta: float, said: str | None
) -> None:
    with opened(path, facts=RunFacts(n_units=n_units)) as ledger:
        ledger.intend(FULL)
        spent = ledger.spent(delta=delta)
    assert [caveat[: len(said)] for caveat in spent.caveats] == [said] if said else spent.caveats == ()
    assert spent.delta_fits is (None if n_units is None else n_units < 1000)


@pytest.mark.parametrize(("north", "south", "together"), [(600, 500, 1100), (600, None, None), (None, None, None)])
def test_the_number_of_several_sites_is_their_sum_and_unknown_where_one_is(
    path: Path, north: int | None, south: int | None, together: int | None
) -> None:
    """The slow twin is the union of lists of patients: it has at most as many."""
    for site, n in (("north", north), ("south", south)):
        with opened(path, site=site, run=site, facts=RunFacts(n_units=n)) as ledger:
            ledger.intend(FULL)
    book = read_book(path)
    assert spent_overall(book, unit="patient", delta=1e-3).n_units == together
    assert spent_overall(book, unit="patient", delta=1e-3, at_most=2000).n_units == (together or 2000)
    assert spent_at(book, site="north", unit="patient", delta=1e-3).n_units == north


@pytest.mark.slow
def test_relations_are_not_mixed_silently(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend(STEP)
        ledger.intend(replace(STEP, neighbours="replace"))
        spent = ledger.spent(delta=DELTA)
    assert spent.neighbours == "replace"
    assert any("all accounted for as replace" in caveat for caveat in spent.caveats)


def test_sites_add_up_until_somebody_attests_that_they_share_nobody(path: Path) -> None:
    for site, n in (("north", 4), ("south", 6)):
        with opened(path, site=site, run=site) as ledger:
            ledger.intend(replace(FULL, n_times=n))
    both = spent_overall(read_book(path), unit="patient", delta=DELTA)
    assert both.answer == account((FULL.mechanism.times(10),), delta=DELTA)
    assert any("nobody attested" in caveat and "north and south" in caveat for caveat in both.caveats)
    attest_disjoint(path, sites=("north", "south"), by="data protection office", because="no shared insurance number")
    book = read_book(path)
    apart = spent_overall(book, unit="patient", delta=DELTA)
    assert apart.answer == spent_at(book, site="south", unit="patient", delta=DELTA).answer
    assert apart.sites == ("south",)
    assert any("data protection office" in caveat for caveat in apart.caveats)
    assert WITHIN_A_SITE not in apart.caveats


def test_the_largest_loss_of_replacing_says_that_nobody_moved_between_the_sites(path: Path) -> None:
    """Losses run parallel under adding and removing; who is replaced by somebody elsewhere changes two sites."""
    for site in ("north", "south"):
        with opened(path, site=site, run=site) as ledger:
            ledger.intend(replace(FULL, neighbours="replace"))
    both = spent_overall(read_book(path), unit="patient", delta=DELTA)
    assert WITHIN_A_SITE not in both.caveats  # added losses bound that too
    attest_disjoint(path, sites=("north", "south"), by="office", because="registry")
    assert WITHIN_A_SITE in spent_overall(read_book(path), unit="patient", delta=DELTA).caveats


@pytest.mark.parametrize("change", [{"site": ""}, {"run": ""}, {"unit": "hospital"}, {"facts": RunFacts(n_units=0)}])
def test_what_a_ledger_has_no_place_for_is_refused_in_words(path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match="no place for such a run"):
        opened(path, **change)
    with pytest.raises(PlanError, match="no place for such an attestation"):
        attest_disjoint(path, sites=("north", "north"), by="office", because="registry")
    with pytest.raises(PlanError, match="no place for such a withdrawal"):
        note_withdrawal(path, site="")
    assert read_chain(path).links == ()


def test_a_withdrawal_is_noted_without_a_name_and_gives_nothing_back(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend(STEP)
    before, spent = path.read_bytes(), spent_at(read_book(path), site="north", unit="patient", delta=DELTA)
    note_withdrawal(path, site="north")
    assert path.read_bytes().startswith(before)
    assert read_chain(path).links[-1].content == {"kind": "withdrawal-noted", "site": "north"}
    book = read_book(path)
    assert book.withdrawals == {"north": 1}
    assert spent_at(book, site="north", unit="patient", delta=DELTA) == spent


def test_one_process_at_a_time_and_the_next_after_it(path: Path) -> None:
    with opened(path), pytest.raises(InputError, match="another process"):
        opened(path, run="second")
    with pytest.raises(InputError), opened(path):
        note_withdrawal(path, site="north")
    opened(path, run="second").close()


def test_a_changed_line_is_found_before_anything_is_written(path: Path) -> None:
    with opened(path) as ledger:
        ledger.intend(replace(STEP, n_times=40))
    cheaper = path.read_bytes().replace(b'"n_times":40', b'"n_times":10')
    path.write_bytes(cheaper)
    with pytest.raises(VerificationError, match="line 2 does not hold"):
        opened(path)
    assert path.read_bytes() == cheaper
    with pytest.raises(VerificationError):
        read_book(path)


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "unheard-of"},
        {},
        {"kind": "intended", "run": "nobody", "steps": {}},
        {"kind": "confirmed", "intent": 0},
        {"kind": "confirmed", "intent": 99},
        {"kind": "run-resumed", "run": "nobody", "unconfirmed": 0},
        {"kind": "run-opened", "site": "north", "unit": "patient", "run": "first"},
        {"kind": "run-opened", "site": "north", "unit": "hospital", "run": "other"},
        {"kind": "run-opened", "site": "", "unit": "patient", "run": "other"},
        {"kind": "withdrawal-noted", "site": "north", "patient": "Ada"},
        {"kind": "disjoint-attested", "sites": ["north"], "by": "me", "because": "so"},
        {"kind": "disjoint-attested", "sites": ["north", "north"], "by": "me", "because": "so"},
        {"kind": "run-opened", "site": "north", "unit": "patient", "run": "other", "epsilon": 3},
        {"kind": "run-opened", "site": "north", "unit": "patient", "run": "other", "epsilon": -3, "delta": 1e-5},
        {"kind": "intended", "run": "first", "steps": AMPLIFIED},
        {"kind": "searched", "run": "first", "steps": [AMPLIFIED], "mean": 3, "shape": 0},
        {"kind": "searched", "run": "first", "steps": [], "mean": 3, "shape": 0},
    ],
)
def test_sealed_lines_that_make_no_sense_are_named(path: Path, content: dict[str, Any]) -> None:
    opened(path).close()
    with ChainWriter(path) as chain:
        chain.append(content)
    with pytest.raises(VerificationError) as raised:
        read_book(path)
    assert "line 2" in str(raised.value)


def test_a_step_that_no_accountant_answers_for_is_not_a_step_of_a_ledger() -> None:
    with pytest.raises(PlanError):
        replace(STEP, clip_norm=0.0)
    with pytest.raises(PlanError):
        Budget(epsilon=0, delta=0.1)


def test_ledgers_of_a_folder_are_one_account_and_copies_are_found(tmp_path: Path) -> None:
    for site in ("north", "south"):
        with opened(tmp_path / f"{site}.jsonl", site=site, run=site) as ledger:
            ledger.intend(STEP)
    book = read_book(tmp_path)
    assert book.sites == ("north", "south")
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "north.jsonl").read_bytes())
    with pytest.raises(VerificationError, match="is in another ledger too"):
        read_book(tmp_path)


def test_two_sites_may_name_their_runs_alike(tmp_path: Path) -> None:
    """A plan that is carried to every hospital calls its run the same at each."""
    for site in ("north", "south"):
        with opened(tmp_path / f"{site}.jsonl", site=site) as ledger:
            ledger.intend(FULL)
    book = read_book(tmp_path)
    assert book.sites == ("north", "south")
    assert [run.opened.run for run in book.runs.values()] == ["first", "first"]
    assert spent_overall(book, unit="patient", delta=DELTA).n_steps == 2


def test_nothing_that_a_ledger_writes_has_a_place_for_a_patient(path: Path) -> None:
    with opened(path, facts=RunFacts(model="sha256:1", corpus="sha256:2", n_units=40)) as ledger:
        ledger.confirm(ledger.intend(STEP))
        ledger.search(SearchEvent(steps=(STEP,), mean=3, shape="poisson"))
    note_withdrawal(path, site="north")
    names = {name for line in path.read_text().splitlines() for name in json.loads(line)["content"]}
    assert names == {
        *("kind", "site", "unit", "run", "model", "corpus", "n_units", "steps", "intent", "mean", "shape"),
    }
