"""Runs the `console` blocks of README.md and docs/walkthrough.md, and compares or writes what they print.

    python tests/docs/console.py                 says which blocks are out of date
    python tests/docs/console.py --write         writes what the commands print now
    python tests/docs/console.py --write MELD    only under the headings that are named

A block is a list of commands, each a line `$ affidavit ...`, with what it prints; `$ echo $?` prints the exit code of
the command before it. Commands run at the root of the checkout; what they write under `out/` goes to a temporary
folder, with a cache of its own. Blocks under one heading of the second level share both and run in order, so a model
that two of them name is trained once. Digests and keys differ from run to run and are not compared; the lines of
progress on standard error are left out, as a terminal wipes them.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "walkthrough.md")
DATA = "../shared/data/"
_FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_HEX = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12}|[0-9a-f]{8}(?=\.dsse))\b")
_OUT = re.compile(r"^out/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command and what the page says that it prints."""

    command: str
    printed: str

    @property
    def arguments(self) -> list[str]:
        """The command's words after `affidavit`."""
        return shlex.split(self.command, comments=True)[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One `console` block of a page."""

    page: Path
    heading: str
    text: str
    steps: tuple[Step, ...]

    @property
    def needs_data(self) -> bool:
        """Whether a command reads the public data beside the project, itself or by its plan."""
        plans = [ROOT / word for step in self.steps for word in step.arguments if word.endswith(".yaml")]
        return DATA in self.text or any(DATA in plan.read_text(encoding="utf-8") for plan in plans if plan.is_file())


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    headings = [(match.start(), match[1]) for match in _HEADING.finditer(text)]
    return [
        Block(
            page=page,
            heading=next((name for start, name in reversed(headings) if start < match.start()), ""),
            text=match[1],
            steps=_steps(match[1]),
        )
        for match in _FENCE.finditer(text)
    ]


def _steps(text: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append(Step(command=line[2:], printed=""))
        else:
            last = steps.pop()
            steps.append(Step(command=last.command, printed=f"{last.printed}{line}\n"))
    return tuple(steps)


def run_blocks(wanted: list[Block], folder: Path) -> Iterator[tuple[Block, str]]:
    """Yield each block with the text that it has now; `folder` takes the place of `out`."""
    code = 0
    for block in wanted:
        lines = []
        for step in block.steps:
            lines.append(f"$ {step.command}\n")
            if step.command == "echo $?":
                lines.append(f"{code}\n")
                continue
            printed, code = _run(step.arguments, folder)
            lines.append(printed)
        yield block, "".join(lines)


def _run(arguments: list[str], folder: Path) -> tuple[str, int]:
    placed = [_OUT.sub(f"{folder}/", argument) for argument in arguments]
    if arguments[0] == "demo":
        placed = [*arguments, "--out", f"{folder}/demo"]
    done = subprocess.run(
        [sys.executable, "-m", "affidavit", *placed],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,  # a limit against hanging, not a measure
        env={**os.environ, "COLUMNS": "100", "AFFIDAVIT_CACHE": f"{folder}/cache"},
    )
    if "Traceback (most recent call last)" in done.stderr:
        raise RuntimeError(f"affidavit {shlex.join(arguments)} is broken, and no page shows that:\n{done.stderr}")
    said = "".join(line for line in done.stderr.splitlines(keepends=True) if not line.endswith(" ...\n"))
    return (done.stdout + said).replace(f"{folder}/", "out/"), done.returncode


def comparable(text: str) -> str:
    """Return a text without what differs from run to run."""
    return _HEX.sub("<digest>", text).strip()


def main() -> None:
    """Compare or write every block, or those under the headings named; end with 1 where one is out of date."""
    named = [word for word in sys.argv[1:] if word != "--write"]
    headings = [(page, heading) for page in PAGES for heading in dict.fromkeys(b.heading for b in blocks(page))]
    if strange := set(named) - {heading for _, heading in headings}:
        raise SystemExit(f"no such heading: {', '.join(sorted(strange))}")
    stale = []
    for page, heading in headings:
        if named and heading not in named:
            continue
        changed = _changed(page, heading)
        stale += [f"{page.name}: {heading}"] if changed else []
        if "--write" in sys.argv and changed:
            text = page.read_text(encoding="utf-8")
            for old, now in changed:
                text = text.replace(f"```console\n{old}```", f"```console\n{now}```")
            page.write_text(text, encoding="utf-8")
    print(f"{'written' if '--write' in sys.argv else 'out of date'}: {'; '.join(stale) or 'nothing'}")
    raise SystemExit(1 if stale and "--write" not in sys.argv else 0)


def _changed(page: Path, heading: str) -> list[tuple[str, str]]:
    """Return the blocks that print something else now, each with what that is."""
    wanted = [block for block in blocks(page) if block.heading == heading]
    with tempfile.TemporaryDirectory() as folder:
        return [
            (block.text, now)
            for block, now in run_blocks(wanted, Path(folder))
            if comparable(now) != comparable(block.text)
        ]


if __name__ == "__main__":
    main()
