"""Refuses to call anything differential privacy that has no ledger.

An audit prints what its owner wrote about the model: a title, a purpose, who supplied it. Where such a text promises
differential privacy, the audit has to read the ledger that the promise rests on (the examination `privacy-ledger`):
noise that nobody counted is noise, however well it was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from affidavit.errors import PlanError
from affidavit.plan import AuditPlan

LEDGER: Final = "privacy-ledger"
"""The examination that reads a ledger."""
_PROMISES: Final = re.compile(
    r"(?<!non-)(?<!non )\b(?:differential(?:ly)?[\s-]+priva(?:cy|te)|DP[\s-]?(?:SGD|FTRL|FedAvg|LoRA|trained)"
    r"|DP[\s-](?:training|guarantees?|protected|fine-?tuned)|(?:ε|eps(?:ilon)?)[\s-]?DP)\b"
    r"|\([^()]{1,40},[^()]{1,40}\)[\s-]?DP\b|差分隐私",
    re.IGNORECASE,
)
_BETWEEN: Final = "|".join(
    (
        r"an?|any|the|of|in|with|under|by|for|to|use[ds]?|using|be|been|is|was|are|were|has|have|had|do(?:es)?|did",
        r"trained|fitted|made|claim(?:s|ed)?|promise[ds]?|guarantee[ds]?|formal|real|proven|local|such|yet",
    )
)
"""Words that may stand between a denial and what it denies; with any other ("not only", "no patient") it is none."""
_DENIED: Final = re.compile(
    rf"(?:\b(?:no|not|non|never|without|lacks?|lacking|isn't|nothing|price of|cost of)(?:[\s-]+(?:{_BETWEEN}))*[\s-]*"
    r"|(?:没有|未使用|不是|无))$",
    re.IGNORECASE,
)


def check_promises(plan: AuditPlan) -> None:
    """Refuse a plan whose words promise differential privacy while it reads no ledger.

    Raises:
        PlanError: a text of the plan promises it, and `privacy-ledger` is not among its examinations.
    """
    if any(choice.name == LEDGER for choice in plan.examinations or ()):
        return
    for where, text in _texts(plan):
        if said := promise_in(text):
            raise PlanError(
                "differential privacy is promised, and the plan reads no ledger",
                slug="privacy-unfounded",
                where=where,
                found=f"{said!r}",
                allowed="this word only where a ledger counts what was spent",
                remedy="name the examination `privacy-ledger` with its `ledger`, or say what was really done: noise "
                "was added, and nobody counted what it protects",
            )


def promise_in(text: str) -> str | None:
    """Return the words with which a text promises differential privacy, or None; a denial is no promise.

    >>> promise_in("Trained with DP-SGD on 400 patients")
    'DP-SGD'
    >>> promise_in("the twin without differential privacy") is None
    True
    """
    for found in _PROMISES.finditer(text):
        if not _DENIED.search(text[: found.start()]):
            return found.group()
    return None


def _texts(plan: AuditPlan) -> Iterator[tuple[str, str]]:
    yield "plan.title", plan.title
    yield "plan.purpose", plan.purpose or ""
    for name, source in plan.runs.items():
        yield f"plan.runs.{name}.supplier", source.supplier or ""
