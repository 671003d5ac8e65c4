"""Rounds on an in-process grid: what counts, what is refused, who is asked again, and that a killed server goes on."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict

from affidavit.digests import digest_of
from affidavit.errors import FederationError
from federated.in_process.grid import InProcessGrid, server_identity
from federated.rounds.events import ReplyRefused, ReplyTaken, RoundClosed, RunEnded, SiteJoined
from federated.rounds.federation import Federation
from federated.rounds.kept import read_kept
from federated.rounds.options import RoundOptions
from federated.rounds.terms import Terms
from federated.sites.app import site_app
from federated.strategies.options import FedAdam, FedAvg, Krum, QFair, StrategyOptions
from federated.updates.arrays import packed
from federated.updates.layout import Layout, Slot, Vector, vector_digest
from federated.updates.local import LocalUpdate, RoundOrder, SiteFacts, SiteLeavesError
from tests.federated.rounds.conftest import LAYOUT, START, House, Killed, Pull, Unreachable, answering, says


def test_the_model_is_the_mean_of_what_sites_make_of_it(house: House) -> None:
    slow = START
    for _ in range(3):
        slow = np.mean([slow + np.float32(0.1) * (t - slow) for t in (1, 2, 3)], axis=0, dtype=np.float32)

    np.testing.assert_allclose(house.run(), slow, rtol=1e-6)
    assert [event.round for event in house.of(RoundClosed)] == [1, 2, 3]
    assert house.of(RunEnded)[0].because == "all rounds done"


def test_sites_weigh_by_capped_numbers_of_patients() -> None:
    house = House([Pull("east", 1.0, n_units=50), Pull("north", 2.0, n_units=1000)])

    model = house.run(rounds=1, weights="capped", cap=100)

    np.testing.assert_allclose(model, 0.1 * (0.5 * 1 + 1.0 * 2) / 1.5, rtol=1e-6)


def test_a_site_that_tells_no_number_is_refused_where_numbers_weigh(house: House) -> None:
    house.sites[0].n_units = house.sites[1].n_units = 10

    house.run(rounds=1, weights="capped", cap=100)

    assert house.of(RoundClosed)[0].missing == ("west",)
    assert "number of patients" in house.of(ReplyRefused)[0].because


def test_a_site_that_never_joins_holds_nobody_up_after_the_first_wait(house: House) -> None:
    house.unreachable = {11}

    house.run(rounds=3)

    assert [event.contributors for event in house.of(RoundClosed)] == [("east", "west")] * 3


def test_a_site_that_stops_replying_is_missing_and_the_round_counts(house: House) -> None:
    asked: list[int] = []
    honest = site_app(lambda _: (house.sites[1], LAYOUT))

    def answer(message: Message, context: Context) -> Message:
        if message.metadata.message_type.startswith("train"):
            asked.append(context.node_id)
            if len(asked) > 1:
                house.unreachable.add(11)
        return honest(message, context)

    house.broken = {11: answer}
    house.run(rounds=3)

    assert house.of(RoundClosed)[0].missing == ()
    assert house.of(RoundClosed)[2].missing == ("north",)


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        (np.full(5, np.nan, np.float32), "not finite"),
        (np.ones(6, np.float32), r"shape \(6,\)"),
        (np.full(5, 1e6, np.float32), "norm"),
        (np.ones(5, np.float64), "float64"),
    ],
)
def test_an_update_that_cannot_be_added_is_refused_and_the_others_count(house: House, vector: Any, words: str) -> None:
    wrong = RecordDict({"facts": ConfigRecord(), "vector": ArrayRecord({"vector": Array(vector)})})
    house.broken = {11: says(wrong)}

    model = house.run(rounds=1, norm_bound=10)

    np.testing.assert_allclose(model, 0.1 * (1 + 3) / 2, rtol=1e-6)
    refused = house.of(ReplyRefused)[0]
    assert refused.site == "north"
    assert re.search(words, refused.because)


@pytest.mark.parametrize(
    "content",
    [
        RecordDict(),
        RecordDict({"facts": ConfigRecord({"epsilon": -1.0}), "vector": packed(START)}),
        RecordDict({"facts": ConfigRecord({"loss": "low"}), "vector": packed(START)}),
        RecordDict({"facts": ConfigRecord({"patient": "p1"}), "vector": packed(START)}),
        RecordDict({"facts": ConfigRecord()}),
        RecordDict({"refuses": ConfigRecord({"slug": "x", "words": "\x1b[31m" + "a" * 9999})}),
    ],
)
def test_what_does_not_read_as_an_update_is_refused(house: House, content: RecordDict) -> None:
    house.broken = {11: says(content)}

    house.run(rounds=1)

    refused = house.of(ReplyRefused)[0]
    assert house.of(RoundClosed)[0].contributors == ("east", "west")
    assert refused.because.isprintable()
    assert len(refused.because) < 400


def test_a_failing_site_does_not_tell_the_server_what_its_exceptionsays(house: House) -> None:
    class Failing(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            raise ValueError("patient 4711 said: I am afraid")

    house.sites[1] = Failing("north", 2.0)
    house.run(rounds=1)

    told = " ".join(event.model_dump_json() for event in house.events)
    assert "4711" not in told
    assert "ValueError" in house.of(ReplyRefused)[0].because


def test_who_did_not_reply_is_asked_again_and_who_did_is_not(house: House) -> None:
    tries: list[int] = []
    honest = site_app(lambda _: (house.sites[1], LAYOUT))

    def answer(message: Message, context: Context) -> Message:
        if message.metadata.message_type.startswith("train"):
            tries.append(1)
            if len(tries) < 3:
                raise RuntimeError("not yet")
        return honest(message, context)

    house.broken = {11: answer}
    house.run(rounds=1, quorum=3)

    assert house.of(RoundClosed)[0].attempts == 3
    assert [order.attempt for order in house.sites[0].orders] == [1]
    assert [order.attempt for order in house.sites[1].orders] == [3]


def test_a_round_without_a_quorum_is_not_counted_and_the_model_stays(house: House, tmp_path: Path) -> None:
    house.run(rounds=2, state=tmp_path / "state")
    after_two = read_kept(tmp_path / "state", run="sha256:run")
    house.broken = {node: answering(house.sites[node - 10], RecordDict()) for node in (10, 11, 12)}

    with pytest.raises(FederationError, match="round 3 did not come together"):
        house.run(rounds=4, state=tmp_path / "state")

    again = read_kept(tmp_path / "state", run="sha256:run")
    assert after_two is not None
    assert again is not None
    assert again.rounds_done == 2
    np.testing.assert_array_equal(again.model, after_two.model)
    assert house.of(RunEnded)[-1].rounds_done == 2


def test_nobody_at_all_is_an_error_and_not_a_model(house: House) -> None:
    house.unreachable = {10, 11, 12}

    with pytest.raises(FederationError, match="no round could begin"):
        house.run()


@pytest.mark.parametrize("strategy", [FedAvg(), FedAdam(), QFair(local_learning_rate=0.1)])
def test_a_server_that_was_killed_goes_on_with_the_same_bytes(strategy: StrategyOptions, tmp_path: Path) -> None:
    def house() -> House:
        return House([Pull("east", 1.0), Pull("north", 2.0), Pull("west", 3.0)])

    whole = house().run(rounds=5, strategy=strategy)
    first, second = house(), house()
    first.run(rounds=2, strategy=strategy, state=tmp_path / "state")
    resumed = second.run(rounds=5, strategy=strategy, state=tmp_path / "state")

    np.testing.assert_array_equal(resumed, whole)
    assert [event.round for event in second.of(RoundClosed)] == [3, 4, 5]


def test_a_server_killed_between_replies_asks_for_the_round_again(house: House, tmp_path: Path) -> None:
    """The round that was cut off is not counted; sites answer it again."""

    seen: list[int] = []
    honest = site_app(lambda _: (house.sites[2], LAYOUT))

    def answer(message: Message, context: Context) -> Message:
        if message.metadata.message_type.startswith("train"):
            seen.append(1)
            if len(seen) == 2:
                raise Killed
        return honest(message, context)

    house.broken = {12: answer}
    with pytest.raises(Killed):
        house.run(rounds=3, state=tmp_path / "state")
    resumed = house.run(rounds=3, state=tmp_path / "state")

    np.testing.assert_array_equal(resumed, House([Pull("east", 1), Pull("north", 2), Pull("west", 3)]).run(rounds=3))
    assert [order.round for order in house.sites[0].orders] == [1, 2, 2, 3]


def test_an_exhausted_site_leaves_politely_and_the_others_go_on(house: House) -> None:
    class Spent(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            if order.round > 1:
                raise SiteLeavesError("budget-spent", "the site's budget of epsilon 3 is spent")
            return super().train(received, order)

    house.sites[1] = Spent("north", 2.0)
    house.run(rounds=3)

    assert [event.contributors for event in house.of(RoundClosed)] == [
        ("east", "north", "west"),
        *[("east", "west")] * 2,
    ]
    assert len(house.sites[1].orders) == 1


def test_when_too_few_are_left_the_run_ends_with_the_rounds_that_happened(house: House) -> None:
    class Spent(Pull):
        def train(self, received: Vector, order: RoundOrder) -> LocalUpdate:
            if order.round > 2:
                raise SiteLeavesError("budget-spent", "spent")
            return super().train(received, order)

    house.sites = [Spent("east", 1.0), Spent("north", 2.0), Pull("west", 3.0)]
    model = house.run(rounds=9)

    np.testing.assert_allclose(model, House([Pull("east", 1), Pull("north", 2), Pull("west", 3)]).run(rounds=2))
    assert house.of(RunEnded)[0].because == "too few sites left"
    assert house.of(RunEnded)[0].rounds_done == 2


def test_a_second_node_under_a_name_is_refused(house: House) -> None:
    house.sites.append(Pull("east", 100.0))

    model = house.run(rounds=1)

    np.testing.assert_allclose(model, 0.1 * 2, rtol=1e-6)


def test_a_site_that_the_plan_does_not_name_is_refused(house: House) -> None:
    model = house.run(rounds=1, sites=frozenset({"east", "west"}))

    np.testing.assert_allclose(model, 0.1 * 2, rtol=1e-6)
    assert "north" not in house.of(RoundClosed)[0].contributors


def test_a_reply_that_comes_twice_counts_once(house: House) -> None:
    grid_of = house.grid

    class Twice(Unreachable):
        def pull_messages(self, message_ids: Any) -> Any:
            return [reply for reply in super().pull_messages(message_ids) for _ in range(2)]

    def twice() -> InProcessGrid:
        grid = grid_of()
        return Twice(grid._app, {node: {} for node in (10, 11, 12)}, silent=set())

    house.grid = twice  # type: ignore[method-assign]

    np.testing.assert_allclose(house.run(rounds=1), 0.1 * 2, rtol=1e-6)


def test_flowers_numbers_of_nodes_can_be_written_down(house: House) -> None:
    """They have 64 bits, and a number in canonical JSON has 53."""
    grid = house.grid()
    house.grid = lambda: Unreachable(  # type: ignore[method-assign]
        lambda message, context: grid._app(message, _like(context, context.node_id - 2**63)),
        {2**63 + node: {} for node in (10, 11, 12)},
        silent=set(),
    )
    house.run(rounds=1)

    joined = house.of(SiteJoined)
    assert [event.site for event in joined] == ["east", "north", "west"]
    for event in house.events:
        assert digest_of(event.model_dump(mode="json"))


def _like(context: Context, node: int) -> Context:
    return Context(run_id=1, node_id=node, node_config={}, state=RecordDict(), run_config=context.run_config)


def test_too_few_for_krum_is_no_round(house: House) -> None:
    with pytest.raises(FederationError, match="no round could begin"):
        house.run(rounds=1, strategy=Krum(most_faulty=1))


def test_a_share_asks_some_by_the_plans_seed() -> None:
    def asked() -> list[tuple[str, ...]]:
        house = House([Pull(f"site-{i}", i) for i in range(9)])
        house.run(rounds=6, share=0.4)
        return [event.contributors for event in house.of(RoundClosed)]

    assert asked() == asked()
    assert {len(names) for names in asked()} == {4}
    assert len(set(asked())) > 1


def test_a_late_site_is_in_the_next_round(house: House) -> None:
    class Late(Unreachable):
        def get_node_ids(self) -> Any:
            return [10, 11, 12] if house.of(RoundClosed) else [10, 11]

    grid = house.grid()
    late = Late(grid._app, {node: {} for node in (10, 11, 12)}, silent=set())
    house.grid = lambda: late  # type: ignore[method-assign]
    house.run(rounds=2)

    assert [event.contributors for event in house.of(RoundClosed)] == [("east", "north"), ("east", "north", "west")]


@pytest.mark.usefixtures("collected_as_ever")
def test_memory_does_not_grow_with_the_number_of_sites() -> None:
    """A thousand sites of 100,000 numbers: the sum holds one of them, and so does the grid."""
    layout = Layout(slots=(Slot(name="head", shape=(100_000,)),))

    class Wide(Pull):
        def facts(self) -> SiteFacts:
            return SiteFacts(site=self.name, layout=layout.digest)

    app = site_app(lambda context: (Wide(f"site-{context.node_id}", 1.0), layout))

    def peak(n_sites: int) -> int:
        federation = Federation(Terms(run="r", layout=layout, rounds=RoundOptions(rounds=1), strategy=FedAvg(), seed=0))
        grid = InProcessGrid(app, {node: {} for node in range(10, 10 + n_sites)})
        tracemalloc.start()
        with server_identity():
            federation.start(grid, packed(np.zeros(100_000, np.float32)))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    few, many = peak(50), peak(300)
    assert many - few < 250 * 20_000  # an update is 400,000 bytes; a site's context and events are some thousand


def test_the_record_says_of_each_update_what_the_sites_own_says(house: House) -> None:
    house.run(rounds=1)

    for event, target in zip(house.of(ReplyTaken), (1.0, 2.0, 3.0), strict=True):
        update = np.asarray(0.1 * (target - START), np.float32)
        assert (event.bytes, event.digest, event.weight) == (4 * 5, vector_digest(update), 1.0)
        assert event.norm == pytest.approx(0.1 * target * 5**0.5, rel=1e-6)


def test_nobody_looks_at_people_whom_no_budget_counts(house: House) -> None:
    """Flower's own arguments neither change how many rounds there are, nor evaluate between them."""
    looked: list[int] = []
    terms = Terms(run="r", layout=LAYOUT, rounds=RoundOptions(rounds=2), strategy=FedAvg(), seed=0)
    federation = Federation(terms, clock=house.clock, note=house.note)
    grid = house.grid()
    with server_identity():
        federation.start(grid, packed(START), num_rounds=9, timeout=1.0, evaluate_fn=lambda *_: looked.append(1))

    assert not looked
    assert [event.round for event in house.of(RoundClosed)] == [1, 2]
    assert not list(federation.configure_train(1, packed(START), ConfigRecord(), grid))
    assert not list(federation.configure_evaluate(1, packed(START), ConfigRecord(), grid))
    assert federation.aggregate_train(1, []) == (None, None)
    assert federation.aggregate_evaluate(1, []) is None
