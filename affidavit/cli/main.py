"""The command line: every command in the order of `affidavit --help`, and how it ends.

Nothing heavy is imported here, nor where commands have their flags, so that `affidavit --help` answers at once.

Exit codes: 0 done; 1 a criterion failed; 2 bad input or plan; 3 inconclusive where an answer was demanded; 70 a fault
of affidavit's own; 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Final, NoReturn

import typer

from affidavit.cli.auditing import add_auditing
from affidavit.cli.comparing import add_comparing
from affidavit.cli.deciding import dossier, gate
from affidavit.cli.desk import add_desk
from affidavit.cli.documents import add_documents
from affidavit.cli.explaining import add_explaining
from affidavit.cli.federation import add_federation
from affidavit.cli.ledgers import add_ledgers
from affidavit.cli.papers import add_papers
from affidavit.cli.reviewing import add_reviewing
from affidavit.cli.saying import inert, say
from affidavit.cli.trust import add_trust, keygen
from affidavit.cli.verifiers import add_verifiers

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


def _version(asked: bool) -> None:
    if asked:
        from affidavit.provenance import package_version

        say(f"affidavit {package_version('affidavit') or '(not installed)'}")
        raise typer.Exit()


@app.callback()
def affidavit(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Puts emotion-reasoning AI on the stand: fair, private, honest? Swears to the answers in a signed report."""


def doctor() -> None:
    """Say what is installed, what each missing extra would add, and which licences bind."""
    from affidavit.cli.doctor import examine_installation

    raise typer.Exit(examine_installation())


add_auditing(app)
add_comparing(app)
add_documents(app)
add_ledgers(app)
add_verifiers(app)
add_explaining(app)
app.command()(gate)
app.command(hidden=True)(keygen)
add_papers(app)
add_trust(app)
app.command()(dossier)
app.command()(doctor)
add_federation(app)
add_reviewing(app)
add_desk(app)


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
        sys.stderr.write(f"affidavit: error[{error.slug}]: {inert(str(error))}\n")
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
