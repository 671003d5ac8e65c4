"""Asks an endpoint one question: waits its turn, gives up in time, and tells what passes from what will not.

| what comes back | becomes |
|---|---|
| 200 with a completion | an answer |
| 200 with anything else, too many bytes, a connection that breaks, nothing within the time | a fault: ask again |
| 408, 409, 425, 429 and every 5xx | a fault; what `Retry-After` asks holds for all questions, not for this one alone |
| 401, 403, 404, a redirection | the end of the run: key, model or address are wrong for every question |
| any other status | an answer: the endpoint refuses this question, and would again |

A redirection is not followed: the key and the recording are for the address that the plan names.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from affidavit.errors import AffidavitError, MissingPartError
from reasoners.served.journal import Answer, Journal
from reasoners.served.label_shares import label_shares
from reasoners.served.patience import Fault, retry_after_s
from reasoners.served.replies import message_of, read_reply

if TYPE_CHECKING:
    import httpx
    from aiolimiter import AsyncLimiter

    from reasoners.served.options import ServedOptions

MOST_BYTES: Final = 2**25
_PASSING: Final = frozenset({408, 409, 425, 429})
_WRONG: Final = frozenset({401, 403, 404})


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """A served model that can be asked, within one event loop."""

    client: httpx.AsyncClient
    options: ServedOptions
    labels: Sequence[str]
    journal: Journal
    limiter: AsyncLimiter | None
    not_before: float = 0.0
    """Second of the loop's clock before which the endpoint wants no question."""
    slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.options.concurrency)

    async def ask(self, name: str, body: bytes) -> str | None:
        """Ask until there is an answer, which the journal keeps; return the last fault where there is none.

        Raises:
            AffidavitError: the endpoint will answer no question at all.
        """
        try:
            async for attempt in self.options.patience.retrying():
                with attempt:
                    await self._attempt(name, body)
        except Fault as fault:
            return fault.kind
        return None

    async def _attempt(self, name: str, body: bytes) -> None:
        try:
            async with self.slots:
                await self._turn()
                status, content = await self._posted(body)
            self.journal.answered(name, self._answer(status, content))
        except Fault as fault:
            self.journal.failed(name, fault.kind)
            raise

    async def _turn(self) -> None:
        """Wait until the endpoint and the plan allow a question."""
        clock = asyncio.get_running_loop().time
        while (left := self.not_before - clock()) > 0:
            await asyncio.sleep(left)
        if self.limiter is not None:
            await self.limiter.acquire()

    async def _posted(self, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the reply.

        Raises:
            Fault: there is none, or one that passes.
        """
        import httpx

        try:
            async with (
                asyncio.timeout(self.options.timeout_s),
                self.client.stream("POST", "chat/completions", content=body) as response,
            ):
                content = await _read(response)
        except TimeoutError:
            raise Fault("no reply in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise Fault(f"no connection ({type(error).__name__})") from None
        status = response.status_code
        if status in _PASSING or status >= 500:
            wait_s = retry_after_s(response.headers)
            self._hold(wait_s)
            raise Fault(f"HTTP {status}", wait_s=wait_s)
        return status, content

    def _hold(self, wait_s: float | None) -> None:
        if wait_s is not None:
            until = asyncio.get_running_loop().time() + min(wait_s, self.options.longest_wait_s)
            self.not_before = max(self.not_before, until)

    def _answer(self, status: int, content: bytes) -> Answer:
        if status in _WRONG or 300 <= status < 400:
            raise wrong(f"HTTP {status}: {message_of(content)}")
        if status != 200:
            return Answer(text=None, refused=f"HTTP {status}: {message_of(content)}")
        reply = read_reply(content)
        shares = label_shares(reply.tokens, self.labels) if self.options.probabilities == "logprobs" else None
        return Answer(
            text=reply.text,
            shares=shares,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            model=reply.model,
            finish=reply.finish,
        )


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            raise Fault("a reply without an end")
    return bytes(content)


@asynccontextmanager
async def reached(
    options: ServedOptions, labels: Sequence[str], journal: Journal, *, key: str | None
) -> AsyncIterator[Endpoint]:
    """Yield the endpoint, its connections open as long as the block lasts.

    Raises:
        MissingPartError: a package of the extra `served` is not installed.
    """
    try:
        import httpx
        from aiolimiter import AsyncLimiter
    except ModuleNotFoundError as error:
        raise MissingPartError(
            f"the package {error.name!r} is not installed",
            slug="part-missing",
            where="reasoner served",
            remedy="install the extra `served`: pip install 'affidavit[served]'",
        ) from error
    rate = options.requests_per_minute
    many = options.concurrency
    client = httpx.AsyncClient(
        base_url=f"{options.url.rstrip('/')}/",
        headers={"Content-Type": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"}),
        timeout=None,  # one clock for the whole of a question, kept above
        limits=httpx.Limits(max_connections=many, max_keepalive_connections=many),
        verify=ssl.create_default_context(),
        trust_env=False,  # no proxy and no password from elsewhere: recordings go where the plan says
    )
    async with client:
        limiter = None if rate is None else AsyncLimiter(max(1.0, rate / 60), max(1.0, rate / 60) * 60 / rate)
        yield Endpoint(client=client, options=options, labels=labels, journal=journal, limiter=limiter)


def wrong(found: str) -> AffidavitError:
    """Return the error for an endpoint that will answer no question."""
    return AffidavitError(
        "the endpoint takes no question with this address, key and model",
        slug="endpoint-unusable",
        where="reasoner served",
        found=found,
        allowed="an OpenAI-compatible endpoint that serves the model",
        remedy="compare url, model and key_variable with what the endpoint says at /models; what it answered is kept",
    )
