"""The pages cannot lie: every command parses, every plan is there, and what they print is what a run prints now."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import click
import pytest
import typer
import yaml

from affidavit.cli.main import app
from affidavit.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path != ROOT / "docs" / "commands.md"
)
FENCE = re.compile(r"^```(?:console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(affidavit [a-z][^`]*)`")
LIVE = {
    "README.md": ("A first audit", "Without any extra"),
    "walkthrough.md": ("CREMA-D", "Common Voice", "Before an audit"),
}
SLOW = {"walkthrough.md": ("Without labels", "A policy and its exit codes", "Sign and verify")}


def commands_in(text: str) -> list[str]:
    fenced = [
        line.removeprefix("$ ")
        for block in FENCE.findall(text)
        for line in block.splitlines()
        if line.removeprefix("$ ").startswith("affidavit ")
    ]
    return [*fenced, *INLINE.findall(text)]


def parse(command: str, console: ModuleType) -> None:
    """Parse a command line without carrying it out."""
    words = console.Step(command=command, printed="").arguments
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group | typer.core.TyperGroup)
    if words[0].startswith("-"):
        assert words == ["--help"], words
        return
    assert words[0] in group.commands, f"there is no command {words[0]!r}"
    parsed = group.commands[words[0]]
    known = {option for parameter in parsed.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words[1:] if word.startswith("--") and word.split("=")[0] not in {*known, "--help"}]
    assert not unknown, f"{command}: no such option {unknown}"
    if command.count(" ") > 1 and "..." not in words:
        parsed.make_context(words[0], words[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_parses(page: Path, console: ModuleType) -> None:
    for command in commands_in(page.read_text(encoding="utf-8")):
        parse(command, console)


def test_a_command_that_does_not_parse_is_found(console: ModuleType) -> None:
    for wrong in ("affidavit audti t.csv", "affidavit audit t.csv --bye age", "affidavit audit t.csv --depth nine"):
        with pytest.raises((AssertionError, click.ClickException)):
            parse(wrong, console)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_plan_and_example_named_exists(page: Path) -> None:
    for name in re.findall(r"\bexamples/[\w/.-]*\w", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_the_walkthrough_shows_every_plan() -> None:
    text = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")
    for plan in (ROOT / "examples" / "plans").glob("*.yaml"):
        assert f"affidavit run examples/plans/{plan.name}" in text


def test_every_block_is_compared(console: ModuleType) -> None:
    """No block stands under a heading that the tests below do not run."""
    for page in console.PAGES:
        run = {*LIVE.get(page.name, ()), *SLOW.get(page.name, ())}
        assert {block.heading for block in console.blocks(page)} == run


def compare(console: ModuleType, page: str, heading: str, folder: Path) -> None:
    path = next(path for path in console.PAGES if path.name == page)
    wanted = [block for block in console.blocks(path) if block.heading == heading]
    assert wanted
    for block, now in console.run_blocks(wanted, folder):
        assert console.comparable(block.text) == console.comparable(now), (
            "the page is out of date: python tests/docs/console.py --write"
        )


@pytest.mark.slow  # 13 s alone on two cores, more beside other tests
def test_the_output_in_readme_is_what_the_demo_prints(console: ModuleType, tmp_path: Path) -> None:
    compare(console, "README.md", "Without any extra", tmp_path)


@pytest.mark.slow  # trains a model: about four minutes on two cores
def test_the_demo_finds_what_is_planted_and_says_what_readme_says(console: ModuleType, tmp_path: Path) -> None:
    """Numbers of a training differ between processors in their last digits, so sentences are compared without them."""
    wanted = [block for block in console.blocks(ROOT / "README.md") if block.heading == "A first audit"]
    [(block, now)] = console.run_blocks(wanted, tmp_path)
    assert without_numbers(now).splitlines()[:2] == without_numbers(block.text).splitlines()[:2]
    assert "Report: out/demo/report.html" in now
    report = json.loads((tmp_path / "demo" / "report.json").read_text(encoding="utf-8"))
    [gap] = [
        finding
        for finding in report["findings"]
        if (finding["metric"], finding["condition"], finding.get("compared"))
        == ("accuracy_difference", "AV", ["accent"])
    ]
    assert gap["lowest"] == "caribbean"  # whose voices reach the model over a noisy line


def without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,e-]*", "N", text)


@pytest.mark.real
@pytest.mark.usefixtures("data_beside")
@pytest.mark.parametrize("heading", LIVE["walkthrough.md"])
def test_the_output_on_real_data_is_what_a_run_prints(console: ModuleType, tmp_path: Path, heading: str) -> None:
    compare(console, "walkthrough.md", heading, tmp_path)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.usefixtures("data_beside")
@pytest.mark.parametrize("heading", SLOW["walkthrough.md"])
def test_the_rest_of_the_walkthrough_is_what_a_run_prints(console: ModuleType, tmp_path: Path, heading: str) -> None:
    compare(console, "walkthrough.md", heading, tmp_path)


def test_the_policies_shown_are_policies() -> None:
    shown = [
        block
        for page in PAGES
        for block in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        if "criteria:" in block
    ]
    assert shown
    for block in shown:
        Policy.model_validate(yaml.safe_load(block))
