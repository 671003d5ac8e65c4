"""All sites in this process: a node works when its reply is asked for, for itself, and tells nothing when it fails."""

from __future__ import annotations

import pytest
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from federated.in_process.clock import UnhurriedClock
from federated.in_process.grid import InProcessGrid, server_identity


class Visits:
    """An app that counts, in each node's own state, how often it was asked."""

    def __init__(self) -> None:
        self.worked: list[int] = []

    def __call__(self, message: Message, context: Context) -> Message:
        self.worked.append(context.node_id)
        before = context.state.config_records.get("visits")
        n_visits = 1 + (int(str(before["n"])) if before is not None else 0)
        context.state["visits"] = ConfigRecord({"n": n_visits})
        told = {"n": n_visits, "ward": str(context.node_config["ward"]), "rate": str(context.run_config["rate"])}
        return Message(RecordDict({"told": ConfigRecord(told)}), reply_to=message)


def _grid(app: Visits) -> InProcessGrid:
    return InProcessGrid(app, {7: {"ward": "a"}, 5: {"ward": "b"}, 6: {"ward": "c"}}, run_config={"rate": "x"})


def _question(node: int) -> Message:
    return Message(RecordDict(), node, "query.hello", group_id="hello")


def test_a_node_works_when_its_reply_is_asked_for_and_one_at_a_time() -> None:
    app = Visits()
    grid = _grid(app)
    names = list(grid.push_messages([_question(node) for node in (7, 5, 6)]))
    assert not app.worked

    assert [reply.metadata.src_node_id for reply in grid.pull_messages(names)] == [7]
    assert app.worked == [7]
    assert [reply.metadata.src_node_id for reply in grid.pull_messages(names[2:])] == [6]
    assert [reply.metadata.src_node_id for reply in grid.pull_messages(names)] == [5]
    assert not list(grid.pull_messages(names))
    assert not list(grid.pull_messages(["4711"]))


def test_messages_are_answered_in_the_order_in_which_they_were_sent_also_beyond_ten() -> None:
    app = Visits()
    grid = _grid(app)
    names = list(grid.push_messages([_question(node) for node in (7, 5, 6) * 5]))
    came = [reply.metadata.src_node_id for _ in names for reply in grid.pull_messages(set(names))]

    assert came == [7, 5, 6] * 5


def test_each_node_has_a_state_and_a_configuration_of_its_own() -> None:
    grid = _grid(Visits())
    came = list(grid.send_and_receive([_question(node) for node in (7, 5, 7)]))

    assert [dict(reply.content["told"]) for reply in came] == [
        {"n": 1, "ward": "a", "rate": "x"},
        {"n": 1, "ward": "b", "rate": "x"},
        {"n": 2, "ward": "a", "rate": "x"},
    ]


def test_a_failing_app_is_an_error_reply_without_what_it_says() -> None:
    def failing(message: Message, context: Context) -> Message:
        raise ValueError("patient 4711 said: I am afraid")

    (reply,) = InProcessGrid(failing, {7: {}}).send_and_receive([_question(7)])

    assert reply.has_error()
    assert reply.error.reason == "ValueError"
    assert reply.metadata.src_node_id == 7


def test_a_server_that_is_stopped_is_stopped() -> None:
    def stopped(message: Message, context: Context) -> Message:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InProcessGrid(stopped, {7: {}}).send_and_receive([_question(7)])


def test_nobody_is_at_another_number() -> None:
    (reply,) = _grid(Visits()).send_and_receive([_question(8)])

    assert reply.has_error()


def test_who_the_server_is_ends_with_the_block() -> None:
    before = (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id)
    with pytest.raises(RuntimeError, match="inside"), server_identity(4):
        _fails_inside()

    assert (TaskIdentity._task_id, TaskIdentity._run_id, TaskIdentity._node_id) == before


def _fails_inside() -> None:
    assert _question(7).metadata.run_id == 4
    assert _question(7).metadata.src_node_id == SUPERLINK_NODE_ID
    raise RuntimeError("inside")


def test_the_grid_is_flowers() -> None:
    grid = _grid(Visits())
    grid.set_run(Run.create_empty(9))
    made = grid.create_message(RecordDict(), "query.hello", 7, "hello", ttl=5)

    assert grid.run.run_id == 9
    assert list(grid.get_node_ids()) == [7, 5, 6]
    assert (made.metadata.dst_node_id, made.metadata.group_id, made.metadata.ttl) == (7, "hello", 5)


def test_time_passes_for_sites_only_while_nobody_works() -> None:
    clock = UnhurriedClock()
    assert clock.now() == 0
    clock.pause()

    assert clock.now() == 1
