"""Which element of JUnit XML an outcome is: one mapping, for the report and for the gate.

| outcome | element |
|---|---|
| passed | none: a case that passes |
| failed | `failure` |
| inconclusive or not assessed, where the policy demands an answer | `error` |
| inconclusive or not assessed otherwise | `skipped`, with the reason |
| waived, whatever it was | `skipped`, with the waiver |
"""

from __future__ import annotations

from typing import Literal

from reports.gate.gating import Outcome
from reports.wording import plain

Element = Literal["", "failure", "error", "skipped"]


def element_of(outcome: Outcome, *, demanded: bool, waived: bool = False) -> Element:
    """Return the element that a case of this outcome holds; none where it passed.

    Args:
        outcome: what a finding, or a criterion that met none, came to.
        demanded: whether the policy demands an answer of its criterion.
        waived: whether somebody answers for it.

    >>> element_of(Outcome.NOT_ASSESSED, demanded=True), element_of(Outcome.FAILED, demanded=True, waived=True)
    ('error', 'skipped')
    """
    if waived:
        return "skipped"
    if outcome is Outcome.PASSED:
        return ""
    if outcome is Outcome.FAILED:
        return "failure"
    return "error" if demanded else "skipped"


def xml_text(text: str) -> str:
    """Return text that XML 1.0 can hold: what is invisible is written out, and what is long ends early."""
    return plain(text)
