"""Reports for the tests of law packs, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from affidavit.records import Finding
from affidavit.report import AuditReport


@pytest.fixture
def planted(small: AuditReport) -> Callable[..., AuditReport]:
    """Make a report of planted findings, each a copy of one finding with some fields changed."""

    def make(*changes: dict[str, Any], **fields: Any) -> AuditReport:
        model = next(f for f in small.findings if f.metric == "accuracy" and f.estimate.interval and f.criterion)
        findings: list[Finding] = []
        for number, change in enumerate(changes):
            plain = model.model_copy(update={"criterion": None, "id": f"planted/{number}", "exhibits": None})
            held = {"criterion": model.criterion} if change.pop("held", False) else {}
            findings.append(plain.model_copy(update=change | held))
        return small.model_copy(update={"findings": tuple(findings), "refusals": (), "exhibits": ()} | fields)

    return make
