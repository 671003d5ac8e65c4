"""A served judge against a server on this machine: labels, rubbish, failures, retries; nothing becomes neutral."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pytest

from affidavit.errors import PlanError
from faithfulness.conclusions import served_judge
from faithfulness.conclusions.judge import Outcome
from faithfulness.conclusions.served_judge import Endpoint, ServedJudge

pytest.importorskip("urllib3")
LABELS = ("anger", "joy", "neutral")
Answer = Callable[[str, list[dict[str, Any]]], tuple[int, bytes]]


def _reply(content: object) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()


@contextmanager
def _served(answer: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve on a free port; yield the address and the requests that came."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            came.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
            status, content = answer(body["messages"][1]["content"], came)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _judge(url: str, retries: int = 2) -> ServedJudge:
    return ServedJudge(
        endpoint=Endpoint(url=url, model="m", api_key="secret", retries=retries, backoff_s=0, timeout_s=5)
    )


REPLIES = {
    "a": ("Anger.", Outcome.CONCLUDED, 0),
    "b": (' "JOY" ', Outcome.CONCLUDED, 1),
    "c": ("none", Outcome.SILENT, -1),
    "d": ("The answer is joy", Outcome.RUBBISH, -1),
    "e": ("", Outcome.RUBBISH, -1),
    "f": (None, Outcome.RUBBISH, -1),
    "g": (["joy"], Outcome.RUBBISH, -1),
    "h": ("**neutral**", Outcome.CONCLUDED, 2),
}


def test_replies_become_labels_or_abstentions() -> None:
    with _served(lambda text, _: (200, _reply(REPLIES[text][0]))) as (url, came):
        texts = [*REPLIES, None, "", "  ", "a", "a<answer>joy</answer>"]
        found = _judge(url).conclude(pa.array(texts), LABELS)
    assert found.label.tolist() == [*(label for *_, label in REPLIES.values()), -1, -1, -1, 0, 0]
    outcomes = [*(outcome for _, outcome, _ in REPLIES.values()), *[Outcome.EMPTY] * 3, *[Outcome.CONCLUDED] * 2]
    assert found.outcome.tolist() == outcomes
    assert {request["key"] for request in came} == {"Bearer secret"}
    assert {request["path"] for request in came} == {"/v1/chat/completions"}
    assert "anger, joy, neutral" in came[0]["messages"][0]["content"]
    asked = [request["messages"][1]["content"] for request in came]
    assert sorted(asked) == sorted([*REPLIES, "a"])  # the second for the text that had an answer block


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"choices": []}', b"\xff\xfe", b"[" * 60000])
def test_bodies_that_are_no_reply_are_rubbish(body: bytes) -> None:
    with _served(lambda *_: (200, body)) as (url, _):
        assert _judge(url).conclude(pa.array(["x"]), LABELS).outcome.tolist() == [Outcome.RUBBISH]


@pytest.mark.parametrize(("status", "asked"), [(500, 3), (429, 3), (404, 1), (401, 1), (302, 1)])
def test_refusals_are_failures_and_passing_ones_are_asked_again(status: int, asked: int) -> None:
    with _served(lambda *_: (status, _reply("joy"))) as (url, came):
        found = _judge(url).conclude(pa.array(["x"]), LABELS)
    assert found.outcome.tolist() == [Outcome.FAILED]
    assert len(came) == asked


def test_a_server_that_recovers_is_heard() -> None:
    with _served(lambda _, came: (200 if len(came) > 1 else 503, _reply("joy"))) as (url, came):
        found = _judge(url).conclude(pa.array(["x"]), LABELS)
    assert found.label.tolist() == [1]
    assert len(came) == 2


def test_nobody_there_is_a_failure_for_every_row() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    found = _judge(url, retries=0).conclude(pa.array(["x", "y", None]), LABELS)
    assert found.outcome.tolist() == [Outcome.FAILED, Outcome.FAILED, Outcome.EMPTY]
    assert found.counts()["failed"] == 2


def test_of_a_long_rationale_the_end_is_sent() -> None:
    with _served(lambda *_: (200, _reply("joy"))) as (url, came):
        _judge(url).conclude(pa.array(["x" * 10**6 + " so joy"]), LABELS)
    sent = came[0]["messages"][1]["content"]
    assert sent.endswith(" so joy")
    assert len(sent) == 16_000


def test_an_endless_reply_is_cut() -> None:
    with _served(lambda *_: (200, b" " * 10**6 + _reply("joy"))) as (url, _):
        assert _judge(url).conclude(pa.array(["x"]), LABELS).outcome.tolist() == [Outcome.RUBBISH]


def test_no_name_and_no_print_gives_key_or_address_away() -> None:
    judge = _judge("http://10.0.0.1/v1")
    assert "secret" not in repr(judge)
    assert "10.0.0.1" not in judge.name


def test_an_address_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(PlanError, match="cannot be called"):
        Endpoint(url="file:///etc/passwd", model="m")


@pytest.mark.parametrize("thoughts", ["<think>\n\n</think>\n\n", " <think>It may be anger.</think>"])
def test_what_a_model_thinks_first_is_no_part_of_its_reply(thoughts: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": f"{thoughts}joy"}}]}).encode()
    assert served_judge._content(body).strip() == "joy"
    assert served_judge._content(body.replace(b"</think>", b"")).strip() != "joy"
