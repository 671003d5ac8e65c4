"""Private training at a site: what a round is, what it costs, and that nobody pays twice or too little."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.errors import InputError, PlanError
from affidavit.seeds import seed_of
from federated.sites.account import chosen_noise, round_event
from federated.sites.answers import ANSWER
from federated.sites.bounds import BOUND
from federated.sites.numbers import COUNT
from federated.sites.private import PrivateTraining
from federated.sites.private_options import PrivateSiteOptions, SitePolicy
from federated.updates.layout import Vector
from federated.updates.local import SiteLeavesError
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded
from privacy.dpsgd.course import Course
from privacy.dpsgd.randomness import simulated_source
from privacy.ledger.book import read_book
from privacy.ledger.events import RunFacts, StepEvent
from tests.federated.sites.conftest import order_of, site_at, units_of
from tests.privacy.dpsgd.conftest import Toy, new_toy

SEEN = {"simulated": True, "noise_multiplier": 0.7, "delta": None}
"""A training that can be drawn again."""


def _start(site: PrivateTraining) -> Vector:
    return site.layout.gathered(site.reasoner)


def _steps(site: PrivateTraining) -> int:
    return sum(run.n_steps for run in read_book(site.ledger).runs.values())


# ---- what a round is ----


def test_a_round_is_its_slow_twin(private: Any) -> None:
    """Every patient's gradient by itself, clipped, summed, noised once a step, divided by the expected number."""
    site = private(optimizer="sgd", clip_norm=0.4, sample_rate=0.5, **SEEN)
    start = _start(site)
    update = site.train(start, order_of(site)).update

    twin = new_toy()
    site.layout.scatter(start, twin)
    parameters = list(twin.module.parameters())
    for step in range(3):
        source = simulated_source(np.random.default_rng(_seed(site, "step", "run", 1, step)))
        drawn = [i for i, u in enumerate(source.uniform(len(site.units))) if u < 0.5]
        rows = [site.units[i].drawn(source) for i in drawn]
        source.words(2)  # the seeds of what a model draws
        total = [torch.zeros_like(p, dtype=torch.float64) for p in parameters]
        for row in rows:
            gradients = torch.autograd.grad(twin.losses([row], rng=np.random.default_rng(0)).sum(), parameters)
            norm = float(torch.sqrt(sum((g.double() ** 2).sum() for g in gradients)))  # type: ignore[arg-type]
            for one, gradient in zip(total, gradients, strict=True):
                one += gradient.double() * min(1.0, 0.4 / norm)
        with torch.no_grad():
            for value, one in zip(parameters, total, strict=True):
                noise = torch.from_numpy(source.normal(one.numel())).view(one.shape)
                value.sub_((0.1 * (one + 0.7 * 0.4 * noise) / (0.5 * len(site.units))).float())

    np.testing.assert_allclose(start + update, site.layout.gathered(twin), atol=2e-6)
    assert np.linalg.norm(update) > 0.01


def _seed(site: PrivateTraining, *what: Any) -> int:
    return seed_of(site.seed, site.site, *what)


def test_fedprox_pulls_to_what_was_received_and_not_to_anybody(private: Any) -> None:
    """With next to no gradient and noise drawn again, what is left between two pulls is the pull itself."""
    free, held = private(optimizer="sgd", steps=2, **SEEN), private(optimizer="sgd", folder="held", steps=2, **SEEN)
    start = _start(free)
    one = free.train(start, order_of(free)).update
    first = private(optimizer="sgd", folder="first", steps=1, **SEEN)
    after_one = first.train(start, order_of(first)).update

    two = held.train(start, order_of(held, proximal=1.0)).update

    np.testing.assert_allclose(
        two, one - 0.1 * after_one, atol=2e-4
    )  # the second step is pulled by rate times the first
    assert np.linalg.norm(two - one) > 0.01 * np.linalg.norm(one)


def test_two_secret_trainings_differ_and_torch_is_left_as_it_was(private: Any) -> None:
    one, two = private(), private(folder="two")
    start = _start(one)
    torch.manual_seed(3)
    before = torch.rand(1)
    torch.manual_seed(3)
    first = one.train(start, order_of(one)).update

    assert torch.equal(torch.rand(1), before)
    assert not np.array_equal(first, two.train(start, order_of(two)).update)


@pytest.mark.parametrize("adaptive", [None, {"rate": 0.5}])
def test_the_same_simulated_round_gives_the_same_update(private: Any, adaptive: Any) -> None:
    one, two = (private(folder=name, adaptive_clipping=adaptive, **SEEN) for name in ("one", "two"))
    start = _start(one)
    for number in (1, 2):
        first = one.train(start, order_of(one, number=number)).update
        np.testing.assert_array_equal(first, two.train(start, order_of(two, number=number)).update)


# ---- who is protected from whom ----


class Scaled(Toy):
    """A model that learns a scale of its patients before training, where it is asked to; by then it depends on all."""

    scale = 1.0

    def prepare_training(self, rows: Any, **_: Any) -> None:
        self.scale = float(np.mean([len(turn.utterance_id) for row in rows for turn in row]))

    def losses(self, units: Any, *, rng: np.random.Generator) -> torch.Tensor:
        return super().losses(units, rng=rng) * self.scale


def _clipped_of_each(site: PrivateTraining, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Return the clipped gradients of the round's first step, by patient."""
    from privacy.dpsgd.gradients import LoopGradients

    found: dict[str, np.ndarray] = {}
    taken = LoopGradients.clipped

    def spied(self: Any, rows: Any, **how: Any) -> Any:
        for row in rows:
            alone = taken(self, [row], **how)
            found.setdefault(row[0].unit_id, np.concatenate([s.double().numpy().ravel() for s in alone.sums]))
        return taken(self, rows, **how)

    with monkeypatch.context() as patched:
        patched.setattr(LoopGradients, "clipped", spied)
        site.train(_start(site), order_of(site))
    return found


def test_changing_one_patient_changes_no_other_patients_clipped_gradient(
    private: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by a scale that a model would learn, not by the order, and not by what a step draws."""
    units = units_of((3, 1, 5, 2))
    other = (*units[:2], *units_of((1, 1, 9), name="a quite different patient")[2:], units[3])

    def gradients(chosen: Any, folder: str, *, prepared: bool = False) -> dict[str, np.ndarray]:
        model: Any = Scaled(new_toy().module)
        if prepared:
            model.prepare_training([unit.pieces[0] for unit in chosen])
        site = private(folder=folder, reasoner=model, units=chosen, sample_rate=1.0, steps=1, **SEEN)
        return _clipped_of_each(site, monkeypatch)

    one, two = gradients(units, "one"), gradients(other, "two")
    stayed = set(one) & set(two)
    assert len(stayed) == 3
    for name in stayed:
        np.testing.assert_array_equal(one[name], two[name])

    # the planted fault: had the scale been learnt, everybody's gradient would have moved with the one patient
    one, two = gradients(units, "three", prepared=True), gradients(other, "four", prepared=True)
    assert any(not np.array_equal(one[name], two[name]) for name in stayed)


def test_a_patient_moves_the_update_by_no_more_than_the_bound_allows(private: Any) -> None:
    """One step of plain descent without noise: with and without the longest patient, at most rate times C over E."""
    sizes = (3, 1, 5, 2, 16)
    options = {**SEEN, "noise_multiplier": 0.0, "optimizer": "sgd", "steps": 1, "sample_rate": 1.0, "clip_norm": 0.3}
    whole = private(folder="whole", units=units_of(sizes), counted="noised", **options)
    less = private(folder="less", units=units_of(sizes[:4]), counted="noised", **options)
    start = _start(whole)
    # both divide by the same number, as they would by a declared one
    for site in (whole, less):
        site.folder.mkdir()
    number = whole._number()
    moved = [
        site._trained(
            start, order_of(site), round_event(site.options, noise_multiplier=0.0, clip_norm=0.3), expected=number.told
        )[0].astype(np.float64)
        for site in (whole, less)
    ]

    distance = np.linalg.norm(moved[0] - moved[1])
    assert distance <= 0.1 * 0.3 / number.told * (1 + 1e-4)
    assert distance > 0.5 * 0.1 * 0.3 / number.told


# ---- what a round costs ----


def test_all_rounds_of_the_plan_fit_and_cost_what_an_account_says(private: Any) -> None:
    site, telling = (
        private(epsilon=4.0, sample_rate=1.0),
        private(epsilon=4.0, sample_rate=1.0, policy=SitePolicy(tells_epsilon=True)),
    )
    start = _start(site)
    told = [
        (site if number < 4 else telling).train(start, order_of(site, number=number)).facts.epsilon
        for number in range(1, 5)
    ]

    assert told[:3] == [None] * 3
    event = StepEvent(
        noise_multiplier=site.noise_multiplier,
        sample_rate=1.0,
        clip_norm=1.0,
        sampler="full",
        neighbours="add-remove",
    )
    slow = account((event.mechanism.times(12),), delta=1e-4)
    assert isinstance(slow, Bounded)
    assert told[-1] == pytest.approx(slow.epsilon)
    assert 3.9 < told[-1] <= 4.0
    assert site.told()["epsilon"] == told[-1]


def test_a_round_is_in_the_ledger_whole_before_its_first_step(private: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = private()
    seen: list[int] = []
    step = Course.step

    def looked(*given: Any) -> None:
        seen.append(_steps(site))
        step(*given)

    monkeypatch.setattr(Course, "step", looked)

    site.train(_start(site), order_of(site))

    assert seen == [3, 3, 3]
    assert not read_book(site.ledger).runs["run"].unconfirmed


def test_asked_again_in_a_round_it_answers_the_same_and_spends_nothing(private: Any) -> None:
    site = private()
    start = _start(site)
    first = site.train(start, order_of(site))
    head = site.ledger.read_bytes()

    again = private().train(start + 1, order_of(site, attempt=3))

    np.testing.assert_array_equal(again.update, first.update)
    assert site.ledger.read_bytes() == head
    assert stat.S_IMODE((site.folder / ANSWER).stat().st_mode) == 0o600


def test_a_site_without_room_for_a_whole_round_leaves_before_it_and_says_no_number(private: Any) -> None:
    """Another run has taken most of the budget: some rounds fit, and `rounds_left` says how many."""
    site = private(epsilon=4.0, sample_rate=1.0)
    used = round_event(site.options, noise_multiplier=site.noise_multiplier, clip_norm=1.0)
    used = replace(used, n_times=6)
    assert site._account is not None
    with site._account.opened("an earlier run", RunFacts()) as ledger:
        ledger.intend(used)
    start, left = _start(site), site.facts().rounds_left

    assert left is not None
    assert 1 <= left <= 3
    for number in range(1, left + 1):
        site.train(start, order_of(site, number=number))
    before = site.ledger.read_bytes()
    with pytest.raises(SiteLeavesError) as leaving:
        site.train(start, order_of(site, number=left + 1))

    assert leaving.value.slug == "budget-spent"
    assert not any(letter.isdigit() for letter in leaving.value.words)
    assert b'"intended"' not in site.ledger.read_bytes()[len(before) :]
    assert site.facts().rounds_left == 0
    assert _steps(site) == 6 + 3 * left
    spent = site.told()["epsilon"]
    assert spent <= 4.0
    # what was answered last is still answered: the server may have been restarted since
    assert site.train(start, order_of(site, number=left)).update.shape == start.shape


def test_another_run_under_the_same_budget_is_counted_with_the_first(private: Any) -> None:
    site = private(epsilon=4.0, sample_rate=1.0)
    start = _start(site)
    for number in range(1, 5):
        site.train(start, order_of(site, number=number))

    with pytest.raises(SiteLeavesError, match="no room"):
        site.train(start, order_of(site, run="a run with another name"))


@pytest.mark.slow
def test_the_sites_own_budget_binds_where_it_is_less(private: Any) -> None:
    strict = private(epsilon=4.0, policy=SitePolicy(most_epsilon=1.0, tells_epsilon=True))
    start = _start(strict)
    told = [strict.train(start, order_of(strict, number=number)).facts.epsilon for number in range(1, 5)]

    assert strict.noise_multiplier > private(epsilon=4.0).noise_multiplier
    assert told[-1] is not None
    assert 0.9 < told[-1] <= 1.0
    generous = private(epsilon=4.0, policy=SitePolicy(most_epsilon=99.0))
    assert generous.noise_multiplier == private(epsilon=4.0).noise_multiplier


class Killed(BaseException):
    """What no code here catches."""


def test_a_site_that_is_killed_in_a_round_has_spent_it(private: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two steps: the intent is on disk, and the round is paid again."""
    site = private()
    start = _start(site)
    taken: list[int] = []
    step = Course.step

    def killed(*given: Any) -> None:
        taken.append(1)
        if len(taken) == 2:
            raise Killed
        step(*given)

    with monkeypatch.context() as patched:
        patched.setattr(Course, "step", killed)
        with pytest.raises(Killed):
            site.train(start, order_of(site))
    assert _steps(site) == 3
    assert len(read_book(site.ledger).runs["run"].unconfirmed) == 1

    resumed = private()
    answer = resumed.train(start, order_of(resumed))

    assert _steps(site) == 6
    np.testing.assert_array_equal(private().train(start, order_of(site, attempt=2)).update, answer.update)
    assert site.told()["unconfirmed"] == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from privacy.dpsgd.course import Course
from tests.federated.sites.conftest import order_of, site_at
taken, step = [], Course.step
def killed(*given):
    taken.append(1)
    if len(taken) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    step(*given)
Course.step = killed
site = site_at(Path(sys.argv[1]))
site.train(site.layout.gathered(site.reasoner), order_of(site))
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_the_intent_on_disk(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    site = site_at(tmp_path)
    assert _steps(site) == 3
    site.train(_start(site), order_of(site))
    assert _steps(site) == 6


def test_killed_between_the_answer_and_its_confirmation_it_answers_and_counts_once(
    private: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise Killed

    site = private()
    start = _start(site)
    with monkeypatch.context() as patched:
        patched.setattr("privacy.ledger.ledger.Ledger.confirm", killed)
        with pytest.raises(Killed):
            site.train(start, order_of(site))

    assert np.linalg.norm(private().train(start, order_of(site)).update) > 0
    assert _steps(site) == 3


def test_later_rounds_take_their_noise_from_the_ledger(private: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """To choose it takes seconds, and a site may be opened anew for every message."""

    def chosen(*_: Any) -> float:
        raise AssertionError("the noise was chosen again")

    site = private()
    start = _start(site)
    site.train(start, order_of(site))
    monkeypatch.setattr("federated.sites.private.chosen_noise", chosen)
    private().train(start, order_of(site, number=2))

    ((step, n),) = read_book(site.ledger).runs["run"].steps.items()
    assert (step.noise_multiplier, n) == (1.1, 6)


def test_a_run_goes_on_under_the_budget_that_it_was_opened_with(private: Any) -> None:
    site = private(epsilon=4.0, sample_rate=1.0)
    start = _start(site)
    site.train(start, order_of(site))
    raised = private(epsilon=9.0, noise_multiplier=1.0, sample_rate=1.0)
    with pytest.raises(PlanError, match="another epsilon"):
        raised.train(start, order_of(site, number=2))
    assert _steps(site) == 3


def test_a_ledger_in_use_is_an_error_and_not_a_round(private: Any) -> None:
    site = private()
    assert site._account is not None
    with site._account.opened("run", RunFacts()), pytest.raises(InputError, match="another process"):
        site.train(_start(site), order_of(site))


# ---- what leaves beside the update ----


def test_by_default_nothing_leaves_but_the_rounds_left(private: Any) -> None:
    site = private(epsilon=4.0, sample_rate=1.0)
    assert site.facts().model_dump(exclude_none=True) == {
        "site": "east",
        "layout": site.layout.digest,
        "rounds_left": 4,
    }
    assert site.train(_start(site), order_of(site)).facts.model_dump(exclude_none=True) == {}
    silent = private(folder="silent", policy=SitePolicy(tells_rounds_left=False))
    assert silent.facts().rounds_left is None


@pytest.mark.slow
def test_the_noise_is_chosen_so_that_the_count_and_all_rounds_fit(private: Any) -> None:
    site = private(counted="noised", count_noise=3.0, epsilon=4.0)
    for number in range(1, 5):
        site.train(_start(site), order_of(site, number=number))
    assert 3.95 < site.told()["epsilon"] <= 4.0
    assert site.noise_multiplier > private(folder="public", epsilon=4.0).noise_multiplier
    with pytest.raises(SiteLeavesError, match="no room"):
        site.train(_start(site), order_of(site, run="another"))


def test_the_number_of_patients_is_noised_once_counted_once_and_then_the_same(private: Any) -> None:
    options = {"counted": "noised", "count_noise": 3.0, "policy": SitePolicy(tells_units=True)}
    site = private(**options)
    told = site.facts().n_units
    assert told is not None
    assert _steps(site) == 1
    assert private(**options).facts().n_units == told
    site.train(_start(site), order_of(site))
    assert _steps(site) == 4
    assert stat.S_IMODE((site.folder / COUNT).stat().st_mode) == 0o600
    book = read_book(site.ledger)
    assert book.runs["run"].opened.n_units == told + 27 > len(site.units)


def test_noised_numbers_are_normal_around_the_number(private: Any) -> None:
    options = {"counted": "noised", "count_noise": 2.0, "policy": SitePolicy(tells_units=True), **SEEN}
    found = []
    for i in range(300):
        site = private(site=f"site-{i}", sizes=(1,) * 40, **options)
        found.append(site.facts().n_units)

    assert np.mean(found) == pytest.approx(40, abs=4 * 2 / np.sqrt(300))
    assert np.std(found) == pytest.approx(np.sqrt(4 + 1 / 12), rel=0.2)


def test_a_noised_number_that_was_lost_is_drawn_and_paid_anew(private: Any) -> None:
    options = {"counted": "noised", "policy": SitePolicy(tells_units=True)}
    site = private(**options)
    site.facts()
    (site.folder / COUNT).write_text("{")
    site.facts()
    assert _steps(site) == 2


def test_a_run_goes_on_after_its_noised_number_was_lost(private: Any) -> None:
    """The number is drawn anew and paid anew; the ledger keeps the one that the run was opened with."""
    site = private(counted="noised")
    start = _start(site)
    site.train(start, order_of(site))
    declared = read_book(site.ledger).runs["run"].opened.n_units
    (site.folder / COUNT).write_text(json.dumps({"key": "of another corpus", "told": 10_000}))

    private(counted="noised").train(start, order_of(site, number=2))

    assert _steps(site) == 1 + 3 + 1 + 3
    assert read_book(site.ledger).runs["run"].opened.n_units == declared


def test_a_later_plan_with_another_budget_draws_the_number_again(private: Any, tmp_path: Path) -> None:
    """A run folder of its own, so that the number is not there, and the same ledger: the lesser budget binds."""
    options = {"counted": "noised", "noise_multiplier": 3.0, "sample_rate": 1.0, "steps": 1}
    first = private(epsilon=9.0, **options)
    first.train(_start(first), order_of(first))
    later = replace(private(epsilon=8.0, **options), folder=tmp_path / "a later run")
    later.train(_start(later), order_of(later, run="a later run"))
    assert _steps(first) == 4


def test_whether_delta_is_a_promise_is_asked_of_the_number_that_may_be_known(private: Any) -> None:
    """Of the exact number of patients, whose noised one is all that may be known, even a refusal would tell."""
    site = private(counted="noised", count_noise=3.0, delta=1 / 20)  # of eight patients delta is below 1 over them
    with pytest.raises(PlanError, match="delta"):
        site.train(_start(site), order_of(site))


def test_a_loss_is_not_told(private: Any) -> None:
    site = private()
    with pytest.raises(SiteLeavesError) as leaving:
        site.train(_start(site), order_of(site, loss_wanted=True))
    assert leaving.value.slug == "loss-kept"
    assert not site.ledger.exists()


def test_without_a_budget_a_site_trains_in_as_many_rounds_as_it_agreed_to(private: Any) -> None:
    """However the server numbers them: one that was lost has a number too."""
    site = private(rounds=2)
    start = _start(site)
    for number in (2, 7):
        site.train(start, order_of(site, number=number))
    with pytest.raises(SiteLeavesError) as leaving:
        site.train(start, order_of(site, number=1))
    assert leaving.value.slug == "plan-over"
    assert _steps(site) == 6


def test_a_delta_that_is_no_promise_and_nobody_to_train_on_are_refused(private: Any) -> None:
    site = private(delta=0.2)
    with pytest.raises(PlanError, match="delta"):
        site.train(_start(site), order_of(site))
    empty = private(units=())
    with pytest.raises(PlanError, match="no patients"):
        empty.train(_start(empty), order_of(empty))


@pytest.mark.parametrize(
    "options",
    [
        {"epsilon": 3.0},
        {"delta": 1e-5},
        {"noise_multiplier": 0.0, "delta": 1e-5},
        {"epsilon": 3.0, "delta": 1e-5, "rounds": 0},
        {"epsilon": 3.0, "delta": 1e-5, "unit": "utterance"},
    ],
)
def test_options_that_promise_nothing_are_refused(options: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        PrivateSiteOptions(**{"rounds": 3, **options})


def test_a_budget_that_the_count_alone_exceeds_is_refused() -> None:
    options = PrivateSiteOptions(rounds=2, epsilon=1.0, delta=1e-5, count_noise=0.5)
    with pytest.raises(PlanError, match="number of patients"):
        chosen_noise(options, 1.0)


# ---- the adaptive bound ----


def test_the_adaptive_bound_goes_on_from_round_to_round_and_is_another_runs_no_more(private: Any) -> None:
    options = {"adaptive_clipping": {"rate": 1.0}, "clip_norm": 50.0, "sample_rate": 1.0, **SEEN}
    site = private(**options)
    start = _start(site)
    site.train(start, order_of(site))
    first = json.loads((site.folder / BOUND).read_text())["clip_norm"]
    site.train(start, order_of(site, number=2))
    second = json.loads((site.folder / BOUND).read_text())["clip_norm"]

    assert 50.0 > first > second  # the gradients are far shorter than 50
    assert stat.S_IMODE((site.folder / BOUND).stat().st_mode) == 0o600
    site.train(start, order_of(site, number=1, run="another"))
    third = json.loads((site.folder / BOUND).read_text())
    assert third["run"] == "another"
    assert third["clip_norm"] > second


@pytest.mark.parametrize("left", ["{", '{"run": "run", "clip_norm": -1}', '{"run": "run", "clip_norm": 1e99}', "[]"])
def test_a_bound_that_cannot_be_read_begins_anew(private: Any, left: str) -> None:
    site = private(adaptive_clipping={}, **SEEN)
    site.folder.mkdir()
    (site.folder / BOUND).write_text(left)
    fresh = private(folder="fresh", adaptive_clipping={}, **SEEN)
    start = _start(site)

    np.testing.assert_array_equal(site.train(start, order_of(site)).update, fresh.train(start, order_of(fresh)).update)


def test_nothing_is_written_outside_the_sites_own_places(private: Any, tmp_path: Path) -> None:
    site = private(counted="noised", adaptive_clipping={})
    site.train(_start(site), order_of(site))
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()) == [
        "east.ledger.jsonl",
        f"east/{ANSWER}",
        f"east/{BOUND}",
        f"east/{COUNT}",
    ]
