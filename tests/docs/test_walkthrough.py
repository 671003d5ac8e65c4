"""The pages cannot lie: every command parses, every plan is there, and what they print is what a run prints now."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import typer
import yaml

from affidavit.cli.main import app
from affidavit.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
WALKTHROUGH = ROOT / "docs" / "walkthrough.md"
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path != ROOT / "docs" / "commands.md"
)
FENCE = re.compile(r"^```(?:console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(affidavit [a-z][^`]*)`")
LIVE = {
    "README.md": ("Without any extra",),
    "walkthrough.md": ("Published thresholds", "Before an audit"),
}
SLOW = {
    "walkthrough.md": (
        *("CREMA-D", "Channels and annotators", "Common Voice", "COMPAS", "Without labels"),
        *("A policy and its exit codes", "Sign and verify"),
    )
}
TRAINED = {"README.md": ("A first audit",), "walkthrough.md": ("RAVDESS", "MELD")}


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
    text = WALKTHROUGH.read_text(encoding="utf-8")
    for plan in (ROOT / "examples" / "plans").glob("*.yaml"):
        assert f"affidavit run examples/plans/{plan.name}" in text


def test_every_block_is_compared(console: ModuleType) -> None:
    """No block stands under a heading that the tests below do not run."""
    for page in console.PAGES:
        run = {heading for tested in (LIVE, SLOW, TRAINED) for heading in tested.get(page.name, ())}
        assert {block.heading for block in console.blocks(page)} == run


def test_a_heading_that_no_page_has_is_told(console: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["console.py", "--write", "Nowhere"])
    with pytest.raises(SystemExit, match="no such heading: Nowhere"):
        console.main()


def test_a_broken_command_never_becomes_a_page(
    console: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback (most recent call last):\nNameError\n")
    monkeypatch.setattr(console.subprocess, "run", lambda *_, **__: broken)
    with pytest.raises(RuntimeError, match="affidavit run plan.yaml is broken"):
        list(console.run_blocks([block_of("affidavit run plan.yaml", console)], tmp_path))


def block_of(command: str, console: ModuleType) -> Any:
    return console.Block(page=WALKTHROUGH, heading="", text="", steps=(console.Step(command=command, printed=""),))


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


TOLD = (
    r"private, TAV, by accent: the widest gap in accuracy is \S+ points .*lowest for caribbean and highest for ",
    r"private, TAV, by accent: of the \S+ points between caribbean and .* come through the audio",
    r"private: by its ledger the model has spent epsilon \S+ ",
    r"accuracy-gap fails \(at most 10 points; 2 findings\): (open|private), TAV: accuracy difference by accent is ",
)
"""What README reads out of the demonstration's output."""


@pytest.fixture(scope="module")
def demonstrated(console: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """What README shows, what the demonstration says now, and the folder that it wrote into."""
    folder = tmp_path_factory.mktemp("demonstrated")
    wanted = [block for block in console.blocks(ROOT / "README.md") if block.heading == "A first audit"]
    [(block, now)] = console.run_blocks(wanted, folder)
    return block.text, now, folder


@pytest.mark.slow(minutes=5)  # trains and judges
def test_the_demo_finds_what_is_planted_and_says_what_readme_says(demonstrated: tuple[str, str, Path]) -> None:
    """Its noise is secret and every run's own, so numbers differ; what README says of them has to be true each time."""
    shown, now, folder = demonstrated
    assert without_numbers(now).splitlines()[:3] == without_numbers(shown).splitlines()[:3]
    assert "Report: out/demo/report.html" in now
    for pattern in TOLD:
        assert re.search(pattern, shown), pattern
        assert re.search(pattern, now), pattern
    report = report_in(folder / "demo")
    gap = gap_of(report, "accuracy_difference", "private", "AV", "accent")
    assert gap["lowest"] == "caribbean"  # whose voices reach the model over a noisy line
    for metric in ("accuracy_difference", "unweighted_average_recall_difference"):
        age = gap_of(report, metric, "private", "TAV", "age")
        assert age["test"]["p_adjusted"] > 0.05, "nothing was planted there"
        assert age["verdict"] != "fail"


@pytest.mark.slow  # reads what the test before it made
def test_the_demo_tells_what_was_spent_at_each_hospital_and_what_privacy_cost(
    demonstrated: tuple[str, str, Path],
) -> None:
    _, _, folder = demonstrated
    report = report_in(folder / "demo")
    spent = {
        finding["groups"].get("site", "all"): finding["estimate"]["value"]
        for finding in report["findings"]
        if finding["metric"] == "accounted_epsilon"
    }
    promised = report["plan"]["training"]["private"]["trainer"]["options"]["private"]["epsilon"]
    assert set(spent) == {"all", "harbour", "north", "valley"}
    assert all(0 < epsilon <= promised for epsilon in spent.values())
    counted = {
        (finding["run"], finding["metric"]): finding["estimate"]["value"]
        for finding in report["findings"]
        if finding["examination"] == "federated-run"
    }
    for run in ("open", "private"):
        assert counted[run, "federated_rounds_done"] == counted[run, "federated_rounds_planned"] > 0
        assert counted[run, "federated_record_breaches"] == counted[run, "federated_dropouts"] == 0
    price = [
        finding["estimate"]["value"]
        for finding in report["findings"]
        if finding["examination"] == "model-comparison"
        and finding["metric"] == "accuracy_change"
        and not finding["groups"]
        and finding.get("compared") is None
    ]
    assert [-0.1 < change < 0.1 for change in price] == [True], "the private model less its twin: no collapse"
    ledgers = sorted(path.name for path in (folder / "demo-models").rglob("*.ledger.jsonl"))
    assert len(ledgers) == 3


def gap_of(report: dict[str, Any], metric: str, run: str, condition: str, feature: str) -> dict[str, Any]:
    """Return the one gap of a metric between the groups of a feature."""
    [gap] = [
        finding
        for finding in report["findings"]
        if (finding["metric"], finding["run"], finding["condition"], finding.get("compared"))
        == (metric, run, condition, [feature])
    ]
    return dict(gap)


def without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,e-]*", "N", text)


def structure(text: str) -> str:
    """What a run says whatever its numbers are: no decision, no criterion that fails, no order of groups."""
    criterion = re.compile(r"  [\w-]+ (fails|stays open) \(")
    kept = [
        line for line in text.splitlines() if not line.startswith(("Decision: ", "  Of ")) and not criterion.match(line)
    ]
    ordered = re.sub(r"lowest for [^;]+ and highest for [^;]+;", "lowest for X and highest for Y;", "\n".join(kept))
    return without_numbers(ordered)


def compare_trained(console: ModuleType, heading: str, folder: Path) -> None:
    """Numbers of a training differ between processors in their last digits, so the structure is compared."""
    wanted = [block for block in console.blocks(WALKTHROUGH) if block.heading == heading]
    assert wanted
    for block, now in console.run_blocks(wanted, folder):
        assert structure(block.text) == structure(now), "the page is out of date: python tests/docs/console.py --write"


def report_in(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def estimates(report: dict[str, Any], metric: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (condition, group or nothing) to the estimate of a metric that is no gap."""
    return {
        (finding["condition"], " ".join(finding["groups"].values())): finding["estimate"]
        for finding in report["findings"]
        if finding["metric"] == metric and finding.get("compared") is None
    }


def assumed(report: dict[str, Any]) -> list[str]:
    return [line for data in report["data"] for line in data["assumptions"]]


def trainings(folder: Path) -> dict[Path, int]:
    """Return every checkpoint of a cache, and when it was written."""
    return {card: card.stat().st_mtime_ns for card in (folder / "cache" / "trained").rglob("card.json")}


@pytest.mark.slow
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


def test_the_structure_forgets_what_a_processor_may_change_and_nothing_else() -> None:
    said = (
        "A title\nDecision: fail\n  ear, A, by sex: the widest gap in accuracy is 2.7 points (0.0 to 18.8), "
        "lowest for male and highest for female; chance alone gives 4.7 on average (adjusted p = 1).\n"
        "  Of 2 decisions 1 passes, 1 fails and 0 are inconclusive.\n"
        "  accuracy-gap fails (at most 2 points): ear, A: accuracy difference by sex is 2.7 points (2.1 to 9.0).\n"
    )
    elsewhere = said.replace("2.7", "2.9").replace("male and highest for female", "female and highest for male")
    assert structure(said) == structure(
        elsewhere.replace(": fail\n", ": inconclusive\n")
        .replace("1 passes, 1", "0 pass, 2")
        .replace("p = 1", "p = 0.9")
    )
    for changed in ("by age", "undefined"):
        assert structure(said) != structure(said.replace("by sex", changed))


@pytest.mark.slow  # trains on sound and judges under noise: two minutes of processor time
@pytest.mark.real
@pytest.mark.usefixtures("data_beside")
def test_ravdess_is_heard_and_noise_is_not_survived(console: ModuleType, tmp_path: Path) -> None:
    compare_trained(console, "RAVDESS", tmp_path)
    report = report_in(tmp_path / "ravdess")
    accuracy = estimates(report, "accuracy")
    assert {group: found["n_clusters"] for (condition, group), found in accuracy.items() if condition == "A"} == {
        "": 10,
        "female": 5,
        "male": 5,
    }
    clear, noisy = accuracy["A", ""]["interval"], accuracy["A/noise=10dB", ""]["interval"]
    assert clear["low"] > 2 / 15, "no better than to name one emotion always"
    assert noisy["high"] < clear["low"]
    assert "pass" not in {finding["verdict"] for finding in report["findings"]}
    assert any(line.startswith("600 utterances of units that it was trained on") for line in assumed(report))

    for finding in report_in(tmp_path / "crema-d-clips")["findings"]:
        described = finding["examination"] == "representation"  # who is there is counted, and needs no second person
        if (finding.get("compared") or finding["groups"]) and not described:
            assert "interval" not in finding["estimate"], "two people have no bound to each other"
    once = trainings(tmp_path)
    assert len(once) == 1, "both plans describe one training"
    again = block_of("affidavit run examples/plans/ravdess_sound.yaml --out out/again", console)
    list(console.run_blocks([again], tmp_path))
    assert trainings(tmp_path) == once
    assert report_in(tmp_path / "again")["claims_digest"] == report["claims_digest"]


@pytest.mark.slow  # trains four epochs on 9,989 lines: under four minutes of processor time
@pytest.mark.real
@pytest.mark.usefixtures("data_beside")
def test_meld_is_read_and_its_speakers_are_known(console: ModuleType, tmp_path: Path) -> None:
    compare_trained(console, "MELD", tmp_path)
    report = report_in(tmp_path / "meld")
    accuracy = estimates(report, "accuracy")["T", ""]
    assert (accuracy["n"], accuracy["n_clusters"]) == (1109, 47)
    assert accuracy["interval"]["low"] > 470 / 1109, "no better than to call every line neutral"
    agreement = estimates(report, "agreement_with_fullest")["T/transcript-errors=0.2", ""]
    assert 0.5 < agreement["interval"]["high"] < 1
    assert not any(finding["groups"] or finding.get("compared") for finding in report["findings"])
    assert any(line.startswith("1072 of 1109 judged utterances are of speakers") for line in assumed(report))


@pytest.mark.real
@pytest.mark.usefixtures("data_beside")
def test_the_python_shown_prints_what_stands_below_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$",
        WALKTHROUGH.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert shown
    monkeypatch.chdir(ROOT)
    for code, printed in shown:
        exec(compile(code, str(WALKTHROUGH), "exec"), {})
        assert capsys.readouterr().out == printed


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
