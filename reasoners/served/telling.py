"""What a report has to say of a served model: whose word its weights are, what was mended, how many tokens it took.

Nothing here depends on how often an endpoint failed: a run that was killed and one that was not say the same. How often
it failed is in the side table `requests`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from affidavit.model_origins import Basis, ModelOrigin
from reasoners.completions import Parsed, told_completions
from reasoners.served.journal import Answer, Journal
from reasoners.served.options import ServedOptions

if TYPE_CHECKING:
    import pyarrow as pa

_MILLION = 1_000_000


def said_of(
    options: ServedOptions, answers: Mapping[str, Answer], parsed: Sequence[Parsed], *, shareless: int
) -> tuple[str, ...]:
    """Return the sentences; `answers` are those of this run, `shareless` counts judgements without probabilities."""
    return (
        _whose(options),
        *told_completions(parsed),
        *_cut(answers),
        *_of_shares(options, shareless),
        _cost(options, answers),
    )


def _whose(options: ServedOptions) -> str:
    return (
        f"judged by the served model {options.model}; which weights answer under that name is the endpoint's word, "
        "and no digest of them was seen"
    )


def origin_of(options: ServedOptions) -> ModelOrigin:
    """Return what the plan says of the model; no digest of its weights was seen."""
    return ModelOrigin(
        name=options.model,
        source=options.weights or "a served endpoint, which did not say",
        licence=options.licence,
        digest=None,
        basis=Basis.PLAN,
    )


def _cut(answers: Mapping[str, Answer]) -> list[str]:
    n = sum(answer.finish == "length" for answer in answers.values())
    return [f"{n} of {len(answers)} completions were cut at max_tokens"] if n else []


def _of_shares(options: ServedOptions, shareless: int) -> list[str]:
    if options.probabilities == "samples":
        return [
            f"probabilities are shares of {options.samples} samples at temperature {options.temperature:g} that named "
            "a label (self-consistency, Wang et al. 2023), and no scores of the model"
        ]
    if options.probabilities == "none":
        return []
    if shareless:
        return [
            f"{shareless} judgements have no probabilities: the endpoint's log probabilities of the answer do not tell "
            "them; so the table has none"
        ]
    return ["probabilities are those of the answer's first tokens, given that the answer is a label"]


def _cost(options: ServedOptions, answers: Mapping[str, Answer]) -> str:
    """Say what was used, as the endpoint counts; what it does not count is unknown and not zero."""
    counted = [
        (answer.prompt_tokens, answer.completion_tokens)
        for answer in answers.values()
        if answer.prompt_tokens is not None and answer.completion_tokens is not None
    ]
    read, written = sum(pair[0] for pair in counted), sum(pair[1] for pair in counted)
    lacking = sum(answer.refused is None for answer in answers.values()) - len(counted)
    at_least = "at least " if lacking else ""
    uncounted = f", and of {lacking} answers it told no count" if lacking else ""
    told = f"{len(answers)} requests took {at_least}{read} tokens of prompts and {written} of completions{uncounted}"
    if options.price_in is None or options.price_out is None:
        return f"{told}; no price was stated"
    cost = (read * options.price_in + written * options.price_out) / _MILLION
    return (
        f"{told}: {at_least}{cost:.4f} {options.currency} at {options.price_in:g} and {options.price_out:g} "
        f"{options.currency} for a million"
    )


def request_table(names: Sequence[str], journal: Journal, unanswered: Mapping[str, str]) -> pa.Table:
    """Return what became of each request: answered, refused or unanswered, with its tokens and its faults by kind."""
    import pyarrow as pa

    answers = [journal.answers.get(name) for name in names]
    faults = [journal.faults.get(name, Counter()) for name in names]
    return pa.table(
        {
            "request": pa.array(names, pa.string()),
            "outcome": pa.array([_outcome(answer) for answer in answers], pa.string()),
            "prompt_tokens": pa.array([None if a is None else a.prompt_tokens for a in answers], pa.int64()),
            "completion_tokens": pa.array([None if a is None else a.completion_tokens for a in answers], pa.int64()),
            "served_as": pa.array([None if a is None else a.model for a in answers], pa.string()),
            "attempts_in_vain": pa.array([sum(found.values()) for found in faults], pa.int64()),
            "faults": pa.array([_listed(found) for found in faults], pa.string()),
        }
    )


def _outcome(answer: Answer | None) -> str:
    if answer is None:
        return "unanswered"
    return "answered" if answer.refused is None else "refused"


def _listed(found: Counter[str]) -> str | None:
    return ", ".join(f"{kind} ({n})" for kind, n in sorted(found.items())) or None
