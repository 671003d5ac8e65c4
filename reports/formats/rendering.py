"""The command `affidavit render`: a bundle's report in other formats, all of them written or none.

Laws: a format is asked for by its name behind the door `renderers`, so a plugin's counts as ours; every name is known
before anything is rendered; the bundle is read whole and holds every digest, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from affidavit.bundle import SUMS, read_bundle
from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.errors import EXIT_DONE, PlanError, RegistryError, VerificationError
from affidavit.files import check_place, replacing_folder
from affidavit.protocols import Progress, Renderer, silent
from affidavit.registry import Door, load, names
from reports.papers.folder import papers_of
from reports.papers.papers import Papers, without_papers
from reports.papers.rendering import rendered_with
from reports.trust.contents import open_contents
from reports.trust.signatures import SignatureOutcome, hold_signatures
from reports.trust.trust_file import read_trust

if TYPE_CHECKING:
    from affidavit.report import AuditReport

_FLAG: Final = "affidavit render --as"


@runtime_checkable
class RendererOfFiles(Protocol):
    """A renderer that gives several files, which then lie in a folder of its name instead of in one file."""

    name: str

    def files(self, report: AuditReport) -> Mapping[str, bytes]:
        """Return file name, without folders, to content."""


def render_bundle(bundle: Path, *, formats: str, out: Path, trust: Path | None = None) -> int:
    """Write a bundle's report in the formats that were asked for, separated by commas, into a new folder.

    Pages tell what was filed beside the report and, of a signed bundle, who signed: by the reader's trust file where
    there is one, else as signers that nobody vouches for.

    Raises:
        RegistryError: a format is not behind the door `renderers`.
        PlanError: no format was named, or `out` holds something.
        VerificationError: the bundle is not as it was written.
        MissingPartError: a format needs an extra that is not installed.
    """
    renderers = renderers_named(formats)
    check_place(out)
    _check_empty(out)
    with shown_progress() as progress:
        report = read_bundle(bundle)
        papers = replace(papers_of(bundle, report), signatures=_signatures(bundle, report, trust))
        written = write_renderings(report, renderers, out, papers=papers, progress=progress)
    say(f"{report.title}\n{report.report_digest}")
    for name in written:
        say(f"  {out / name}")
    return EXIT_DONE


def renderers_named(formats: str) -> tuple[Renderer, ...]:
    """Return the renderers of a list such as `pdf,junit`, each once and in its order.

    Raises:
        PlanError: the list is empty, or two of its names are the same.
        RegistryError: a name is not behind the door, or what is behind it is no renderer.
    """
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    twice = [name for name in wanted if wanted.count(name) > 1]
    if not wanted or twice:
        raise PlanError(
            f"the format {twice[0]!r} is named twice" if twice else "no format is named",
            slug="plan-invalid",
            where=_FLAG,
            found=repr(formats),
            allowed=", ".join(names(Door.RENDERERS)),
            remedy="name each format once, separated by commas, such as pdf,junit",
        )
    return tuple(_renderer(name) for name in wanted)


def _renderer(name: str) -> Renderer:
    renderer = load(Door.RENDERERS, name)
    if not isinstance(renderer, Renderer):
        raise RegistryError(
            f"what is behind the name {name!r} is no renderer",
            slug="plugin-broken",
            where=_FLAG,
            found=type(renderer).__name__,
            allowed="an object with name, suffix and render(report)",
            remedy="mend or uninstall the package that brings it",
        )
    return renderer


def _signatures(bundle: Path, report: AuditReport, trust: Path | None) -> tuple[SignatureOutcome, ...] | None:
    """Return the signatures of a bundle that holds; None of one that nobody signed yet: its pages stay what they are.

    Raises:
        VerificationError: a signature does not hold.
    """
    contents = open_contents(bundle)
    held = hold_signatures(contents, None if trust is None else read_trust(trust), report)
    if held.faults:
        raise VerificationError(
            held.faults[0].line(),
            slug="signature-invalid",
            where=str(bundle),
            remedy="`affidavit verify` names every file at fault; render a bundle that holds",
        )
    return held.outcomes if contents.envelopes else None


def write_renderings(
    report: AuditReport,
    renderers: Sequence[Renderer],
    out: Path,
    *,
    papers: Papers | None = None,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Write the report by each renderer, and SHA256SUMS of all files; return their names in order.

    Raises:
        MissingPartError: a renderer needs an extra that is not installed; nothing is left behind then.
    """
    import hashlib

    written: dict[str, str] = {}
    with replacing_folder(out) as temporary:
        for done, renderer in enumerate(renderers):
            progress(f"rendering {renderer.name}", done, len(renderers))
            for name, content in _files(report, renderer, papers or without_papers(report), written):
                path = temporary / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                written[name] = hashlib.sha256(content).hexdigest()
        lines = [f"{digest}  {name}\n" for name, digest in sorted(written.items())]
        (temporary / SUMS).write_text("".join(lines), encoding="utf-8")
    return *sorted(written), SUMS


def _files(
    report: AuditReport, renderer: Renderer, papers: Papers, taken: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one renderer; two that share a suffix are told apart by their names."""
    if isinstance(renderer, RendererOfFiles):
        for name, content in renderer.files(report).items():
            yield f"{renderer.name}/{Path(name).name}", content
        return
    name = f"report{renderer.suffix}"
    yield f"report-{renderer.name}{renderer.suffix}" if name in taken else name, rendered_with(renderer, report, papers)


def _check_empty(out: Path) -> None:
    """Refuse a folder that holds anything.

    Raises:
        PlanError: names the folder.
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise PlanError(
            "the output folder holds something already",
            slug="output-exists",
            where=str(out),
            allowed="a new folder or an empty one",
            remedy="choose another --out, or move what is there",
        )
