"""An endpoint on this machine that speaks the OpenAI chat protocol, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Body = dict[str, Any]
Act = Callable[[Body, int], Any]
"""What comes back to a question that was asked for the n-th time: text, a `Response`, or something to wait for."""


@dataclass
class Came:
    """What the endpoint was asked."""

    bodies: list[Body] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    answered: int = 0

    @property
    def asked(self) -> list[str]:
        return [words_of(body) for body in self.bodies]


def words_of(body: Body) -> str:
    """Return the words of the judged turn in a question."""
    return text_of(body).partition("The words of the turn: ")[2].partition("\n")[0]


def text_of(body: Body) -> str:
    content = body["messages"][1]["content"]
    return content if isinstance(content, str) else "".join(p["text"] for p in content if p["type"] == "text")


def parts_of(body: Body) -> list[str]:
    content = body["messages"][1]["content"]
    return [] if isinstance(content, str) else [part["type"] for part in content]


def require_protocol(body: Body) -> None:
    """Refuse what a genuine endpoint would not read: it decodes every sound and picture."""
    assert body["model"] == "tiny-omni"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    content = body["messages"][1]["content"]
    for part in [] if isinstance(content, str) else content:
        if part["type"] == "input_audio":
            assert part["input_audio"]["format"] == "wav"
            with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"], validate=True))) as sound:
                assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
                assert sound.getnframes() > 0
        elif part["type"] == "image_url":
            head, _, data = part["image_url"]["url"].partition(",")
            assert head == "data:image/jpeg;base64"
            Image.open(io.BytesIO(base64.b64decode(data, validate=True))).load()
        else:
            assert part["type"] == "text"


def completion(text: str, *, usage: Body | None = None, logprobs: Any = None, **message: Any) -> JSONResponse:
    return JSONResponse(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "tiny-omni",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, **message},
                    "finish_reason": "stop",
                    "logprobs": logprobs,
                }
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10} if usage is None else usage,
        }
    )


def tokens(*listed: tuple[str, dict[str, float]]) -> Body:
    """Return log probabilities of tokens, each with its alternatives and their probabilities."""
    return {
        "content": [
            {
                "token": token,
                "bytes": list(token.encode()),
                "logprob": math.log(shares.get(token, 1e-9)),
                "top_logprobs": [
                    {"token": other, "bytes": list(other.encode()), "logprob": math.log(share)}
                    for other, share in shares.items()
                ],
            }
            for token, shares in listed
        ]
    }


def stalled() -> StreamingResponse:
    """Begin a reply and never end it."""

    async def drip() -> Any:
        yield b'{"choices": ['
        await asyncio.Event().wait()

    return StreamingResponse(drip(), media_type="application/json")


def broken() -> StreamingResponse:
    """Promise more bytes than come."""

    async def some() -> Any:
        yield b'{"choices": ['

    return StreamingResponse(some(), headers={"Content-Length": "1000"}, media_type="application/json")


@contextmanager
def served(act: Act) -> Iterator[tuple[str, Came]]:
    """Serve on a free port of this machine; yield the address, and what came."""
    came = Came()

    async def chat(request: Request) -> Response:
        body = json.loads(await request.body())
        came.bodies.append(body)
        came.keys.append(request.headers.get("authorization"))
        came.at_once += 1
        came.most_at_once = max(came.most_at_once, came.at_once)
        try:
            require_protocol(body)
            back = act(body, came.asked.count(words_of(body)))
            back = await back if asyncio.iscoroutine(back) else back
        finally:
            came.at_once -= 1
        came.answered += 1
        return completion(back) if isinstance(back, str) else back

    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    # what is left of replies that never end is cut off at once when the server is told to go
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", timeout_graceful_shutdown=0, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    up = threading.Event()
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        up.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert up.wait(30)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", came
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
