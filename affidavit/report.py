"""The audit report: plan, data, findings, refusals and exhibits under two digests.

`claims_digest` covers what is claimed (plan without execution, data digests, policy, findings, refusals, exhibits, and
the decision, summary and caveats drawn from them):
the same predictions, plan, seed and versions give it again. `report_digest`, which is signed, adds provenance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, PrivateAttr, ValidationError

from affidavit.digests import canonical_json, digest_of
from affidavit.errors import VerificationError
from affidavit.model_origins import ModelOrigin
from affidavit.plan import AuditPlan, Execution, Task
from affidavit.policy import Policy
from affidavit.records import Exhibit, Finding, Record, Refusal, Verdict
from affidavit.yaml_files import describe_validation_error

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA_VERSION: Final = "1.1"
"""Major.minor. A minor version only adds what may be absent, so a reader opens every minor version of its own major one
up to its own; a report is never rewritten, and keeps the version under which it was sealed. 1.1: a bundle also holds
tables, figures, provenance.json and log.jsonl."""
_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")
SMALL_CELLS: Final = "internal: small cells"


class DataDescription(Record):
    """The table behind one run."""

    run: str
    supplier: str | None
    source: str
    """File or corpus name, without its folder."""
    task: Task
    digest: str
    """Content digest of the predictions table."""
    file_digest: str | None = None
    """SHA-256 of the file's bytes, as `sha256sum` prints it; of a corpus, what its loader digests."""
    n_rows: int
    n_units: int | None
    """Null where the table has no ids and each row stands for itself."""
    unit: str
    """What a unit is: `unit_id`, `speaker_id`, or without such ids `utterance_id` where utterances recur, or `row`."""
    conditions: tuple[str, ...]
    label_space: tuple[str, ...] | None = None
    columns: Mapping[str, str]
    """Part to the supplier's column name."""
    assumptions: tuple[str, ...] = ()
    licence: str | None = None
    """Of the corpus."""
    models: tuple[ModelOrigin, ...] | None = None
    """Whose weights judged; null where nobody said."""


class Decision(StrEnum):
    """What the report decides as a whole."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NONE = "no decision"


class Provenance(Record):
    """Who computed this, when, on what: the only place where time, git and environment are read."""

    created_at: str
    affidavit: str
    commit: str | None = None
    uncommitted_changes: bool | None = None
    python: str
    platform: str
    packages: Mapping[str, str]
    execution: Execution


class AuditReport(Record):
    """What an audit swears to."""

    schema_version: str = SCHEMA_VERSION
    title: str
    marking: str = SMALL_CELLS
    plan: AuditPlan
    policy: Policy | None = None
    policy_digest: str | None = None
    data: tuple[DataDescription, ...]
    decision: Decision
    summary: tuple[str, ...]
    """The main answers as sentences."""
    caveats: tuple[str, ...]
    findings: tuple[Finding, ...]
    refusals: tuple[Refusal, ...]
    exhibits: tuple[Exhibit, ...]
    provenance: Provenance
    claims_digest: str = Field(default="")
    report_digest: str = Field(default="")

    _tables: dict[str, pa.Table] = PrivateAttr(default_factory=dict)

    def sealed(self, tables: Mapping[str, pa.Table]) -> AuditReport:
        """Return the report with both digests filled in and its exhibits' tables attached."""
        written = self.model_dump(mode="json")
        claims = {"claims_digest": self._claims_digest_of(written)}
        digests = {**claims, "report_digest": _report_digest_of({**written, **claims})}
        return self.model_copy(update=digests).with_tables(tables)

    def with_tables(self, tables: Mapping[str, pa.Table]) -> AuditReport:
        """Return the report with its exhibits' tables attached."""
        report = self.model_copy()
        report._tables = {**self._tables, **tables}
        return report

    def compute_digests(self) -> dict[str, str]:
        """Return both digests by their field: of what is claimed, and of the whole report but its own digest."""
        written = self.model_dump(mode="json")
        return {"claims_digest": self._claims_digest_of(written), "report_digest": _report_digest_of(written)}

    def _claims_digest_of(self, written: Mapping[str, Any]) -> str:
        said = ("schema_version", "marking", "decision", "summary", "caveats", "findings", "refusals")
        claimed = {name: written[name] for name in said}
        claimed |= {"plan": self.plan.claims(), "policy": self.policy_digest}
        claimed["data"] = [{"run": data.run, "digest": data.digest} for data in self.data]
        claimed["exhibits"] = [{"id": exhibit.id, "digest": exhibit.digest} for exhibit in self.exhibits]
        return digest_of(claimed)

    def to_json(self) -> bytes:
        """Return the canonical JSON of the report."""
        return canonical_json(self.model_dump(mode="json"))

    def exhibit(self, name: str) -> pa.Table:
        """Return an exhibit's table.

        Raises:
            KeyError: the report has no exhibit of this id.
            VerificationError: its parquet file was not attached (see `affidavit.bundle.read_bundle`).
        """
        record = next((exhibit for exhibit in self.exhibits if exhibit.id == name), None)
        if record is None:
            raise KeyError(name)
        if name not in self._tables:
            if record.rows is None:
                raise VerificationError(
                    f"the exhibit {name!r} is not attached",
                    slug="bundle-incomplete",
                    remedy="read the report from its bundle, with the exhibits folder beside it",
                )
            from affidavit.exhibits import table_of

            self._tables[name] = table_of(record)
        return self._tables[name]

    def has_exhibit(self, name: str) -> bool:
        """Say whether the report has an exhibit of this id."""
        return any(exhibit.id == name for exhibit in self.exhibits)

    def to_frame(self) -> pd.DataFrame:
        """Return the findings as a frame, one row each."""
        from affidavit.frames import findings_frame

        return findings_frame(self)

    def to_csv(self, path: str | Path) -> Path:
        """Write the findings as CSV, one row each, and return where they lie."""
        from affidavit.tabulating import write_csv

        return write_csv(self, Path(path))

    def to_latex(
        self,
        metric: str = "accuracy",
        *,
        by: str | Sequence[str] | None = None,
        run: str | None = None,
        condition: str | None = None,
        digits: int = 3,
    ) -> str:
        """Return one metric by group as a booktabs table, with intervals; the fullest condition where none is named.

        `by` keeps the groups of these features; every group is shown without it.

        Raises:
            PlanError: the report has no such number.
        """
        from affidavit.tabulating import TableChoice, latex_table

        features = None if by is None else (by,) if isinstance(by, str) else tuple(by)
        choice = TableChoice(metric=metric, run=run, condition=condition, features=features, digits=digits)
        return latex_table(self, choice)

    def cite(self) -> str:
        """Return BibTeX for the sources of every metric, the data sets and this software."""
        from affidavit.citing import cite

        return cite(self)

    def _repr_html_(self) -> str:
        """Show the report in a notebook as its HTML page, in a frame of its own."""
        from affidavit.registry import Door, load

        page: bytes = load(Door.RENDERERS, "html").render(self)
        from html import escape

        return f'<iframe srcdoc="{escape(page.decode())}" style="width:100%;height:720px;border:0"></iframe>'

    def count(self, verdict: Verdict) -> int:
        """Return how many findings carry a verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)


def _report_digest_of(written: Mapping[str, Any]) -> str:
    return digest_of({name: value for name, value in written.items() if name != "report_digest"})


def parse_report(content: bytes, *, where: str = "report.json") -> AuditReport:
    """Read a report and hold both digests against its content.

    Raises:
        VerificationError: the JSON is not a report, is one of a version that is not known here, or a digest does not
            match.
    """
    try:
        document = json.loads(content)
        _check_version(document, where)
        report = AuditReport.model_validate(document)
    except (ValueError, ValidationError) as error:
        found = describe_validation_error(error) if isinstance(error, ValidationError) else str(error)
        raise VerificationError(
            "this is not an audit report",
            slug="bundle-incomplete",
            where=where,
            found=found[:500],
            remedy="give the folder that `affidavit audit --out` wrote",
        ) from None
    for name, computed in report.compute_digests().items():
        if (stated := getattr(report, name)) != computed:
            raise VerificationError(
                f"the report was changed after it was written: its {name} does not match",
                slug="digest-mismatch",
                where=where,
                found=computed,
                allowed=stated,
                remedy="ask whoever issued the report for the original",
            )
    return report


def _check_version(document: object, where: str) -> None:
    """Refuse a report whose version this affidavit does not know, before anything of it is read.

    Raises:
        VerificationError: it is of a newer version, or of none.
    """
    stated = document.get("schema_version") if isinstance(document, Mapping) else None
    if stated is None:
        return
    if not known_version(stated):
        raise VerificationError(
            "the report is of a schema version that this affidavit does not know",
            slug="schema-version",
            where=where,
            found=repr(stated)[:40],
            allowed=f"{SCHEMA_VERSION.partition('.')[0]}.0 to {SCHEMA_VERSION}",
            remedy="read it with the affidavit that wrote it, or a newer one",
        )


def known_version(stated: object) -> bool:
    """Say whether a report of this schema version can be opened here.

    >>> known_version("1.0"), known_version("1.99"), known_version("2.0"), known_version(1.0)
    (True, False, False, False)
    """
    read = _VERSION.fullmatch(stated) if isinstance(stated, str) else None
    if read is None:
        return False
    major, minor = SCHEMA_VERSION.split(".")
    return read[1] == major and int(read[2]) <= int(minor)


def read_report(path: Path) -> AuditReport:
    """Read `report.json` without its exhibits; see `affidavit.bundle.read_bundle` for the whole."""
    return parse_report(path.read_bytes(), where=str(path))
