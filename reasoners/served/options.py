"""What a plan may say of a served model, and which of it changes answers."""

from __future__ import annotations

import os
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from affidavit.conditions import modality_subsets
from affidavit.errors import PlanError
from affidavit.records import Record
from reasoners.instructed.instructions import DEFAULT
from reasoners.served.patience import Patience

MANNER: Final = frozenset(
    {"url", "key_variable", "concurrency", "requests_per_minute", "timeout_s", "attempts", "first_wait_s"}
    | {"longest_wait_s"}
)
"""Options that change how the endpoint is asked and never what is asked of it."""


class ServedOptions(Record):
    """A served model, and how it is asked."""

    url: str
    """Up to and with the version, such as `http://127.0.0.1:8000/v1`."""
    model: str
    """The name under which the endpoint serves it."""
    key_variable: str | None = None
    """The environment variable that holds the endpoint's key; a plan holds no secret."""
    weights: str | None = None
    """Where the weights come from, and their digest where that is known; repeated in the report as the plan's word."""
    licence: str | None = None
    """Of the weights; repeated in the report as the plan's word."""
    conditions: tuple[str, ...] = Field(default=tuple(str(condition) for condition in modality_subsets()), min_length=1)
    """What is shown: subsets of the modalities, degraded ones such as `TAV/noise=10dB`, and interventions on what is
    handed over, such as `TAV/resampled=V`."""
    instruction: str = DEFAULT
    """A family (`evidence`, `temporal`, `evolution`, `explain`) or words of your own."""
    rationales: Literal["all", "none"] = "all"
    """Whether the model is to think in words before it answers."""
    probabilities: Literal["logprobs", "samples", "none"] = "logprobs"
    """Of labels: from the endpoint's log probabilities of the answer, from the shares of several samples, or none."""
    samples: int = Field(default=1, ge=1, le=64)
    """How often each question is asked, with a seed of its own each time; the commonest label is the answer."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=512, ge=1)
    history: int = Field(default=0, ge=0)
    """Turns before the judged one whose words are told, where words are shown."""
    frames: int = Field(default=8, ge=1, le=128)
    frame_size: int = Field(default=224, ge=16)
    """Pixels of a picture's side."""
    most_seconds: float = Field(default=30.0, gt=0)
    """Of sound that is sent, from the beginning of the turn."""
    top_logprobs: int = Field(default=20, ge=1, le=100)
    """Alternatives of a token that are asked for; endpoints allow 20 as a rule."""
    price_in: float | None = Field(default=None, ge=0)
    """For a million tokens of prompts."""
    price_out: float | None = Field(default=None, ge=0)
    """For a million tokens of completions."""
    currency: str = "USD"
    unanswered: Literal["refuse", "count"] = "refuse"
    """What becomes of a question that got no answer after all attempts: the run ends with an error once all others are
    asked, and the next one asks those alone; or it is counted as not judged."""
    concurrency: int = Field(default=16, ge=1, le=1024)
    """Questions that the endpoint has at one time."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=120.0, gt=0)
    """For one whole reply."""
    attempts: int = Field(default=6, ge=1, le=50)
    first_wait_s: float = Field(default=0.5, ge=0)
    """Before the second attempt; it doubles each time, and somewhat more or less is waited at random."""
    longest_wait_s: float = Field(default=60.0, ge=0)
    """Between two attempts, whatever the endpoint asks for."""

    @model_validator(mode="after")
    def _samples_differ(self) -> ServedOptions:
        if (self.probabilities == "samples" or self.samples > 1) and (self.samples < 2 or self.temperature == 0):
            raise ValueError("samples: shares need samples of 2 or more and a temperature above 0")
        if self.samples > 1 and self.probabilities == "logprobs":
            raise ValueError("samples: with several samples, probabilities are samples or none")
        return self

    @property
    def patience(self) -> Patience:
        """How long is waited, and how often is asked."""
        return Patience(
            attempts=self.attempts,
            timeout_s=self.timeout_s,
            first_wait_s=self.first_wait_s,
            longest_wait_s=self.longest_wait_s,
        )

    def require_address(self) -> None:
        """Refuse an address that cannot be called, or that holds a secret, since plans are printed.

        Raises:
            PlanError: saying why.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _address("the endpoint's address cannot be called", self.url)
        if parts.username is not None or parts.password is not None or parts.query:
            hidden = f"{parts.scheme}://…@{parts.hostname}"
            raise _address("the endpoint's address holds more than an address, and a plan is printed", hidden)

    def key(self) -> str | None:
        """Return the endpoint's key from the environment; None where none is named.

        Raises:
            PlanError: the variable is not set.
        """
        if self.key_variable is None:
            return None
        found = os.environ.get(self.key_variable, "").strip()
        if not found:
            raise PlanError(
                "the key of the endpoint is not in the environment",
                slug="plan-impossible",
                where=f"reasoner served, key_variable {self.key_variable}",
                found="a variable that is not set, or empty",
                remedy=f"export {self.key_variable}, or leave key_variable out where the endpoint wants no key",
            )
        return found


def _address(what: str, found: str) -> PlanError:
    return PlanError(
        what,
        slug="plan-invalid",
        where="reasoner served",
        found=found,
        allowed="http:// or https://, host, port and path, such as http://127.0.0.1:8000/v1",
        remedy="write the address up to the version; a key belongs into the environment (key_variable)",
    )
