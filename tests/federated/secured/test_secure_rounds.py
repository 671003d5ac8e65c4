"""Rounds under secure sums: the same model as in clear, nothing of a site seen, and every fault ends in words."""

from __future__ import annotations

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict

from affidavit.errors import FederationError, PlanError
from federated.in_process.grid import InProcessGrid, server_identity
from federated.rounds.events import (
    AttemptAborted,
    ReplyRefused,
    ReplyTaken,
    RoundClosed,
    RoundFailed,
    RoundLost,
    RunEnded,
    SiteLeft,
    Summed,
)
from federated.rounds.federation import Federation
from federated.rounds.kept import read_kept
from federated.secured.gathering import SecureGathering
from federated.secured.options import SecureOptions
from federated.sites.app import site_app
from federated.strategies.options import FedAdam, FedAvg, FedProx, Krum, QFair, StrategyOptions, TrimmedMean
from federated.updates.arrays import packed
from federated.updates.layout import Vector
from federated.updates.local import LocalUpdate, RoundOrder, SiteLeavesError
from tests.federated.secured.conftest import LAYOUT, START, App, Pull, SecureHouse, Steps

House = Callable[..., SecureHouse]
STAGES = ["query.keys", "query.shares", "train.masked", "query.agree", "query.unmask"]


def in_clear(house: SecureHouse, **options: Any) -> Vector:
    """Return the model of the same plan with updates that the server sees."""
    for site in house.sites:
        site.facts = lambda site=site: Pull.facts(site).model_copy(update={"n_units": site.n_units})
    federation = Federation(house.terms(**options), clock=Steps())
    apps = {node: site_app(lambda _, one=one: (one, LAYOUT)) for node, one in enumerate(house.sites, 10)}
    grid = InProcessGrid(lambda message, context: apps[context.node_id](message, context), {node: {} for node in apps})
    with server_identity():
        return np.asarray(federation.start(grid, packed(START)).arrays["vector"].numpy())


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        (FedAvg(), {}),
        (FedAvg(server_learning_rate=0.5), {"weights": "capped", "cap": 30}),
        (FedProx(proximal=0.1), {}),
        (FedAdam(), {}),
        (QFair(q=1.0, local_learning_rate=0.1), {}),
        (QFair(q=2.0, local_learning_rate=0.1), {}),
        (QFair(q=0.0, local_learning_rate=0.1), {}),
    ],
)
def test_a_secure_sum_moves_the_model_as_one_in_clear(
    make_house: House, strategy: StrategyOptions, options: dict[str, Any]
) -> None:
    """To quantisation: a grid of 2^-27 of the norm bound for up to ten sites, over two rounds."""
    secure = make_house(secure=SecureOptions(loss_bound=2.0))

    model = secure.run(strategy=strategy, **options)

    tolerance = 1e-4 if isinstance(strategy, FedAdam) else 3e-6  # Adam divides by small roots
    np.testing.assert_allclose(
        model, in_clear(make_house(name="clear"), strategy=strategy, **options), atol=tolerance, rtol=1e-5
    )
    assert [event.round for event in secure.of(RoundClosed)] == [1, 2]
    assert len(secure.of(Summed)) == 2
    assert not secure.of(ReplyTaken)
    assert not secure.of(ReplyRefused)


def test_what_leaves_a_site_is_none_of_its_numbers(make_house: House) -> None:
    house = make_house()
    house.run(rounds=1)

    truth = {site.name: site._known[1].update for site in house.sites}
    vectors = [
        np.asarray(reply.content.array_records["vector"]["vector"].numpy())
        for reply in house.passed
        if "vector" in reply.content.array_records
    ]
    assert len(vectors) == 5
    step = house.agreement(house.terms(rounds=1)).terms.encoding
    for vector in vectors:
        assert vector.dtype == np.uint32
        shown = np.asarray(vector[:5]).astype(np.int32) * getattr(step, "step", 1.0)
        assert all(np.abs(shown - update).max() > 0.1 for update in truth.values())
    for reply in house.passed:
        assert "facts" not in reply.content or "loss" not in reply.content["facts"]


def test_an_order_in_clear_is_not_answered(make_house: House) -> None:
    house = make_house(3)

    terms = house.terms()
    federation, grid = Federation(terms, clock=Steps()), house.grid(terms, house.agreement(terms))
    with pytest.raises(FederationError, match="round 1 did not come together"), server_identity():
        federation.start(grid, packed(START))

    assert not any(site.trained for site in house.sites)


@pytest.mark.parametrize("stage", STAGES)
def test_a_site_that_falls_silent_at_any_stage_does_not_stop_the_round(make_house: House, stage: str) -> None:
    house = make_house(secure=SecureOptions(stage_deadline=5))
    house.silent = lambda node, kind: node == 12 and kind == stage

    model = house.run(rounds=1, quorum=3)

    inside = {1, 2, 3, 4, 5} if stage in {"query.agree", "query.unmask"} else {1, 2, 4, 5}
    direction = np.array([1, -1, 0.5, 0.1, 2])
    np.testing.assert_allclose(model, 0.1 * np.mean(sorted(inside)) * direction, atol=1e-6)
    assert house.of(Summed)[0].dropped == {"site-2": stage.split(".")[1]}
    assert house.of(RoundClosed)[0].attempts == 1
    assert house.of(RoundClosed)[0].missing == (() if len(inside) == 5 else ("site-2",))


@pytest.mark.parametrize("stage", STAGES[:4])
def test_an_attempt_without_quorum_is_made_again_without_training_again(make_house: House, stage: str) -> None:
    house = make_house(3)
    failed: list[int] = []

    def silent(node: int, kind: str) -> bool:
        if node == 12 and kind == stage and not failed:
            failed.append(1)
        return node == 12 and kind == stage and len(house.of(AttemptAborted)) == 0

    house.silent = silent
    model = house.run(rounds=2)

    aborted = house.of(AttemptAborted)
    assert [(event.round, event.attempt, event.stage) for event in aborted] == [(1, 1, stage.split(".")[1])]
    assert aborted[0].missing == ("site-2",)
    assert [event.attempts for event in house.of(RoundClosed)] == [2, 1]
    assert [site.trained for site in house.sites] == [[1, 2]] * 3
    np.testing.assert_allclose(model, in_clear(make_house(3, name="clear"), rounds=2), atol=1e-6)


def test_a_round_whose_sum_does_not_open_is_lost_and_the_next_one_counts(make_house: House) -> None:
    """Sites that gave shares give no others in that round: two sums of it could differ by one site."""
    house = make_house(3)
    house.silent = lambda node, kind: node == 12 and kind == "query.unmask" and not house.of(RoundLost)

    model = house.run(rounds=2)

    (lost,) = house.of(RoundLost)
    assert (lost.round, lost.attempts) == (1, 1)
    assert "site-2" in lost.because
    assert [event.round for event in house.of(RoundClosed)] == [2]
    assert house.of(RunEnded)[0].rounds_done == 1
    assert house.of(RunEnded)[0].rounds_lost == (1,)
    np.testing.assert_allclose(model, in_clear(make_house(3, name="clear"), rounds=1), atol=1e-6)


def test_when_every_round_is_lost_there_is_no_model(make_house: House) -> None:
    house = make_house(3)
    house.silent = lambda node, kind: node == 12 and kind == "query.unmask"

    with pytest.raises(FederationError, match="no round happened"):
        house.run(rounds=2)

    assert [event.round for event in house.of(RoundLost)] == [1, 2]
    assert not house.of(RoundClosed)


def test_a_site_that_is_never_there_again_ends_the_run_and_keeps_what_happened(
    make_house: House, tmp_path: Path
) -> None:
    house = make_house(3)
    house.silent = lambda node, kind: node == 12 and len(house.of(RoundClosed)) == 1

    with pytest.raises(FederationError, match="round 2 did not come together"):
        house.run(rounds=3, state=tmp_path / "state.npz")

    assert house.of(RoundFailed)[0].round == 2
    kept = read_kept(tmp_path / "state.npz", run="sha256:run")
    assert kept is not None
    assert kept.rounds_done == 1

    house.silent = lambda node, kind: False
    resumed = house.run(rounds=3, state=tmp_path / "state.npz")
    np.testing.assert_allclose(resumed, in_clear(make_house(3, name="clear"), rounds=3), atol=1e-6)
    assert [site.trained for site in house.sites] == [[1, 2, 3]] * 3


class _Killed(BaseException):
    """The server goes away."""


def _killing(house: SecureHouse, *, kind: str, number: int) -> None:
    """Let the server be killed when a site answers a stage for the so-manieth time."""
    seen: list[int] = []

    def wrap(app: App) -> App:
        def answer(message: Message, context: Context) -> Message:
            if message.metadata.message_type == kind:
                seen.append(1)
                if len(seen) == number:
                    raise _Killed
            return app(message, context)

        return answer

    house.wrapped = {12: wrap}


@pytest.mark.parametrize("strategy", [FedAvg(), FedAdam()])
@pytest.mark.parametrize("stage", STAGES[:4])
def test_a_server_killed_before_it_opened_a_sum_goes_on_with_the_same_bytes(
    make_house: House, tmp_path: Path, stage: str, strategy: StrategyOptions
) -> None:
    whole = make_house(3, name="whole").run(rounds=3, strategy=strategy)
    house = make_house(3)
    _killing(house, kind=stage, number=2)

    with pytest.raises(_Killed):
        house.run(rounds=3, strategy=strategy, state=tmp_path / "state.npz")
    house.wrapped = {}
    resumed = house.run(rounds=3, strategy=strategy, state=tmp_path / "state.npz")

    np.testing.assert_array_equal(resumed, whole)
    assert [site.trained for site in house.sites] == [[1, 2, 3]] * 3
    assert [event.attempts for event in house.of(RoundClosed)] == [1, 2, 1], "no number is said twice"


def test_a_server_killed_while_it_opened_a_sum_has_lost_that_round(make_house: House, tmp_path: Path) -> None:
    house = make_house()
    _killing(house, kind="query.unmask", number=2)

    with pytest.raises(_Killed):
        house.run(rounds=3, state=tmp_path / "state.npz")
    house.wrapped = {}
    house.run(rounds=3, state=tmp_path / "state.npz")

    assert [event.round for event in house.of(RoundClosed)] == [1, 3]
    assert [event.round for event in house.of(RoundLost)] == [2]
    kept = read_kept(tmp_path / "state.npz", run="sha256:run")
    assert kept is not None
    assert (kept.rounds_done, kept.lost, kept.number) == (2, (2,), 3)


def test_a_site_whose_budget_is_spent_leaves_before_anything_is_shared(make_house: House) -> None:
    class Spent(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            if order.round > 1:
                raise SiteLeavesError("budget-spent", "no room for another round")
            return super().train(received, order)

    house = make_house()
    house.sites[2] = Spent("site-2", 3.0)
    house.run(rounds=3)

    assert [(event.site, event.round) for event in house.of(SiteLeft)] == [("site-2", 2)]
    assert [event.contributors for event in house.of(RoundClosed)][1:] == [("site-0", "site-1", "site-3", "site-4")] * 2
    assert house.of(Summed)[1].dropped == {"site-2": "keys"}


def test_a_site_that_never_joins_holds_nobody_up(make_house: House) -> None:
    house = make_house()
    house.silent = lambda node, kind: node == 12

    house.run(rounds=2)

    assert [event.contributors for event in house.of(RoundClosed)] == [("site-0", "site-1", "site-3", "site-4")] * 2
    assert not house.of(AttemptAborted)


def test_a_site_that_joins_late_is_in_the_next_round(make_house: House) -> None:
    house, looks = make_house(), list[int]()
    grid_of = house.grid

    def late(*given: Any) -> Any:
        grid = grid_of(*given)
        grid.get_node_ids = lambda: [10, 11, 12, 13, *([14] if house.of(RoundClosed) else looks)]  # type: ignore[method-assign]
        return grid

    house.grid = late  # type: ignore[method-assign]
    house.run(rounds=2)

    assert [len(event.contributors) for event in house.of(RoundClosed)] == [4, 5]


def test_a_site_that_crashes_while_it_trains_is_asked_again_and_tells_nothing(make_house: House) -> None:
    class Crashing(Pull):
        crashes = 0

        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            if order.attempt == 1:
                self.crashes += 1
                raise RuntimeError("patient 4711 said: I am afraid")
            return super().train(received, order)

    house = make_house(3)
    house.sites[1] = Crashing("site-1", 2.0)
    model = house.run(rounds=1)

    assert house.sites[1].crashes == 1
    assert house.of(RoundClosed)[0].attempts == 2
    assert [site.trained for site in house.sites] == [[1]] * 3
    assert "4711" not in " ".join(event.model_dump_json() for event in house.events)
    np.testing.assert_allclose(model, 0.1 * 2 * np.array([1, -1, 0.5, 0.1, 2]), atol=1e-6)


def test_a_site_with_numbers_that_are_none_is_left_out(make_house: House) -> None:
    class Broken(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            return LocalUpdate(update=np.full(5, np.nan, np.float32))

    house = make_house()
    house.sites[2] = Broken("site-2", 3.0)
    model = house.run(rounds=1)

    assert house.of(RoundClosed)[0].missing == ("site-2",)
    assert np.isfinite(model).all()
    assert "ValueError" in house.of(ReplyRefused)[0].because


def test_a_huge_update_moves_the_sum_by_no_more_than_the_bound(make_house: House) -> None:
    house = make_house()
    house.sites[2].target = 1e7

    model = house.run(rounds=1, norm_bound=0.5)

    honest = sum(_clipped(0.1 * i * np.array([1, -1, 0.5, 0.1, 2]), 0.5) for i in (1, 2, 4, 5))
    assert float(np.linalg.norm(model - honest / 5)) == pytest.approx(0.5 / 5, rel=1e-4)


def _clipped(update: Any, bound: float) -> Any:
    return update * min(1.0, bound / float(np.linalg.norm(update)))


@pytest.mark.parametrize(
    "content",
    [
        RecordDict(),
        RecordDict({"secure": ConfigRecord({"stage": "keys"})}),
        RecordDict({"secure": ConfigRecord({"stage": "no such stage"})}),
        RecordDict({"vector": ArrayRecord({"vector": Array(np.ones(3, np.uint32))})}),
        RecordDict({"refusal": ConfigRecord({"slug": "\x1b[31m", "words": "a" * 9999})}),
        RecordDict({"leaves": ConfigRecord({"slug": "x", "words": "y\n" * 999})}),
    ],
)
@pytest.mark.parametrize("kind", ["query.keys", "train.masked"])
def test_a_reply_that_reads_as_nothing_is_refused_in_words(make_house: House, kind: str, content: RecordDict) -> None:
    def wrap(app: App) -> App:
        def answer(message: Message, context: Context) -> Message:
            if message.metadata.message_type == kind:
                return Message(content, reply_to=message)
            return app(message, context)

        return answer

    house = make_house(wrapped={12: wrap})
    house.run(rounds=1)

    said = [*house.of(ReplyRefused), *house.of(SiteLeft)]
    assert [event.site for event in said] == ["site-2"]
    assert said[0].because.isprintable()
    assert len(said[0].because) <= 700
    assert house.of(RoundClosed)[0].missing == ("site-2",)


def test_a_masked_vector_of_another_length_is_not_added(make_house: House) -> None:
    def wrap(app: App) -> App:
        def answer(message: Message, context: Context) -> Message:
            reply = app(message, context)
            if message.metadata.message_type == "train.masked":
                reply.content["vector"] = ArrayRecord({"vector": Array(np.ones(3, np.uint32))})
            return reply

        return answer

    house = make_house(wrapped={12: wrap})
    model = house.run(rounds=1)

    assert house.of(RoundClosed)[0].missing == ("site-2",)
    np.testing.assert_allclose(model, 0.1 * 3 * np.array([1, -1, 0.5, 0.1, 2]), atol=1e-6)


def test_a_reply_that_comes_twice_counts_once(make_house: House) -> None:
    house = make_house()
    grid_of = house.grid

    def twice(*given: Any) -> Any:
        grid = grid_of(*given)
        pull = grid.pull_messages
        grid.pull_messages = lambda ids: [reply for reply in pull(ids) for _ in range(2)]  # type: ignore[method-assign]
        return grid

    house.grid = twice  # type: ignore[method-assign]
    np.testing.assert_allclose(house.run(rounds=1), in_clear(make_house(name="clear"), rounds=1), atol=1e-6)


def test_a_site_with_a_larger_minimum_of_its_own_takes_no_part_in_a_smaller_sum(make_house: House) -> None:
    house = make_house(4, minimum=5)

    with pytest.raises(FederationError, match="round 1 did not come together"):
        house.run(rounds=1)

    assert {event.because.split(":")[1].strip() for event in house.of(ReplyRefused)} == {"secure-cohort"}
    assert not any(site.trained for site in house.sites), "nobody trains for a sum that it will not be in"


def test_a_server_that_asks_for_another_training_is_refused(make_house: House) -> None:
    house = make_house(3)
    terms = house.terms()
    agreement = house.agreement(terms)
    other = house.terms(strategy=FedProx(proximal=5.0))
    gathering = partial(SecureGathering, agreement=agreement)
    federation = Federation(other, gathering=gathering, clock=Steps(), note=house.events.append)
    with pytest.raises(FederationError), server_identity():
        federation.start(house.grid(terms, agreement), packed(START))

    assert all("approved another training" in event.because for event in house.of(ReplyRefused)[:3])
    assert not any(site.trained for site in house.sites)


def test_a_site_that_cannot_read_what_it_remembers_takes_no_further_part(make_house: House, tmp_path: Path) -> None:
    house = make_house()
    house.run(rounds=1, state=tmp_path / "state.npz")
    (house.folder / "site-2" / "secure.json").write_text("{torn")
    house.events.clear()
    house.run(rounds=2, state=tmp_path / "state.npz")

    assert "site-2 cannot read what it remembers" in house.of(ReplyRefused)[0].because


def test_what_a_site_remembers_is_its_own_and_no_update_stays_after_the_sum(make_house: House) -> None:
    house = make_house(3)
    house.run(rounds=1)

    files = sorted(path.relative_to(house.folder).as_posix() for path in house.folder.rglob("*") if path.is_file())
    assert files == [f"site-{i}/{name}" for i in range(3) for name in (".lock", "secure.json")]
    for name in files:
        assert stat.S_IMODE((house.folder / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("strategy", [TrimmedMean(), Krum(most_faulty=0)])
def test_strategies_that_look_at_single_updates_are_refused(make_house: House, strategy: StrategyOptions) -> None:
    with pytest.raises(PlanError, match="nobody sees a single update") as raised:
        make_house().run(strategy=strategy)

    assert raised.value.found == strategy.name


@pytest.mark.parametrize(
    ("strategy", "secure", "options"),
    [
        (FedAvg(), {}, {"norm_bound": None}),
        (QFair(local_learning_rate=0.1), {}, {}),
        (QFair(q=0.5, local_learning_rate=0.1), {"loss_bound": 1.0}, {}),
        (FedAvg(), {"minimum": 6}, {}),
        (FedAvg(), {"dropped": 3}, {}),
        (FedAvg(), {"colluding": 5}, {}),
    ],
)
def test_what_no_sum_can_keep_is_refused(
    make_house: House, strategy: StrategyOptions, secure: dict[str, Any], options: dict[str, Any]
) -> None:
    with pytest.raises(PlanError):
        make_house(secure=SecureOptions(**secure)).run(strategy=strategy, **options)


def test_cut_numbers_are_counted_and_not_whose(make_house: House) -> None:
    house = make_house(secure=SecureOptions(max_value=0.25))

    house.run(rounds=1)

    slow = sum(int((np.abs(site._known[1].update) > 0.25).sum()) for site in house.sites)
    assert slow > 0
    assert house.of(Summed)[0].saturated == slow
    assert house.of(Summed)[0].bytes == 4 * (5 + 1 + 2)
