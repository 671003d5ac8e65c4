"""Judging by a served model against the endpoint's own saturated throughput, measured by a plain load generator.

The endpoint runs in a process of its own on this machine and takes a fixed time for a question, so many at once, as an
accelerator does that is full. The load generator sends the very bodies that judging sends, made beforehand, and reads
nothing of what comes back; judging makes them as it goes, reads, keeps and counts every answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import soundfile

from affidavit.corpus import Corpus
from affidavit.predictions import Reading
from affidavit.protocols import silent
from affidavit.utterances import MediaSpan, Utterance
from reasoners.served.door import REASONER
from reasoners.served.journal import Journal
from reasoners.served.judging import Stand
from reasoners.served.options import ServedOptions

GOAL = 0.9
SLOTS = 8
SERVICE_S = 0.2
LABELS = ("anger", "joy", "neutral", "sadness")


def serve() -> None:
    """Answer `SLOTS` questions at a time, each after `SERVICE_S`; print the port."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    slots = asyncio.Semaphore(SLOTS)
    message = {"role": "assistant", "content": "<think>A warm voice.</think><answer>joy</answer>"}
    usage = {"prompt_tokens": 400, "completion_tokens": 12}
    reply = {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}

    async def chat(request: Request) -> JSONResponse:
        await request.body()
        async with slots:
            await asyncio.sleep(SERVICE_S)
        return JSONResponse(reply)

    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none", lifespan="off"))
    started = server.startup

    async def startup(sockets: list[object] | None = None) -> None:
        await started()
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)

    server.startup = startup  # type: ignore[method-assign, assignment]
    server.run()


@contextmanager
def endpoint() -> Iterator[str]:
    """Yield the address of an endpoint in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline()) if process.stdout is not None else 0
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def corpus_of(n: int, folder: Path) -> Corpus:
    """Return turns of words and two seconds of sound."""
    rng = np.random.default_rng(0)
    soundfile.write(folder / "noise.wav", rng.normal(0, 0.05, 32_000), 16_000)
    span = MediaSpan(path=folder / "noise.wav")
    turns = tuple(
        Utterance(utterance_id=f"u{i}", speaker_id=f"s{i % 40}", text=f"turn {i}", label=LABELS[i % 4], audio=span)
        for i in range(n)
    )
    return Corpus(name="noise", utterances=turns, digest="sha256:0", licence="none", label_space=LABELS)


def options_of(url: str) -> dict[str, object]:
    return {"url": url, "model": "m", "conditions": ["TA"], "probabilities": "none", "concurrency": 2 * SLOTS}


def bodies_of(corpus: Corpus, url: str) -> list[bytes]:
    """Return what judging would send."""
    options = ServedOptions.model_validate(options_of(url))
    stand = Stand.of(corpus, options, Journal(path=None), seed=0, threads=1, progress=silent)
    return [stand._requests((name, condition))[0] for name in stand.chosen for condition in stand.conditions]


def saturated(url: str, bodies: Sequence[bytes]) -> float:
    """Return the requests a second that the endpoint answers when there is always one waiting."""

    async def load() -> float:
        waiting = iter(bodies)
        async with httpx.AsyncClient(timeout=None, trust_env=False) as client:

            async def one() -> None:
                for body in waiting:
                    (await client.post(f"{url}/chat/completions", content=body)).raise_for_status()

            started = time.perf_counter()
            await asyncio.gather(*(one() for _ in range(2 * SLOTS)))
            return len(bodies) / (time.perf_counter() - started)

    return asyncio.run(load())


def judging(url: str, corpus: Corpus) -> float:
    """Return the judgements a second, from the corpus to the validated table."""
    started = time.perf_counter()
    predictions = REASONER.judge(
        corpus, options_of(url), reading=Reading(run="served"), rng=np.random.default_rng(0), progress=silent
    )
    if predictions.n_rows != len(corpus.utterances):
        raise RuntimeError(f"{predictions.n_rows} judgements of {len(corpus.utterances)} turns")
    return predictions.n_rows / (time.perf_counter() - started)


def main() -> None:
    """Print both throughputs; the last line is their ratio and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the questions")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve()
        return
    n = 400 if chosen.quick else 2000
    with tempfile.TemporaryDirectory() as folder, endpoint() as url:
        os.environ["AFFIDAVIT_CACHE"] = str(Path(folder) / "cache")
        corpus = corpus_of(n, Path(folder))
        bodies = bodies_of(corpus, url)
        judging(url, corpus_of(2 * SLOTS, Path(folder)))  # imports, and the endpoint's first steps
        plain, served = saturated(url, bodies), judging(url, corpus)
    size = sum(map(len, bodies)) / n
    print(json.dumps({"questions": n, "bytes a question": round(size), "slots": SLOTS, "seconds each": SERVICE_S}))
    print(f"plain load generator: {plain:.1f} requests a second (the endpoint's limit is {SLOTS / SERVICE_S:.0f})")
    print(f"served judging: {served:.1f} judgements a second")
    print(f"served judging, share of the endpoint's saturated throughput: {served / plain:.2f} (goal {GOAL:g})")


if __name__ == "__main__":
    main()
