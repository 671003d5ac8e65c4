"""An endpoint that hangs, says 429 or 500, talks rubbish or dies midway loses nothing, and everything is counted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from affidavit.corpus import Corpus
from affidavit.errors import AffidavitError
from tests.reasoners.served.conftest import Judge, corpus_of
from tests.reasoners.served.endpoint import broken, completion, served, stalled, words_of
from tests.reasoners.served.test_served import JOY, rows

pytest.importorskip("httpx")
pytest.importorskip("tenacity")
pytest.importorskip("aiolimiter")


def once(bad: Any) -> Any:
    """Misbehave the first time that `word03` is asked."""

    def act(body: dict[str, Any], n: int) -> Any:
        return bad() if words_of(body) == "word03" and n == 1 else JOY

    return act


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (lambda: Response(status_code=429, headers={"Retry-After": "0"}), "HTTP 429"),
        (lambda: Response(status_code=500), "HTTP 500"),
        (lambda: Response(status_code=503, content=b"<html>busy</html>"), "HTTP 503"),
        (lambda: Response(content=b"not json"), "a reply that is no completion"),
        (lambda: Response(content=b"\xff\xfe" * 100), "a reply that is no completion"),
        (lambda: Response(content=b"[" * 100_000), "a reply that is no completion"),
        (lambda: JSONResponse({"choices": []}), "a reply that is no completion"),
        (lambda: JSONResponse({"choices": [{"message": {"content": ["joy"]}}]}), "a reply that is no completion"),
        (lambda: Response(content=b" " * (2**25 + 10)), "a reply without an end"),
        (broken, "no connection (RemoteProtocolError)"),
    ],
)
def test_what_passes_is_asked_again_and_counted(words: Corpus, judge: Judge, bad: Any, kind: str) -> None:
    with served(once(bad)) as (url, came):
        predictions = judge(words, url)
    assert predictions.n_rows == 12
    assert len(came.bodies) == 13
    faults = [row["faults"] for row in rows(predictions, "requests") if row["faults"]]
    assert faults == [f"{kind} (1)"]
    assert {row["outcome"] for row in rows(predictions, "requests")} == {"answered"}


@pytest.mark.parametrize("bad", [stalled, lambda: asyncio.Event().wait()])
def test_a_reply_that_never_ends_is_given_up_in_time(words: Corpus, judge: Judge, bad: Any) -> None:
    with served(once(bad)) as (url, _):
        predictions = judge(words, url, timeout_s=0.5)
    assert predictions.n_rows == 12
    assert [row["faults"] for row in rows(predictions, "requests") if row["faults"]] == ["no reply in time (1)"]


def test_the_table_does_not_depend_on_how_often_the_endpoint_failed(words: Corpus, judge: Judge) -> None:
    with served(lambda body, n: JOY) as (url, _):
        calm = judge(words, url)
    with served(lambda body, n: JOY if n > 2 else Response(status_code=500)) as (url, _):
        stormy = judge(words, url)
    assert (calm.digest, calm.assumptions) == (stormy.digest, stormy.assumptions)
    assert sum(row["attempts_in_vain"] for row in rows(stormy, "requests")) == 24


def test_after_429_nobody_asks_before_the_endpoint_allows_it(words: Corpus, judge: Judge) -> None:
    """With one question at a time, none comes between a 429 and its second attempt or another question later on."""
    with served(once(lambda: Response(status_code=429, headers={"Retry-After": "3600"}))) as (url, came):
        predictions = judge(words, url, concurrency=1)
    assert predictions.n_rows == 12
    assert came.most_at_once == 1
    assert Counter(came.asked)["word03"] == 2


def test_what_is_never_answered_ends_the_run_after_the_others_and_is_asked_alone_next_time(
    words: Corpus, judge: Judge
) -> None:
    def poisoned(body: dict[str, Any], n: int) -> Any:
        return Response(status_code=500) if words_of(body) == "word03" else JOY

    with served(poisoned) as (url, came), pytest.raises(AffidavitError, match="without an answer") as caught:
        judge(words, url)
    assert caught.value.slug == "endpoint-unusable"
    assert "1 requests of 12 cases" in str(caught.value.found)
    assert "11 answers are kept" in str(caught.value.remedy)
    assert Counter(came.asked) == Counter({f"word{i:02d}": 3 if i == 3 else 1 for i in range(12)})
    with served(lambda body, n: JOY) as (url, came):
        predictions = judge(words, url)
    assert came.asked == ["word03"]
    assert predictions.n_rows == 12
    assert [row["faults"] for row in rows(predictions, "requests") if row["faults"]] == ["HTTP 500 (3)"]


def test_what_is_never_answered_can_be_counted(words: Corpus, judge: Judge) -> None:
    with served(lambda body, n: Response(status_code=500) if words_of(body) == "word03" else JOY) as (url, _):
        predictions = judge(words, url, unanswered="count")
    assert predictions.n_rows == 11
    assert rows(predictions, "unjudged") == [
        {"utterance_id": "u03", "condition": "T", "because": "the endpoint gave no answer", "detail": "HTTP 500"}
    ]
    assert "1 of 12 judgements asked for could not be made: the endpoint gave no answer (1)" in predictions.assumptions


def test_what_the_endpoint_refuses_is_counted_and_not_asked_again(words: Corpus, judge: Judge) -> None:
    too_long = JSONResponse({"error": {"message": "too many tokens"}}, status_code=400)
    with served(lambda body, n: too_long if words_of(body) == "word03" else JOY) as (url, came):
        predictions = judge(words, url)
    assert Counter(came.asked)["word03"] == 1
    assert rows(predictions, "unjudged")[0]["because"] == "the endpoint refuses the question"
    assert rows(predictions, "unjudged")[0]["detail"] == "HTTP 400: too many tokens"


@pytest.mark.parametrize(
    "text", ["", "joy or anger", "<answer>boredom</answer>", "x" * 100_000, "彼女は笑っている", "<think>"]
)
def test_a_completion_without_a_label_is_counted_by_its_reason(words: Corpus, judge: Judge, text: str) -> None:
    with served(lambda body, n: completion(text) if words_of(body) == "word03" else JOY) as (url, _):
        predictions = judge(words, url)
    assert predictions.n_rows + len(rows(predictions, "unjudged")) == 12
    assert len(rows(predictions, "unjudged")) == 1
    assert any(line.startswith("1 of 12 completions gave no label") for line in predictions.assumptions)


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_a_wrong_key_model_or_address_ends_the_run_at_once(words: Corpus, judge: Judge, status: int) -> None:
    def act(body: dict[str, Any], n: int) -> Response:
        if status == 302:
            return RedirectResponse("/elsewhere", status_code=302)
        return JSONResponse({"error": {"message": "no such model"}}, status_code=status)

    with served(act) as (url, came), pytest.raises(AffidavitError, match="takes no question") as caught:
        judge(corpus_of(200), url)
    assert caught.value.slug == "endpoint-unusable"
    assert f"HTTP {status}" in str(caught.value.found)
    assert len(came.bodies) < 50


def test_an_endpoint_that_dies_midway_loses_nothing(judge: Judge) -> None:
    corpus = corpus_of(60)
    died = threading.Event()

    def act(body: dict[str, Any], n: int) -> Any:
        if died.is_set() or came.answered >= 20:
            died.set()
            return broken()
        return JOY

    with served(act) as (url, came), pytest.raises(AffidavitError, match="without an answer") as caught:
        judge(corpus, url)
    kept = Counter(came.asked)
    assert "asking ended" in str(caught.value.found)
    with served(lambda body, n: JOY) as (url, again):
        predictions = judge(corpus, url)
    assert predictions.n_rows == 60
    answered = 60 - len(again.asked)
    assert 20 <= answered <= 24
    assert f"{answered} answers are kept" in str(caught.value.remedy)
    assert len(set(again.asked)) == len(again.asked)
    assert set(kept) | set(again.asked) == {f"word{i:02d}" for i in range(60)}


def test_where_nobody_listens_the_run_ends_soon_and_says_so(judge: Judge) -> None:
    with served(lambda body, n: JOY) as (url, _):
        pass  # the port is free again
    with pytest.raises(AffidavitError, match="without an answer") as caught:
        judge(corpus_of(500), url, attempts=1)
    assert "no connection (ConnectError)" in str(caught.value.found)
    assert int(str(caught.value.found).split(" ")[0]) < 100


def test_never_more_at_once_than_the_plan_allows(judge: Judge) -> None:
    async def slowly(body: dict[str, Any], n: int) -> str:
        for _ in range(20):  # gives way to whoever else is there
            await asyncio.sleep(0)
        return JOY

    with served(slowly) as (url, came):
        judge(corpus_of(60), url, concurrency=3)
    assert came.most_at_once <= 3


def test_a_rate_is_kept(words: Corpus, judge: Judge) -> None:
    """At 600 a minute 10 come at once, and the other 2 take their turn: the limiter's own clock is believed."""
    with served(lambda body, n: JOY) as (url, came):
        assert judge(words, url, requests_per_minute=600).n_rows == 12
    assert len(came.bodies) == 12


def test_a_damaged_line_of_the_journal_is_not_believed(words: Corpus, judge: Judge, own_cache: Path) -> None:
    def poisoned(body: dict[str, Any], n: int) -> Any:
        return Response(status_code=500) if words_of(body) == "word03" else JOY

    with served(poisoned) as (url, _), pytest.raises(AffidavitError):
        judge(words, url)
    journal = next(own_cache.rglob("answers.jsonl"))
    assert journal.stat().st_mode & 0o077 == 0
    lines = [line for line in journal.read_bytes().split(b"\n") if b'"answer"' in line]
    changed = journal.read_bytes().replace(lines[0], lines[0].replace(b"joy", b"anger")).replace(lines[1], b"\x00\xff")
    journal.write_bytes(changed.rstrip(b"\n")[:-7])  # and the last one cut, as by a process that was killed
    with served(lambda body, n: JOY) as (url, came):
        predictions = judge(words, url)
    assert 3 <= len(came.asked) <= 4
    assert {row["y_pred"] for row in rows(predictions)} == {"joy"}


KILLED = """
import json, sys
import numpy as np
from affidavit.predictions import Reading
from affidavit.protocols import silent
from reasoners.served.door import REASONER
from affidavit.corpus import Corpus
from affidavit.utterances import Utterance

labels = ("anger", "joy", "sadness", "surprise")
turns = tuple(
    Utterance(utterance_id=f"u{i:02d}", speaker_id=f"person-{i % 6}", dialogue_id=f"talk-{i // 4}", turn=i % 4,
              text=f"word{i:02d}", label=labels[i % 4])
    for i in range(60)
)
corpus = Corpus(name="said", utterances=turns, digest="sha256:0", licence="none", label_space=labels)
REASONER.judge(
    corpus, json.loads(sys.argv[1]), reading=Reading(run="served"), rng=np.random.default_rng(0), progress=silent
)
"""


@pytest.mark.slow
def test_a_killed_run_asks_nobody_twice(judge: Judge) -> None:
    from tests.reasoners.served.conftest import QUICK

    reached = threading.Event()

    async def act(body: dict[str, Any], n: int) -> Any:
        if came.answered >= 30:
            reached.set()
            await asyncio.Event().wait()  # the run is killed while it waits
        return JOY

    with served(act) as (url, came):
        options = json.dumps({**QUICK, "url": url, "timeout_s": 600})
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
        run = subprocess.Popen([sys.executable, "-c", KILLED, options], env=environment)
        try:
            assert reached.wait(120)
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()
    with served(lambda body, n: JOY) as (url, again):
        predictions = judge(corpus_of(60), url, timeout_s=600)
    assert predictions.n_rows == 60
    # every answer that came before the kill was written down; those in flight are asked again
    assert len(again.asked) == len(set(again.asked))
    assert 60 - 30 - 4 <= len(again.asked) <= 30 + 4
    waiting = {text for text, n in Counter(came.asked).items() if n}
    assert len(waiting) <= 34


def test_a_whole_table_leaves_no_journal(words: Corpus, judge: Judge, own_cache: Path) -> None:
    with served(lambda body, n: JOY) as (url, _):
        judge(words, url)
    assert not list(own_cache.rglob("answers.jsonl"))


def test_it_judges_inside_a_running_event_loop_as_in_a_notebook(words: Corpus, judge: Judge) -> None:
    async def notebook(url: str) -> int:
        return judge(words, url).n_rows

    with served(lambda body, n: JOY) as (url, _):
        assert asyncio.run(notebook(url)) == 12
