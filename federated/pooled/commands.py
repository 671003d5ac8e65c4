"""`affidavit federated-audit`: count at a site, pool at the server, a site's own report; by file, without a network.

Before that, where nobody knows which labels and groups there are: `vocabulary` at each site, `plan` at the server.

Exit codes are those of `affidavit audit`: 0 done, 1 a criterion fails, 2 what was brought is at fault, 3 inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeVar, get_args

import typer

from affidavit.bundle import check_output, read_bundle, write_bundle
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError, TableError
from affidavit.federated_audits import AuditFlags
from affidavit.files import replacing
from affidavit.policy import read_policy
from affidavit.predictions import Predictions, read_predictions
from affidavit.registry import Door, load
from affidavit.report import AuditReport, Decision
from federated.deployment.keys import officer_key
from federated.pooled.at_site import SiteTerms, site_blocks, site_counts
from federated.pooled.contribution import SUFFIX, SiteCounts, read_counts, write_counts
from federated.pooled.counts_plan import UNLISTED, CountsPlan, read_counts_plan
from federated.pooled.reading import reading_of
from federated.pooled.report import federated_report
from federated.pooled.site_report import Own, site_report
from federated.pooled.site_runs import compared_runs
from federated.pooled.totals import added
from federated.pooled.vocabulary import SUFFIX as VOCABULARY_SUFFIX
from federated.pooled.vocabulary import (
    Draft,
    not_listed,
    plan_from,
    read_draft,
    read_vocabulary,
    reading_of_draft,
    vocabulary_of,
    write_vocabulary,
)

Action = Literal["vocabulary", "plan", "count", "pool", "site"]
MOST_BYTES: Final = 256 * 2**20
"""A site's file is never larger: `MOST_VALUES` numbers of twenty digits are a fifth of it."""


NO_FLAGS: Final = AuditFlags()
_T = TypeVar("_T")

SERVER_NAME: Final = "the federation's server"
"""As whom a report over all sites is signed."""


def federated_audit(action: str, plan: Path, files: Sequence[Path], *, flags: AuditFlags = NO_FLAGS) -> int:
    """Count a site's table (`count`), pool what sites counted (`pool`), or write a site's own report (`site`).

    `vocabulary` names what a site's table holds, of which `plan` makes the plan; both take a draft in place of a plan.
    What was done is printed; the exit code is returned.

    Raises:
        PlanError: there is no such action, or a flag is missing.
        AffidavitError: what was brought is at fault.
    """
    if action == "vocabulary":
        return vocabulary(read_draft(plan), _one(files), flags)
    if action == "plan":
        return made_plan(read_draft(plan), files, flags)
    counts_plan = read_counts_plan(plan)
    if action == "count":
        return count(counts_plan, _one(files), flags)
    if action == "pool":
        return pool(counts_plan, files, flags)
    if action == "site":
        return own_report(counts_plan, files, flags)
    raise PlanError(
        f"the federated audit has no action {action!r}",
        slug="plan-impossible",
        allowed=", ".join(get_args(Action)),
        remedy="such as `affidavit federated-audit count PLAN TABLE --site NAME`",
    )


def vocabulary(draft: Draft, table: Path, flags: AuditFlags) -> int:
    """Write which values a site has in enough of its patients."""
    site = _required(flags.site, "--site", "the name that the draft has for this site")
    predictions = read_predictions(table, reading_of_draft(draft, columns=flags.columns))
    named = vocabulary_of(predictions, draft, site=site)
    path = write_vocabulary(named, flags.out or Path(f"{site}{VOCABULARY_SUFFIX}"))
    typer.echo(f"{path}: {path.stat().st_size:,} bytes; named are values that {draft.floor} patients or more have")
    for part, values in {"labels": named.labels, "conditions": named.conditions, **named.features}.items():
        typer.echo(f"  {part}: {', '.join(values) or 'none'}")
    if named.unnamed:
        typer.echo(f"  not named, for fewer have them: some of {', '.join(named.unnamed)}")
    typer.echo(f"draft {draft.digest}")
    return EXIT_DONE


def made_plan(draft: Draft, files: Sequence[Path], flags: AuditFlags) -> int:
    """Write the plan that lists every value which some site named."""
    import yaml

    out = _required(flags.out, "--out", "the plan's file")
    if out.exists():
        raise PlanError("there is such a file already", slug="output-exists", where=str(out), remedy="choose another")
    plan = plan_from(draft, [read_vocabulary(_content(file), where=file.name) for file in files])
    written = plan.model_dump(mode="json", exclude_defaults=True)
    with replacing(out) as temporary:
        temporary.write_text(yaml.safe_dump(written, sort_keys=False, allow_unicode=True), encoding="utf-8")
    n_groups = sum(len(block.groups) for block in plan.blocks)
    typer.echo(f"{out}: {len(plan.labels)} labels, {n_groups} groups, {plan.size:,} numbers of each site")
    typer.echo(f"plan {plan.digest}")
    return EXIT_DONE


def count(plan: CountsPlan, table: Path, flags: AuditFlags) -> int:
    """Write what leaves a site, and say what is in it."""
    site = _required(flags.site, "--site", "the name that the plan has for this site")
    terms = SiteTerms(site=site, ledger=flags.ledger, tell_own_rows=flags.tell_own_row)
    predictions = _read(table, plan, flags)
    counts = site_counts(predictions, plan, terms)
    for feature, levels in not_listed(predictions, plan).items():
        named = ", ".join(f"{level} ({n} patients)" for level, n in levels.items())
        typer.echo(f"counted as {UNLISTED}, for the plan does not name them: {feature}: {named}", err=True)
    path = flags.out or Path(f"{site}{SUFFIX}")
    write_counts(counts, path)
    gone = len(counts.withheld)
    typer.echo(f"{path}: {path.stat().st_size:,} bytes, {len(counts.cells)} groups, {gone} of them withheld")
    if counts.rows:
        typer.echo(f"own estimates of {len(counts.rows)} metrics and groups are told")
    if counts.spent is not None:
        typer.echo(f"costs each patient epsilon {counts.spent.epsilon:g} at delta {counts.spent.delta:g}")
    typer.echo(f"plan {plan.digest}\nsums {counts.digest}")
    return EXIT_DONE


def pool(plan: CountsPlan, files: Sequence[Path], flags: AuditFlags) -> int:
    """Write the report over all sites."""
    out = _required(flags.out, "--out", "the folder for the report")
    check_output(out)
    policy = None if flags.policy is None else read_policy(flags.policy, folder=Path.cwd(), by=tuple(plan.features))
    totals = added(plan, [_contribution(file) for file in files])
    report = federated_report(totals, policy=policy)
    _written(report, out, flags)
    for sentence in report.summary:
        typer.echo(sentence)
    typer.echo(f"{len(totals.contributors)} sites; {out / 'report.html'}; {report.report_digest}")
    ends = {Decision.FAIL: EXIT_CRITERION_FAILED, Decision.INCONCLUSIVE: EXIT_INCONCLUSIVE}
    return ends.get(report.decision, EXIT_DONE)


def own_report(plan: CountsPlan, tables: Sequence[Path], flags: AuditFlags) -> int:
    """Write a site's own report: each table is a run of its own, by its file's name."""
    site = _required(flags.site, "--site", "the name that the plan has for this site")
    out = _required(flags.out, "--out", "the folder for the report")
    check_output(out)
    read = {table.name.partition(".")[0]: _read(table, plan, flags) for table in tables}
    if len(read) < len(tables) or not read:
        raise PlanError("each run needs a table of its own name", slug="plan-impossible", allowed="one table at least")
    exact = plan.model_copy(update={"noise": None, "told": "plain"})  # what stays here is not noised
    own = Own(
        site=site,
        runs={run: site_blocks(predictions, exact, site=site) for run, predictions in read.items()},
        data={run: predictions.digest for run, predictions in read.items()},
        sent=None if flags.sent is None else _contribution(flags.sent),
        bytes_sent=0 if flags.sent is None else flags.sent.stat().st_size,
    )
    everywhere = None if flags.everywhere is None else read_bundle(flags.everywhere)
    report = site_report(plan, own, everywhere, paired=compared_runs(plan, read))
    _written(report, out, flags)
    for sentence in report.summary:
        typer.echo(sentence)
    typer.echo(f"{out / 'report.html'}; {report.report_digest}; stays at {site}")
    return EXIT_DONE


def _written(report: AuditReport, out: Path, flags: AuditFlags) -> None:
    """Write a report's bundle; where there is a key, sign it as its issuer: the site, or the federation's server."""
    key = None if flags.key is None else signing_key(flags.key)
    write_bundle(report, out)
    if key is not None:
        who = flags.site or SERVER_NAME
        load(Door.COMMANDS, "sign")(out, key, role="issuer", name=who, requester=who)


def signing_key(path: Path) -> Path:
    """Return the key's file; of a site's folder the key that signs for the site.

    Raises:
        VerificationError: it is no Ed25519 key, or others may read it.
    """
    file = path / "keys" / "signing" if path.is_dir() else path
    officer_key(file)
    return file


def _read(table: Path, plan: CountsPlan, flags: AuditFlags) -> Predictions:
    return read_predictions(table, reading_of(plan, columns=flags.columns))


def _contribution(file: Path) -> SiteCounts:
    return read_counts(_content(file), where=file.name)


def _content(file: Path) -> bytes:
    if not file.is_file() or file.stat().st_size > MOST_BYTES:
        raise TableError(
            "there is no such file of a site, or it is far too large",
            slug="file-not-found" if not file.is_file() else "file-unreadable",
            where=str(file),
            remedy="give the files that sites wrote with `affidavit federated-audit`",
        )
    return file.read_bytes()


def _one(files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise PlanError(
            "a site counts one table",
            slug="plan-impossible",
            found=f"{len(files)} files",
            allowed="one predictions table",
        )
    return files[0]


def _required(value: _T | None, flag: str, what: str) -> _T:
    if value is None:
        raise PlanError(f"{flag} is missing", slug="plan-impossible", where="federated-audit", allowed=what)
    return value
