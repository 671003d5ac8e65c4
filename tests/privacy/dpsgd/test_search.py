"""A search on the patients: counted before its first trial, as what the theorem is about, and silent on what lost."""

from __future__ import annotations

import json
import math
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from affidavit.corpus import Corpus
from affidavit.errors import BudgetSpentError, PlanError
from affidavit.hash_chain import read_chain
from affidavit.protocols import Progress, silent
from affidavit.training_state import STATE
from affidavit.unit_keys import was_trained_on
from privacy.accounting.accountants import account
from privacy.accounting.answers import Bounded, Unbounded
from privacy.accounting.mechanisms import Search, SubsampledGaussian
from privacy.accounting.renyi import ORDERS, noise_beside, truncated_gamma
from privacy.dpsgd.course import Course
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.randomness import secret_source, simulated_source
from privacy.dpsgd.scoring import noised_score
from privacy.dpsgd.search import SEARCH, SearchRun
from privacy.dpsgd.search_account import chosen_search_noise, search_event
from privacy.dpsgd.trainer import TRAINER
from privacy.dpsgd.trials import drawn_trials
from privacy.dpsgd.units import parts_of
from privacy.ledger.book import read_book
from privacy.ledger.commands import ledger as ledger_command

SEARCHING = "privacy.dpsgd.search"
SIZES = tuple(range(1, 21))
CANDIDATES = [{"learning_rate": 0.01}, {"learning_rate": 0.3, "clip_norm": 0.5}]
GOLDEN = {0.0: ("logarithmic", 8.6418), 1.0: ("geometric", 9.6961), math.inf: ("poisson", 11.5149)}
"""Epsilon at 1e-5 of 10 trials on average, each of 100 steps at rate 0.1 and noise 1.2, by Renyi losses; one: 5.665."""
SEARCHED: dict[str, Any] = {"candidates": CANDIDATES, "mean_trials": 3.0}
PRIVATE: dict[str, Any] = {
    "noise_multiplier": 5.0,
    "delta": 1e-3,
    "steps": 4,
    "sample_rate": 0.5,
    "gradients": "loop",
    "search": {**SEARCHED, "score_noise": 5.0},
}
SIMULATED: dict[str, Any] = {**PRIVATE, "simulated": True}


@pytest.fixture(scope="session")
def clinic(make_clinic: Callable[..., Corpus]) -> Corpus:
    return make_clinic(SIZES)


Train = Callable[..., Any]


@pytest.fixture
def train(toy: Callable[..., Any], clinic: Corpus, tmp_path: Path) -> Train:
    def made(options: dict[str, Any], *, reasoner: Any = None, progress: Progress = silent, **more: Any) -> Any:
        chosen, folder = reasoner or toy(), tmp_path / more.pop("name", "seed-0")
        corpus = more.pop("corpus", clinic)
        rng = np.random.default_rng(more.pop("seed", 0))
        TRAINER.train(chosen, corpus, {**options, **more}, folder=folder, rng=rng, progress=progress)
        return chosen

    return made


def of_trials(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    monkeypatch.setattr(f"{SEARCHING}.drawn_trials", lambda source, *, mean, shape: n)


def card_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return found


def weights(reasoner: Any) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in reasoner.module.parameters()])


def searched_lines(path: Path) -> list[Any]:
    return [link.content for link in read_chain(path).links if link.content["kind"] == "searched"]


# How many trials there are


def chances(k: np.ndarray, mean: float, shape: float | Literal["poisson"]) -> np.ndarray:
    """The distributions by their definitions, one number after the other."""
    if shape == "poisson":
        return np.asarray([math.exp(-mean) * mean**i / math.factorial(int(i)) for i in k])
    g = truncated_gamma(shape, mean)
    if shape == 0:
        return np.asarray([(1 - g) ** i / (i * math.log(1 / g)) for i in k])
    top = [math.prod((j + shape) / (j + 1) for j in range(int(i))) for i in k]
    return np.asarray([(1 - g) ** i / (g**-shape - 1) * t for i, t in zip(k, top, strict=True)])


@pytest.mark.parametrize("shape", ["poisson", 0.0, 1.0, 0.5, 3.0])
def test_the_number_of_trials_is_drawn_from_the_distribution_that_the_ledger_names(shape: Any) -> None:
    source, mean, n = simulated_source(np.random.default_rng(3)), 4.0, 6_000
    drawn = np.asarray([drawn_trials(source, mean=mean, shape=shape) for _ in range(n)])
    assert drawn.min() == (0 if shape == "poisson" else 1)
    assert drawn.mean() == pytest.approx(mean, rel=0.1)
    k = np.arange(0 if shape == "poisson" else 1, 16)
    expected = n * chances(k, mean, shape)
    found = np.asarray([(drawn == i).sum() for i in k], dtype=float)
    rest = (n - expected.sum(), n - found.sum())
    assert chisquare([*found, rest[1]], [*expected, rest[0]]).pvalue > 1e-3


def test_the_secret_source_draws_numbers_of_trials_too() -> None:
    drawn = [drawn_trials(secret_source(), mean=3.0, shape="poisson") for _ in range(300)]
    assert 2.4 < np.mean(drawn) < 3.6


# What it costs


def options_of(**changes: Any) -> PrivateOptions:
    return PrivateOptions.model_validate({**PRIVATE, **changes})


def search_noise(**changes: Any) -> tuple[Any, Any]:
    options = options_of(**{"noise_multiplier": None, "epsilon": 4.0, "delta": 1e-5, "steps": 50, **changes})
    noise = chosen_search_noise(options)
    return noise, account((search_event(options, noise).mechanism,), delta=1e-5)


@pytest.mark.parametrize("distribution", ["logarithmic", pytest.param("poisson", marks=pytest.mark.slow)])
def test_the_noise_is_the_least_that_keeps_the_whole_search_in_the_budget(distribution: str) -> None:
    noise, answer = search_noise(search={**SEARCHED, "distribution": distribution}, sample_rate=0.1)
    assert answer.disagreement is None
    assert 3.95 < answer.epsilon <= 4.0
    steps = SubsampledGaussian(
        noise_multiplier=noise.steps, sample_rate=0.1, sampler="poisson", neighbours="add-remove", n_times=50
    )
    alone = account(
        (Search(steps=(steps,), mean=3.0, shape="poisson" if distribution == "poisson" else 0),), delta=1e-5
    )
    assert isinstance(alone, Bounded)
    assert answer.epsilon == pytest.approx(alone.epsilon, rel=1e-9)  # those set apart lose no more than the trained
    score = SubsampledGaussian(noise_multiplier=noise.score, sample_rate=1, sampler="full", neighbours="add-remove")
    apart = account((Search(steps=(score,), mean=3.0, shape=0),), delta=1e-5)
    if distribution == "logarithmic":
        assert isinstance(apart, Bounded)
        assert apart.epsilon <= alone.epsilon


@pytest.mark.slow
def test_a_score_on_trained_patients_is_one_more_step() -> None:
    apart, _ = search_noise(search=SEARCHED, sample_rate=0.1)
    trained, answer = search_noise(search={**SEARCHED, "score_on": "trained"}, sample_rate=0.1)
    assert trained.steps > apart.steps
    assert trained.score > apart.score
    assert 3.95 < answer.epsilon <= 4.0


def test_a_score_beside_is_covered_by_the_steps_or_added_to_them() -> None:
    steps = SubsampledGaussian(
        noise_multiplier=1.5, sample_rate=0.1, sampler="poisson", neighbours="add-remove", n_times=50
    )

    def epsilon(*trial: SubsampledGaussian, beside: SubsampledGaussian | None = None) -> float:
        answer = account((Search(steps=trial, mean=3.0, shape=0, beside=beside),), delta=1e-5)
        assert isinstance(answer, Bounded)
        assert answer.disagreement is None
        return answer.epsilon

    def score(noise: float) -> SubsampledGaussian:
        return SubsampledGaussian(noise_multiplier=noise, sample_rate=1, sampler="full", neighbours="add-remove")

    quiet, loud = score(noise_beside((steps,))), score(noise_beside((steps,)) / 1.01)
    assert epsilon(steps, beside=quiet) == epsilon(steps)
    assert epsilon(quiet) <= epsilon(steps)  # whoever is set apart loses no more
    assert epsilon(steps, beside=loud) == epsilon(steps, loud) > epsilon(steps)
    assert isinstance(account((Search(steps=(steps,), mean=3.0, shape=0, beside=score(0.0)),), delta=1e-5), Unbounded)
    replaced = [replace(one, neighbours="replace") for one in (steps, quiet)]
    assert epsilon(replaced[0], beside=replaced[1]) >= epsilon(replaced[0])


@pytest.mark.parametrize("shape", [0.0, 1.0, math.inf])
def test_the_accounts_are_those_of_dp_accounting_s_own_repeat_and_select(shape: float) -> None:
    """The event of dp-accounting, asked directly, and golden values of it."""
    import dp_accounting as dp
    from dp_accounting.rdp import RdpAccountant

    distribution, golden = GOLDEN[shape]
    search = {**SEARCHED, "mean_trials": 10.0, "score_noise": 50.0, "distribution": distribution}
    options = options_of(noise_multiplier=1.2, steps=100, sample_rate=0.1, delta=1e-5, search=search)
    answer = account((search_event(options, chosen_search_noise(options)).mechanism,), delta=1e-5)
    step = dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(1.2))
    event = dp.dp_event.RepeatAndSelectDpEvent(dp.SelfComposedDpEvent(step, 100), 10.0, shape)
    told = [
        RdpAccountant(list(ORDERS)).compose(one).get_epsilon(1e-5)
        for one in (event, dp.SelfComposedDpEvent(step, 1000))
    ]
    assert isinstance(answer, Bounded)
    assert answer.epsilon == pytest.approx(told[0], rel=1e-3)
    assert answer.epsilon == pytest.approx(golden, rel=1e-3)
    assert told[1] == pytest.approx(19.65, abs=0.01)  # ten trainings, one after the other


@pytest.mark.slow
def test_what_a_search_asks_of_the_noise() -> None:
    """The numbers of docs/privacy.md: 0.94 for one training of epsilon 8, 1.26 for a search of 10 on average."""
    from privacy.dpsgd.accounts import chosen_noise

    plain = options_of(noise_multiplier=None, epsilon=8, delta=1e-5, steps=100, sample_rate=0.1, search=None)
    noise, _ = search_noise(epsilon=8.0, steps=100, sample_rate=0.1, search={**SEARCHED, "mean_trials": 10.0})
    assert chosen_noise(plain) == pytest.approx(0.937, abs=0.004)
    assert noise.steps == pytest.approx(1.263, abs=0.004)


def test_the_longest_candidate_and_the_largest_bound_stand_for_all() -> None:
    candidates = [{"steps": 7, "clip_norm": 0.2}, {"steps": 30}, {"clip_norm": 2.0}]
    options = options_of(search={"candidates": candidates, "score_noise": 5.0})
    (step,) = search_event(options, chosen_search_noise(options)).steps
    assert (step.n_times, step.clip_norm) == (30, 2.0)
    assert options.trial(options.search.candidates[0]).n_steps == 7  # type: ignore[union-attr]


# The search


def test_a_search_is_counted_and_its_card_tells_what_may_be_told(train: Train, clinic: Corpus, tmp_path: Path) -> None:
    train(PRIVATE, epsilon=50.0, training_digest="sha256:7")
    card = card_of(tmp_path / "seed-0")
    told, found = card["privacy"], card["privacy"]["search"]
    assert told["epsilon_covers"] == {"steps": 0, "searches": 1, "sites": ["here"]}
    assert "RDP" in told["accountant"]
    assert (told["steps"], told["noise_multiplier"], told["stopped_by_budget"]) == (4, 5.0, False)
    assert found["candidates"] == CANDIDATES
    assert told["clip_norm"] == CANDIDATES[found["released"]].get("clip_norm", 1.0)
    assert (found["distribution"], found["mean_trials"], found["score_noise"]) == ("logarithmic", 3.0, 5.0)
    assert not any(word in json.dumps(card["privacy"]) for word in ('"score"', '"trials"', '"tie"', '"done"'))
    assert card["options"]["search"]["mean_trials"] == 3.0
    assert any("how long the search took" in line for line in told["not_covered"])
    parts = parts_of(clinic, options_of())
    assert len(parts.development) == 4
    assert not set(parts.development) & {*parts.train, *parts.held_out}
    assert all(was_trained_on(card, name) for name in (*parts.train, *parts.development))
    assert not any(was_trained_on(card, name) for name in parts.held_out)
    (line,) = searched_lines(tmp_path / "seed-0.ledger.jsonl")
    assert (line["mean"], line["shape"], line["score"]["noise_multiplier"]) == (3.0, 0, 5.0)
    assert ledger_command("show", tmp_path / "seed-0.ledger.jsonl") == 0


def test_the_ledger_tells_of_a_search(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(PRIVATE, epsilon=50.0)
    ledger_command("show", tmp_path / "seed-0.ledger.jsonl")
    said = capsys.readouterr().out
    assert "0 steps and 1 hyper-parameter search" in said
    assert "drawn from a logarithmic distribution of mean 3 and told to nobody, each of at most 4 steps" in said
    assert "scored on patients whom no step sees, who are counted too" in said
    assert ledger_command("remaining", tmp_path / "seed-0.ledger.jsonl") == 0


def test_the_number_of_protected_patients_has_those_who_are_scored_in_it(train: Train, tmp_path: Path) -> None:
    for name, more, n in (("a", {}, 14), ("b", {"expected_units": 12}, 25)):
        train(PRIVATE, name=name, **more)
        assert read_chain(tmp_path / f"{name}.ledger.jsonl").links[0].content["n_units"] == n
    with pytest.raises(PlanError, match="1 over the number"):
        train(PRIVATE, name="c", delta=1 / 14)


def test_the_best_trial_is_released_and_nothing_is_left_of_the_others(
    train: Train, toy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without noise in the score: the released model is the one of least score, put back after the others."""
    of_trials(monkeypatch, 6)
    seen: list[tuple[float, torch.Tensor]] = []

    def scored(reasoner: Any, *args: Any, **more: Any) -> float:
        score = noised_score(reasoner, *args, **more)
        seen.append((score, weights(reasoner).clone()))
        return score

    monkeypatch.setattr(f"{SEARCHING}.noised_score", scored)
    told: list[str] = []
    reasoner = train(
        SIMULATED,
        search={**SEARCHED, "score_noise": 0.0},
        progress=lambda what, done, total: told.append(f"{what} {done} {total}"),
    )
    assert len(seen) == 6
    assert len({score for score, _ in seen}) == 6
    assert torch.equal(weights(reasoner), min(seen, key=lambda pair: pair[0])[1])
    assert sorted(file.name for file in (tmp_path / "seed-0").iterdir()) == ["card.json", "weights.pt"]
    assert told == ["searching privately 0 None"]
    assert not reasoner.module.training


def test_every_trial_starts_anew_and_draws_its_candidate(
    train: Train, toy: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_trials(monkeypatch, 40)
    begun: list[tuple[float, torch.Tensor]] = []

    class Watched(Course):
        def run(self, *args: Any) -> None:
            begun.append((self.plan.options.learning_rate, weights(self.reasoner).clone()))
            super().run(*args)

    monkeypatch.setattr(f"{SEARCHING}.Course", Watched)
    reasoner = toy()
    start = weights(reasoner).clone()
    train(SIMULATED, reasoner=reasoner, steps=1)
    assert all(torch.equal(start, at) for _, at in begun)
    drawn = Counter(rate for rate, _ in begun)
    assert len(begun) == 40
    assert set(drawn) == {0.01, 0.3}
    assert min(drawn.values()) > 8


def test_equal_scores_are_told_apart_by_a_draw(train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    of_trials(monkeypatch, 2)
    monkeypatch.setattr(f"{SEARCHING}.noised_score", lambda *args, **more: 1.0)
    first: list[int] = []

    class Watched(SearchRun):
        def _released(self, best: Any) -> Any:
            state = torch.load(self.path, weights_only=True)
            first.append(int(state["best"]["tie"] == best["tie"]))
            return super()._released(best)

    monkeypatch.setattr("privacy.dpsgd.trainer.SearchRun", Watched)
    released = [train(SIMULATED, seed=seed, name=str(seed), steps=1) for seed in range(12)]
    assert len(released) == 12
    chosen = [card_of(tmp_path / str(seed))["privacy"]["search"]["released"] for seed in range(12)]
    assert set(chosen) == {0, 1}


def test_a_score_is_a_bounded_sum_with_noise_of_the_stated_scale(toy: Callable[..., Any], clinic: Corpus) -> None:
    parts = parts_of(clinic, options_of())
    reasoner = toy()
    bare = [
        noised_score(reasoner, (unit,), simulated_source(np.random.default_rng(0)), bound=1.5, noise=0.0)
        for unit in parts.units
    ]
    assert max(bare) == 1.5  # the toy sums over turns: whoever has many is bounded
    assert min(bare) >= 0
    source = simulated_source(np.random.default_rng(1))
    whole = noised_score(reasoner, parts.units, source, bound=1.5, noise=0.0)
    assert whole == pytest.approx(sum(bare))
    noised = [noised_score(reasoner, parts.units[:1], source, bound=1.5, noise=2.0) for _ in range(300)]
    assert np.std(noised) == pytest.approx(3.0, rel=0.2)
    for value in reasoner.module.parameters():
        value.data.fill_(math.nan)
    assert noised_score(reasoner, parts.units[:2], source, bound=1.5, noise=0.0) == 3.0


@pytest.mark.slow
def test_with_little_noise_the_search_finds_the_rate_that_learns(
    train: Train, make_clinic: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_trials(monkeypatch, 5)
    found = []
    for seed in range(4):
        train(
            SIMULATED,
            corpus=make_clinic([6] * 60),
            noise_multiplier=0.3,
            steps=25,
            seed=seed,
            name=str(seed),
            search={"candidates": [{"learning_rate": 1e-6}, {"learning_rate": 0.05}], "score_noise": 0.3},
        )
        found.append(card_of(tmp_path / str(seed))["privacy"]["search"]["released"])
    assert sum(found) >= 3


def test_where_no_trial_was_drawn_there_is_no_model_and_no_second_draw(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_trials(monkeypatch, 0)
    options = {**PRIVATE, "search": {**SEARCHED, "distribution": "poisson", "score_noise": 5.0}}
    for _ in range(2):
        with pytest.raises(PlanError, match="drew no trial"):
            train(options)
        of_trials(monkeypatch, 3)  # what was drawn stays drawn
    assert not (tmp_path / "seed-0" / "card.json").exists()
    assert len(searched_lines(tmp_path / "seed-0.ledger.jsonl")) == 1


def test_a_search_without_room_does_no_trial(train: Train, toy: Callable[..., Any], tmp_path: Path) -> None:
    one = account((search_event(options_of(), chosen_search_noise(options_of())).mechanism,), delta=1e-3)
    assert isinstance(one, Bounded)
    shared = {**PRIVATE, "epsilon": 1.2 * one.epsilon, "ledger": "site.jsonl"}
    train(shared, name="a")
    reasoner = toy()
    before = weights(reasoner).clone()
    with pytest.raises(BudgetSpentError, match="a search of 3 trials"):
        train(shared, name="b", reasoner=reasoner)
    assert torch.equal(weights(reasoner), before)
    assert not (tmp_path / "b" / "card.json").exists()
    with pytest.raises(BudgetSpentError):  # nor does drawing again help
        train(shared, name="a")


# Cut off


class KilledError(Exception):
    """The process went away here."""


@pytest.mark.parametrize(
    ("at", "lines"),
    [("drawing", 0), ("counting", 1), ("step 3", 1), ("scoring", 1), ("keeping 2", 1), ("saving", 1)],
)
def test_a_search_that_is_cut_off_goes_on_and_is_counted_once(
    at: str, lines: int, train: Train, toy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_trials(monkeypatch, 3)
    path = tmp_path / "seed-0.ledger.jsonl"
    with monkeypatch.context() as patched:
        _killed_at(at, patched)
        with pytest.raises(KilledError):
            train(PRIVATE, checkpoint_every=2)
    assert len(searched_lines(path)) == lines
    done: list[int] = []

    class Watched(Course):
        def step(self, *args: Any) -> None:
            assert len(searched_lines(path)) == 1
            done.append(1)
            super().step(*args)

    monkeypatch.setattr(f"{SEARCHING}.Course", Watched)
    of_trials(monkeypatch, 9)  # not asked again
    train(PRIVATE, checkpoint_every=2)
    assert len(searched_lines(path)) == 1
    again = {"drawing": 12, "counting": 12, "step 3": 10, "scoring": 8, "keeping 2": 0, "saving": 0}
    assert len(done) == again[at]
    assert not list((tmp_path / "seed-0").glob(".training*"))


def _killed_at(at: str, patched: pytest.MonkeyPatch) -> None:
    def die(*args: Any, **more: Any) -> Any:
        raise KilledError

    def after(target: Any, name: str, n: int) -> None:
        real, calls = getattr(target, name), []

        def wrapped(*args: Any, **more: Any) -> Any:
            calls.append(1)
            if len(calls) == n:
                raise KilledError
            return real(*args, **more)

        patched.setattr(target, name, wrapped)

    match at.split():
        case ["drawing"]:
            patched.setattr("privacy.dpsgd.search_account.LedgeredSearch.count", die)
        case ["counting"]:
            patched.setattr(SearchRun, "_tried", die)
        case ["step", n]:
            after(Course, "step", int(n))
        case ["scoring"]:
            patched.setattr(f"{SEARCHING}.noised_score", die)
        case ["keeping", n]:
            after(SearchRun, "_keep", int(n) + 2)  # after the draw's; the trial is scored again
        case _:
            patched.setattr("privacy.dpsgd.trainer.replacing_folder", die)


def test_a_search_whose_state_is_gone_begins_anew_and_is_counted_again(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for damage in ("gone", "no state", "another's"):
        with monkeypatch.context() as patched:
            patched.setattr(f"{SEARCHING}.noised_score", lambda *args, **more: (_ for _ in ()).throw(KilledError))
            with pytest.raises(KilledError):
                train(PRIVATE, name=damage)
        state = tmp_path / damage / SEARCH
        if damage == "gone":
            state.unlink()
        elif damage == "no state":
            state.write_bytes(b"no state")
        else:
            torch.save({**torch.load(state, weights_only=True), "digest": "sha256:0"}, state)
        train(PRIVATE, name=damage)
        assert len(searched_lines(tmp_path / f"{damage}.ledger.jsonl")) == 2
        assert not (tmp_path / damage / STATE).exists()


@pytest.fixture
def killed_runs(toy: Callable[..., Any], clinic: Corpus, tmp_path: Path) -> Callable[[int], int]:
    """Search in a child process that is killed after so many signs of life; return how many updates it told of."""

    def run(signs: int) -> int:
        inlet, outlet = os.pipe()
        child = os.fork()
        if child == 0:
            _search_and_tell(toy(), clinic, tmp_path / "seed-0", outlet)
        os.close(outlet)
        updates = 0
        with os.fdopen(inlet, "rb", buffering=0) as pipe:
            for _ in range(signs):
                sign = pipe.read(1)
                if not sign:
                    break
                updates += sign == b"u"
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            updates += pipe.read().count(b"u")
        return updates

    return run


def _search_and_tell(reasoner: Any, corpus: Corpus, folder: Path, outlet: int) -> None:
    try:
        moved = torch.optim.SGD.step

        def step(self: Any, closure: Any = None) -> None:
            moved(self, closure)
            os.write(outlet, b"u")

        patched = pytest.MonkeyPatch()
        patched.setattr(torch.optim.SGD, "step", step)
        of_trials(patched, 1000)
        asked = reasoner.losses

        def losses(units: Any, *, rng: Any) -> Any:
            os.write(outlet, b".")
            return asked(units, rng=rng)

        reasoner.losses = losses
        options = {**PRIVATE, "optimizer": "sgd", "checkpoint_every": 2}
        TRAINER.train(reasoner, corpus, options, folder=folder, rng=np.random.default_rng(0), progress=silent)
    finally:
        os._exit(0)


@pytest.mark.parametrize("deaths", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_a_search_that_is_killed_at_any_moment_was_in_the_ledger_before_any_update(
    deaths: int, killed_runs: Callable[[int], int], tmp_path: Path
) -> None:
    rng, updates = np.random.default_rng(deaths), 0
    path = tmp_path / "seed-0.ledger.jsonl"
    for _ in range(deaths):
        updates += killed_runs(int(rng.integers(1, 200)))
        if updates:
            assert len(searched_lines(path)) == 1
            assert len(read_book(path).runs) == 1
    assert updates > deaths


@pytest.mark.parametrize(
    ("search", "named"),
    [
        ({"candidates": []}, "name one candidate"),
        ({"candidates": [{"noise_multiplier": 1.0}]}, "noise_multiplier"),
        ({"candidates": [{"sample_rate": 0.1}]}, "sample_rate"),
        ({**SEARCHED, "mean_trials": 0.5}, "mean_trials"),
        ({**SEARCHED, "mean_trials": 1}, "mean of 1"),
        ({**SEARCHED, "distribution": "fixed"}, "distribution"),
        ({**SEARCHED, "distribution": "negative-binomial"}, "shape"),
        ({**SEARCHED, "shape": 2.0}, "shape"),
        ({**SEARCHED, "score_noise": 0.0}, "score_noise=0 protects nobody"),
        (SEARCHED, "say search.score_noise, or epsilon"),
        ({**SEARCHED, "score_noise": 1.0, "development": 0.9}, "nobody to train on"),
        ({**SEARCHED, "score_noise": 1.0, "trials": 5}, "trials"),
    ],
)
def test_searches_that_no_theorem_is_about_are_refused_by_name(
    search: dict[str, Any], named: str, train: Train
) -> None:
    with pytest.raises(PlanError, match=named):
        train({**PRIVATE, "search": search})


@pytest.mark.slow
def test_a_budget_too_small_for_the_search_is_refused_in_words(train: Train) -> None:
    options = {**PRIVATE, "noise_multiplier": None, "epsilon": 0.05, "delta": 1e-4, "steps": 10**6}
    with pytest.raises(PlanError, match="no noise keeps such a search"):
        train({**options, "search": {**SEARCHED, "score_noise": 0.5}})
