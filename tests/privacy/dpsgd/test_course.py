"""What a step releases: bounded contributions and noise of the stated scale, divided by what is expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from privacy.dpsgd.course import Course
from privacy.dpsgd.gradients import Clipped, HookGradients, LoopGradients, unit_gradients
from privacy.dpsgd.inspections import inspect_contribution, inspect_noise, inspect_sampler
from privacy.dpsgd.options import AdaptiveClipping
from privacy.dpsgd.randomness import Source, simulated_source
from privacy.dpsgd.units import ProtectedUnit

SIZES = (1, 1, 2, 3, 5, 8, 13, 40)


@pytest.fixture
def units(make_patient: Callable, unit_of: Callable) -> list[ProtectedUnit]:
    return [unit_of(make_patient(f"p{i}", n)) for i, n in enumerate(SIZES)]


def everyone(seed: int = 0) -> Source:
    return simulated_source(np.random.default_rng(seed))


def test_the_limit_without_privacy_is_plain_gradient_descent(
    toy: Callable, make_course: Callable, units: list[ProtectedUnit]
) -> None:
    private, plain = toy(), toy()
    course = make_course(
        private, clip_norm=math.inf, expected=len(units), steps=7, sample_rate=1.0, units_at_once=3, learning_rate=0.05
    )
    descent = torch.optim.SGD(plain.module.parameters(), lr=0.05)
    for step in range(7):
        course.step(units, everyone(step))
        descent.zero_grad()
        plain.losses([unit.pieces[0] for unit in units], rng=np.random.default_rng(0)).mean().backward()
        descent.step()
    for mine, theirs in zip(private.module.parameters(), plain.module.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_no_patient_moves_the_update_further_than_the_bound_however_many_turns(
    toy: Callable, make_course: Callable, released: Callable, units: list[ProtectedUnit]
) -> None:
    reasoner = toy()
    course = make_course(reasoner, clip_norm=0.5, sample_rate=1.0)
    whole = released(course, units, everyone())
    norms = (
        LoopGradients(reasoner).clipped([u.pieces[0] for u in units], clip_norm=1, rng=np.random.default_rng(0)).norms
    )
    assert norms.max() > 10 * norms.min()  # the patients are as unlike as they were meant to be
    assert norms.min() > 0.5
    for i in range(len(units)):
        moved = whole - released(course, units[:i] + units[i + 1 :], everyone())
        assert float(np.linalg.norm(moved)) == pytest.approx(0.5, rel=1e-3)


def test_small_gradients_are_left_as_they_are(
    toy: Callable, make_course: Callable, released: Callable, units: list[ProtectedUnit]
) -> None:
    reasoner = toy()
    course = make_course(reasoner, clip_norm=1e4, sample_rate=1.0)
    gradients = LoopGradients(reasoner).each([u.pieces[0] for u in units], rng=np.random.default_rng(0))
    total = torch.cat([value.sum(0).flatten() for value in gradients]).numpy()
    np.testing.assert_allclose(released(course, units, everyone()), total, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("way", ["loop", "hooks", "ghost"])
def test_the_noise_on_the_trained_update_has_the_stated_scale(
    way: str, toy: Callable, make_course: Callable, released: Callable, units: list[ProtectedUnit]
) -> None:
    """Over many steps of one state, less the sum without noise; and once for all units, however many passes."""
    reasoner = toy()
    gradients = unit_gradients(way, reasoner)  # type: ignore[arg-type]
    quiet = released(make_course(reasoner, clip_norm=0.8, sample_rate=1.0, gradients=gradients), units, everyone())
    course = make_course(
        reasoner, noise_multiplier=1.5, clip_norm=0.8, sample_rate=1.0, units_at_once=2, gradients=gradients
    )
    noise = np.stack([released(course, units, everyone(seed)) - quiet for seed in range(60)])
    gradients.close()
    found = inspect_noise(noise, clip_norm=0.8, claimed=1.5)
    assert found.holds
    assert found.low <= 1.5 <= found.high
    assert (found.high - found.low) < 0.15
    assert stats.kstest(noise.ravel() / 1.2, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.1


def test_an_empty_step_adds_noise_and_is_a_step(
    toy: Callable, make_course: Callable, released: Callable, counting: type, tmp_path: Path, units: list[ProtectedUnit]
) -> None:
    reasoner = toy()
    course = make_course(reasoner, noise_multiplier=2.0, clip_norm=1.0, sample_rate=1e-12)
    found = inspect_noise(
        np.stack([released(course, units, everyone(s)) for s in range(60)]), clip_norm=1.0, claimed=2.0
    )
    assert found.low <= 2 <= found.high
    assert reasoner.asked == []  # nobody was looked at
    account = counting()
    course = make_course(reasoner, noise_multiplier=2.0, sample_rate=1e-12, steps=4, account=account)
    course.run(units, everyone, tmp_path / "state")
    assert account.calls == [(name, n) for n in range(4) for name in ("intend", "confirm")]


def test_sums_are_divided_by_the_expected_and_not_by_the_drawn_number(
    toy: Callable, make_course: Callable, units: list[ProtectedUnit]
) -> None:
    """Divided by the drawn number, one more patient would shrink everybody else's part."""
    moves = []
    for there in (units, units[:1]):
        reasoner = toy()
        before = [value.detach().clone() for value in reasoner.module.parameters()]
        make_course(reasoner, clip_norm=1e-3, expected=4.0, sample_rate=1.0).step(there, everyone())
        moved = [b - a.detach() for a, b in zip(reasoner.module.parameters(), before, strict=True)]
        moves.append(torch.cat([value.flatten() for value in moved]))
    assert float(moves[1].norm()) == pytest.approx(1e-3 / 4, rel=1e-2)
    assert float(moves[0].norm()) <= len(units) * 1e-3 / 4


def test_a_patient_whose_gradient_is_no_number_adds_nothing_and_spoils_nothing(
    toy: Callable, make_course: Callable, released: Callable, units: list[ProtectedUnit]
) -> None:
    for way in ("loop", "hooks", "ghost"):
        reasoner = toy()

        def poisoned(rows: Any, *, rng: Any, asked: Callable = reasoner.losses) -> torch.Tensor:
            found = asked(rows, rng=rng)
            worse = torch.tensor([math.inf if len(row) == SIZES[-1] else 1.0 for row in rows])
            return found * worse

        reasoner.losses = poisoned
        gradients = unit_gradients(way, reasoner)  # type: ignore[arg-type]
        course = make_course(reasoner, clip_norm=0.5, sample_rate=1.0, gradients=gradients)
        whole, others = released(course, units, everyone()), released(course, units[:-1], everyone())
        gradients.close()
        assert np.isfinite(whole).all()
        np.testing.assert_allclose(whole, others, atol=1e-6)


def test_the_noise_belongs_to_the_bound_that_was_clipped_to(
    toy: Callable, make_course: Callable, units: list[ProtectedUnit]
) -> None:
    """Moved before the noise is added, a shrinking bound would come with too little of it."""
    adaptive = {"rate": 1.0, "quantile": 0.01, "budget_share": 0.5}
    noises = []
    for seed in range(80):
        reasoner = toy()
        before = torch.cat([value.detach().flatten() for value in reasoner.module.parameters()])
        course = make_course(
            reasoner, noise_multiplier=1.0, clip_norm=100.0, expected=8.0, sample_rate=1e-12, adaptive_clipping=adaptive
        )
        course.step(units, everyone(seed))
        assert course.clip_norm != 100.0
        noises.append((before - torch.cat([v.detach().flatten() for v in reasoner.module.parameters()])) * 8)
    found = inspect_noise(torch.stack(noises).numpy(), clip_norm=100.0, claimed=math.sqrt(2.0))
    assert found.low <= math.sqrt(2.0) <= found.high


def test_later_noise_belongs_to_the_bound_as_it_has_moved(
    toy: Callable, make_course: Callable, released: Callable, units: list[ProtectedUnit]
) -> None:
    adaptive = {"rate": 0.5, "quantile": 0.5, "budget_share": 0.5}
    course = make_course(
        toy(), noise_multiplier=1.0, clip_norm=1.0, expected=8.0, sample_rate=1e-12, adaptive_clipping=adaptive
    )
    course.clip_norm = 30.0  # what earlier steps may have moved it to
    noise = np.stack([released(course, units, everyone(seed)) for seed in range(60)])
    found = inspect_noise(noise, clip_norm=30.0, claimed=math.sqrt(2.0))
    assert found.low <= math.sqrt(2.0) <= found.high


def test_the_count_of_whom_clipping_left_whole_is_told_with_its_noise(
    toy: Callable, make_course: Callable, units: list[ProtectedUnit]
) -> None:
    """The bound's moves are the count's only trace: without noise they would tell whether a step took anybody."""
    adaptive = {"rate": 0.01, "quantile": 0.5, "budget_share": 0.25}
    course = make_course(
        toy(), noise_multiplier=1.0, clip_norm=1.0, expected=8.0, sample_rate=1e-12, adaptive_clipping=adaptive
    )
    counts = []
    for seed in range(200):
        before = course.clip_norm
        course.step(units, everyone(seed))
        counts.append(-math.log(course.clip_norm / before) / 0.01 * 8)
        course.clip_norm = 1.0
    found = inspect_noise(np.array(counts), clip_norm=1.0, claimed=1.0)
    assert found.low <= 1.0 <= found.high  # 1 / (2 sqrt(1/4))


def test_the_adaptive_bound_follows_what_the_patients_have(
    toy: Callable, make_course: Callable, units: list[ProtectedUnit], tmp_path: Path
) -> None:
    reasoner = toy()
    course = make_course(
        reasoner,
        noise_multiplier=0.01,
        clip_norm=1e-2,
        expected=len(units),
        sample_rate=1.0,
        steps=60,
        learning_rate=1e-6,
        adaptive_clipping=AdaptiveClipping(quantile=0.5).model_dump(),
    )
    norms = course.gradients.clipped([u.pieces[0] for u in units], clip_norm=1, rng=np.random.default_rng(0)).norms
    course.run(units, everyone, tmp_path / "state")
    assert 0.7 * norms.sort().values[3] < course.clip_norm < 1.3 * norms.sort().values[4]


def test_pieces_of_a_long_patient_are_all_met_and_one_at_a_time(make_patient: Callable, unit_of: Callable) -> None:
    unit = unit_of(make_patient("a", 1), make_patient("b", 2), make_patient("c", 3))
    source = everyone()
    drawn = [len(unit.drawn(source)) for _ in range(3000)]
    assert stats.chisquare([drawn.count(n) for n in (1, 2, 3)]).pvalue > 1e-3


# what is broken on purpose, and which instrument finds it


class HalvedNoise(Course):
    """Adds half of what it says."""

    def step(self, units: Any, source: Source) -> None:
        claimed = self.plan
        self.plan = replace(claimed, noise_multiplier=claimed.noise_multiplier / 2)
        super().step(units, source)
        self.plan = claimed


class PerUtterance(HookGradients):
    """Clips each turn for itself, and says that patients are bounded."""

    def clipped(self, units: Any, *, clip_norm: float, rng: np.random.Generator) -> Clipped:
        return super().clipped([(turn,) for unit in units for turn in unit], clip_norm=clip_norm, rng=rng)


@dataclass(frozen=True, kw_only=True)
class Dealt(Source):
    """Deals a shuffled order out in batches, and says that it draws at a rate."""

    left: list[int] = field(default_factory=list)

    def included(self, n: int, *, rate: float) -> np.ndarray:
        size = round(rate * n)
        if len(self.left) < size:
            self.left[:] = np.random.default_rng(n).permutation(n).tolist()
        batch = self.left[:size]
        del self.left[:size]
        return np.array(batch)


def test_halved_noise_is_found(toy: Callable, make_course: Callable, released: Callable, units: Any) -> None:
    honest, broken = (
        make_course(toy(), noise_multiplier=1.0, sample_rate=1e-12, cls=cls) for cls in (Course, HalvedNoise)
    )
    found = [
        inspect_noise(np.stack([released(c, units, everyone(s)) for s in range(40)]), clip_norm=1.0, claimed=1.0)
        for c in (honest, broken)
    ]
    assert [one.holds for one in found] == [True, False]
    assert found[1].measured == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("who", [0, 7])
def test_clipping_per_utterance_is_found_by_the_patients_it_fails(
    who: int, toy: Callable, make_course: Callable, released: Callable, units: Any
) -> None:
    """From noised updates alone; a patient of one turn is clipped rightly either way, and shows nothing."""
    verdicts = []
    for way in (HookGradients, PerUtterance):
        reasoner = toy()
        gradients = way(reasoner, "hooks")
        course = make_course(
            reasoner, noise_multiplier=0.4, clip_norm=1.0, sample_rate=1.0, gradients=gradients, units_at_once=8
        )
        with_, without = (
            np.stack([released(course, there, everyone(seed)) for seed in range(start, start + 80)])
            for start, there in ((0, units), (1000, [u for i, u in enumerate(units) if i != who]))
        )
        found = inspect_contribution(with_, without, clip_norm=1.0)
        gradients.close()
        noise = inspect_noise(without - without.mean(0), clip_norm=1.0, claimed=0.4 * math.sqrt(79 / 80))
        verdicts.append((found.holds, noise.holds))
        assert found.low <= found.measured <= found.high
    assert verdicts == [(True, True), (SIZES[who] == 1, True)]


def test_shuffled_batches_called_poisson_are_found(make_patient: Callable) -> None:
    n, rate = 60, 0.2
    honest, dealt = everyone(), Dealt(words=lambda n: np.zeros(n, dtype=np.uint64), name="dealt", simulated=True)
    verdicts = []
    for source in (honest, dealt):
        drawn = np.zeros((200, n), dtype=bool)
        for row in drawn:
            row[source.included(n, rate=rate)] = True
        verdicts.append(inspect_sampler(drawn, sample_rate=rate).holds)
    assert verdicts == [True, False]
