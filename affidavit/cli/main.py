"""The commands and their flags. Nothing heavy is imported here, so that `affidavit --help` answers at once.

Exit codes: 0 done; 1 a criterion failed; 2 bad input or plan; 3 inconclusive where an answer was demanded; 70 a fault
of affidavit's own; 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

import typer

from affidavit.cli.commands import command_of_room
from affidavit.cli.federation import add_federation
from affidavit.cli.trust import add_trust

EPILOG = (
    "Exit codes: 0 done, 1 a criterion failed, 2 bad input or plan, 3 inconclusive where an answer was demanded, "
    "70 a fault of affidavit's own, 130 interrupted."
)
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""What the system says of a place that takes no more; nobody's fault but the disk's."""
app = typer.Typer(
    name="affidavit",
    help="Puts emotion-reasoning AI on the stand: fair, private, honest? Swears to the answers in a signed report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EPILOG,
)

TableArgument = Annotated[Path, typer.Argument(help="Predictions table: CSV, TSV, XLSX, parquet or JSON lines.")]
By = Annotated[str, typer.Option("--by", help="Sensitive features, separated by commas.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the bundle.")]
PolicyOption = Annotated[str | None, typer.Option("--policy", help="`starter` or the path of a policy file.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="PART=COLUMN where a column is not recognised; repeat.")
]
Bands = Annotated[list[str] | None, typer.Option("--band", help="FEATURE=30,50 cuts a number into bands; repeat.")]
PerUtterance = Annotated[
    list[str] | None,
    typer.Option("--per-utterance", help="A feature that belongs to rows, not to units; repeat."),
]
Labels = Annotated[str | None, typer.Option("--labels", help="The label space in order, separated by commas.")]
Unlabelled = Annotated[bool, typer.Option("--unlabelled", help="Audit without reference labels.")]
TaskOption = Annotated[str | None, typer.Option("--task", help="multiclass or transcription; inferred if absent.")]
Examinations = Annotated[list[str] | None, typer.Option("--examination", help="Only these examinations; repeat.")]
Depth = Annotated[int, typer.Option("--depth", help="Features in an intersection, at most.", min=1, max=4)]
Seed = Annotated[int, typer.Option("--seed", help="The audit's one seed.", min=0)]
Resamples = Annotated[int, typer.Option("--resamples", help="Bootstrap replicates.", min=100)]
Permutations = Annotated[int, typer.Option("--permutations", help="Permutations of units.", min=99)]
Title = Annotated[str | None, typer.Option("--title", help="Title of the report.")]
Supplier = Annotated[str | None, typer.Option("--supplier", help="Who handed the table over; printed.")]
DemandAnswers = Annotated[
    bool, typer.Option("--demand-answers", help="End with exit code 3 if any criterion stays inconclusive.")
]


def _version(asked: bool) -> None:
    if asked:
        from affidavit.provenance import package_version

        typer.echo(f"affidavit {package_version('affidavit') or '(not installed)'}")
        raise typer.Exit()


@app.callback()
def affidavit(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Puts emotion-reasoning AI on the stand: fair, private, honest? Swears to the answers in a signed report."""


@app.command()
def audit(
    table: TableArgument,
    by: By = "",
    out: Out = Path("audit-report"),
    policy: PolicyOption = None,
    column: Columns = None,
    band: Bands = None,
    per_utterance: PerUtterance = None,
    labels: Labels = None,
    unlabelled: Unlabelled = False,
    task: TaskOption = None,
    examination: Examinations = None,
    depth: Depth = 2,
    seed: Seed = 0,
    resamples: Resamples = 2000,
    permutations: Permutations = 1999,
    title: Title = None,
    supplier: Supplier = None,
    demand_answers: DemandAnswers = False,
) -> None:
    """Audit a table of predictions and write a report."""
    from affidavit.cli.audits import AuditFlags, audit_table

    flags = AuditFlags(
        by=by,
        policy=policy,
        columns=column or [],
        bands=band or [],
        per_utterance=per_utterance or [],
        labels=labels,
        unlabelled=unlabelled,
        task=task,
        examinations=examination or [],
        depth=depth,
        seed=seed,
        resamples=resamples,
        permutations=permutations,
        title=title,
        supplier=supplier,
    )
    raise typer.Exit(audit_table(table, flags, out=out, demand_answers=demand_answers))


@app.command()
def run(
    plan: Annotated[Path, typer.Argument(help="Plan file (YAML).")],
    out: Out = Path("audit-report"),
    demand_answers: DemandAnswers = False,
) -> None:
    """Carry out a plan and write a report."""
    from affidavit.cli.audits import run_file

    raise typer.Exit(run_file(plan, out=out, demand_answers=demand_answers))


@app.command()
def train(plan: Annotated[Path, typer.Argument(help="Plan file (YAML) with `training`.")]) -> None:
    """Train the models of a plan; one that was trained already is not trained again, an interrupted one goes on."""
    from affidavit.cli.models import train_file

    raise typer.Exit(train_file(plan))


@app.command()
def judge(
    plan: Annotated[Path, typer.Argument(help="Plan file (YAML) whose runs have reasoners.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the predictions tables.")] = Path("predictions"),
) -> None:
    """Ask the reasoners of a plan, under every condition, and write predictions tables; audits nothing."""
    from affidavit.cli.models import judge_file

    raise typer.Exit(judge_file(plan, out=out))


@app.command()
def demo(
    out: Out = Path("out/demo"),
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Audit simulated predictions instead: needs no extra, takes seconds.")
    ] = False,
) -> None:
    """Train across three hospitals with privacy, judge patients nobody met, and audit it all: some minutes."""
    from affidavit.cli.audits import run_demo

    raise typer.Exit(run_demo(out, plan="simulated" if simulated else "demo"))


@app.command()
def check(
    table: TableArgument,
    by: By = "",
    column: Columns = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the request to the supplier.")] = None,
    unlabelled: Unlabelled = False,
    task: TaskOption = None,
) -> None:
    """Say what could be audited with this table, and what to ask its supplier for. Computes nothing."""
    from affidavit.cli.checks import check_table

    raise typer.Exit(check_table(table, by=by, columns=column or [], out=out, unlabelled=unlabelled, task=task))


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="Table of the older model, or a folder that an audit wrote.")],
    new: Annotated[
        list[Path], typer.Argument(help="Tables of newer ones on the same items; or one folder that an audit wrote.")
    ],
    by: By = "",
    out: Out = Path("comparison-report"),
    policy: PolicyOption = None,
    column: Columns = None,
    band: Bands = None,
    per_utterance: PerUtterance = None,
    labels: Labels = None,
    examination: Examinations = None,
    depth: Depth = 2,
    seed: Seed = 0,
    resamples: Resamples = 2000,
    permutations: Permutations = 1999,
    title: Title = None,
    demand_answers: DemandAnswers = False,
) -> None:
    """Compare tables on the same items, each two of them and by group; of two bundles, what differs unpaired."""
    from affidavit.cli.audits import AuditFlags
    from affidavit.cli.comparisons import compare_tables_or_bundles

    flags = AuditFlags(
        by=by,
        policy=policy,
        columns=column or [],
        bands=band or [],
        per_utterance=per_utterance or [],
        labels=labels,
        unlabelled=False,
        task=None,
        examinations=examination or [],
        depth=depth,
        seed=seed,
        resamples=resamples,
        permutations=permutations,
        title=title,
        supplier=None,
    )
    raise typer.Exit(compare_tables_or_bundles(old, new, flags, out=out, demand_answers=demand_answers))


@app.command()
def drift(
    bundles: Annotated[list[Path], typer.Argument(help="Folders that audits wrote, the oldest first.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the courses.")] = Path("drift-report"),
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Chart only these metrics; repeat.")] = None,
    false_alarms: Annotated[
        float, typer.Option("--false-alarms", help="Chance that a series without change raises any alarm.")
    ] = 0.05,
    chart: Annotated[
        Literal["cusum", "ewma"], typer.Option("--chart", help="Cumulative sums, or a moving average.")
    ] = "cusum",
    allowance: Annotated[
        float, typer.Option("--allowance", help="Of cumulative sums: standard errors that nobody minds.")
    ] = 0.5,
    weight: Annotated[float, typer.Option("--weight", help="Of the newest audit in the moving average.")] = 0.2,
    gaps: Annotated[
        bool, typer.Option("--gaps/--no-gaps", help="Chart each group's distance from the others too.")
    ] = True,
) -> None:
    """Chart every number through a series of audits; ends with 1 where one drifts or a criterion newly fails."""
    from affidavit.cli.comparisons import drift_of_bundles
    from affidavit.series import AlertRule

    rule = AlertRule(
        chart=chart,
        allowance=allowance,
        weight=weight,
        false_alarms=false_alarms,
        metrics=tuple(metric or ()),
        gaps=gaps,
    )
    raise typer.Exit(drift_of_bundles(bundles, out=out, rule=rule))


@app.command()
def cite(bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")]) -> None:
    """Print BibTeX for every source and data set that a report rests on."""
    from affidavit.cli.comparisons import cite_bundle

    raise typer.Exit(cite_bundle(bundle))


@app.command()
def release(
    bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the report that may leave the house.")],
    floor: Annotated[int | None, typer.Option("--floor", help="Least number of units that is told: 11.")] = None,
    rounding: Annotated[
        int | None, typer.Option("--rounding", help="Round counts to multiples of this; rates follow them.")
    ] = None,
    intervals_only: Annotated[
        bool, typer.Option("--intervals-only", help="Tell counts and rates as intervals, without points.")
    ] = False,
) -> None:
    """Make of a report one that may leave the house: small groups, and what they follow from, are withheld."""
    from affidavit.cli.releases import release_bundle, rule_of

    rule = rule_of(floor=floor, rounding=rounding, intervals_only=intervals_only)
    raise typer.Exit(release_bundle(bundle, out=out, rule=rule))


@app.command()
def render(
    bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")],
    formats: Annotated[
        str, typer.Option("--as", help="Formats, separated by commas: pdf, junit, model-card, oscal, tables, html, md.")
    ],
    out: Annotated[Path, typer.Option("--out", help="New or empty folder for the files.")] = Path("rendered-report"),
) -> None:
    """Write a report in other formats, all of them or none; docs/formats.md says what each is for."""
    raise typer.Exit(command_of_room("render")(bundle, formats=formats, out=out))


@app.command("lint-release")
def lint_release(
    released: Annotated[Path, typer.Argument(help="Bundle of a released report, a table, or a folder of tables.")],
    previous: Annotated[
        list[Path] | None, typer.Argument(help="Earlier releases, the latest first, attacked together with it.")
    ] = None,
    floor: Annotated[int | None, typer.Option("--floor", help="Least number of units that may be told.")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Least range of candidates of what is withheld.")] = None,
    rounding: Annotated[
        int | None, typer.Option("--rounding", help="Tables: counts are rounded to multiples of this.")
    ] = None,
) -> None:
    """Attack released tables: which small counts follow from sums, percentages and earlier releases?"""
    lint = command_of_room("lint-release")
    raise typer.Exit(lint(released, *(previous or ()), floor=floor, width=width, rounding=rounding))


@app.command()
def ledger(
    action: Annotated[str, typer.Argument(help="show, verify, remaining or attest.")],
    path: Annotated[Path, typer.Argument(help="A privacy ledger, or a folder of ledgers (*.jsonl), one a site.")],
    delta: Annotated[float | None, typer.Option("--delta", help="show: at which delta; else the budget's.")] = None,
    head: Annotated[str | None, typer.Option("--head", help="verify: a digest kept elsewhere, to be found.")] = None,
    sites: Annotated[
        list[str] | None, typer.Option("--site", help="attest: a site that shares no patient with the others; repeat.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="attest: who attests it, as an office.")] = None,
    because: Annotated[str | None, typer.Option("--because", help="attest: how it was found out.")] = None,
) -> None:
    """Say what a ledger says was spent, whether it holds, and what remains; or note that sites share no patient."""
    word = None if by is None or because is None else (by, because)
    raise typer.Exit(
        command_of_room("ledger")(action, path, delta=delta, head=head, sites=tuple(sites or ()), word=word)
    )


@app.command()
def withdraw(
    unit: Annotated[str, typer.Argument(help="Id of the patient (else speaker); - reads it from standard input.")],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="A plan whose models, reviews and ledgers are looked at.")
    ] = None,
    models: Annotated[list[Path] | None, typer.Option("--models", help="A folder with checkpoints; repeat.")] = None,
    reviews: Annotated[
        list[Path] | None, typer.Option("--reviews", help="A review plan or a table of reviews; repeat.")
    ] = None,
    ledger: Annotated[
        list[Path] | None, typer.Option("--ledger", help="A privacy ledger to note it in; repeat.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="The unit's site in a ledger of several.")] = None,
    keep_models: Annotated[
        bool, typer.Option("--keep-models", help="Say which models met the unit, and leave them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is said what would be done.")] = False,
) -> None:
    """Take a patient out of the next training and audit, and purge what is kept here of them."""
    from affidavit.withdrawals import KeptPlaces

    places = KeptPlaces(
        models=tuple(models or ()),
        reviews=tuple(reviews or ()),
        ledgers=tuple(ledger or ()),
        site=site,
        keep_models=keep_models,
    )
    raise typer.Exit(command_of_room("withdraw")(unit, plan=plan, places=places, yes=yes))


@app.command()
def gate(
    bundle: Annotated[Path, typer.Argument(help="Folder that an audit wrote.")],
    policy: Annotated[str, typer.Option("--policy", help="Policy file, or the name of one that ships.")],
    waivers: Annotated[
        Path | None, typer.Option("--waivers", help="File of waivers: owner, reason, end and second approver of each.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Where to write JUnit XML for a CI server.")] = None,
    demand_answers: DemandAnswers = False,
) -> None:
    """Hold a finished audit against a policy; ends with 0, 1 (failed) or 3 (a demanded answer is missing)."""
    held = command_of_room("gate")
    raise typer.Exit(held(bundle, policy=policy, waivers=waivers, junit=junit, every_answer_demanded=demand_answers))


@app.command()
def keygen(
    out: Annotated[Path, typer.Argument(help="Where the private key goes; the public one beside it as .pub.")],
) -> None:
    """Make an ed25519 key pair for signing reports."""
    raise typer.Exit(command_of_room("keygen")(out))


add_trust(app)


@app.command()
def dossier(
    action: Annotated[str, typer.Argument(help="new, check or sign.")],
    path: Annotated[Path, typer.Argument(help="The dossier (YAML), or the folder that holds dossier.yaml.")],
    system: Annotated[str, typer.Option("--system", help="new: the system and its version.")] = "unnamed",
    key: Annotated[
        Path | None, typer.Option("--key", help="sign: private key. check: public key of whoever signed.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="check: folder that an audit wrote, held against the law packs.")
    ] = None,
) -> None:
    """Keep what only people can say of a system: write the questions, sign the answers, stop a prohibited use."""
    raise typer.Exit(command_of_room("dossier")(action, path, key=key, bundle=bundle, system=system))


@app.command()
def doctor() -> None:
    """Say what is installed, what each missing extra would add, and which licences bind."""
    from affidavit.cli.doctor import examine_installation

    raise typer.Exit(examine_installation())


add_federation(app)


def main() -> None:
    """Run the command line; errors for people go to standard error and end with their exit code."""
    from affidavit.errors import EXIT_DONE, EXIT_INTERRUPTED, AffidavitError, PlanError

    try:
        from affidavit.cli.plugins import add_commands
        from affidavit.rooms import check_rooms

        check_rooms()
        add_commands(app)
        app()
    except AffidavitError as error:
        sys.stderr.write(f"affidavit: error[{error.slug}]: {error}\n")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        sys.stderr.write("affidavit: interrupted; no report was written, and what was kept to go on from stays\n")
        raise SystemExit(EXIT_INTERRUPTED) from None
    except BrokenPipeError:
        raise SystemExit(EXIT_DONE) from None
    except OSError as error:
        if error.errno not in _NO_ROOM:
            _own_fault()
        full = PlanError(
            "there is no room to write",
            slug="place-full",
            where=error.filename or "a place that was being written to",
            found=error.strerror,
            remedy="make room, or name a place that has some; what was written whole stays, and a training goes on",
        )
        sys.stderr.write(f"affidavit: error[{full.slug}]: {full}\n")
        raise SystemExit(full.exit_code) from None
    except Exception:
        _own_fault()


def _own_fault() -> NoReturn:
    """Print what was raised, and end as affidavit's own fault."""
    import traceback

    from affidavit.errors import EXIT_OWN_FAULT

    traceback.print_exc()
    sys.stderr.write("affidavit: this is a fault of affidavit's own, not of your data; please report the lines above\n")
    raise SystemExit(EXIT_OWN_FAULT) from None
