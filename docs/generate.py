"""Writes the pages that say what the code says: schema, plan, policy, metrics, commands. `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from affidavit.plan import AuditPlan, Choice, Execution, Feature, RunSource, Statistics, TrainedModel, Training
from affidavit.policy import Criterion, Policy
from affidavit.registry import Door, load, names
from affidavit.schema import COLUMNS, KEY, PREFIXES, REQUIRED, SCHEMA_VERSION

HERE = Path(__file__).resolve().parent
NOTE = "<!-- Written by docs/generate.py; change the code and run `make docs`. -->"


def predictions_page() -> str:
    """Return the schema of the predictions table."""
    rows = [
        f"| `{c.name}` | {c.type} | {c.meaning} | {', '.join(f'`{a}`' for a in c.aliases) or '-'} | {c.default or '-'} |"
        for c in COLUMNS.values()
    ]
    return "\n".join(
        [
            "# The predictions table",
            "",
            NOTE,
            "",
            f"Schema version {SCHEMA_VERSION}. One row is one judgement: an utterance under one condition. CSV, TSV, XLSX, "
            "parquet and JSON lines are read; the content digest is the same from all of them.",
            "",
            f"**Key:** {', '.join(f'`{name}`' for name in KEY)}. Two rows never share it.",
            "",
            "**Unit of independence:** `unit_id` (the patient), else `speaker_id`, else the row; with rows as units the "
            "report says that its intervals may be too narrow.",
            "",
            "**Meanings never change under the same name.** A new meaning is a new column and a new schema version.",
            "",
            "| column | type | meaning | also recognised | if absent |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "Families of columns:",
            "",
            *(f"- `{prefix}<...>`: {meaning}" for prefix, meaning in PREFIXES.items()),
            "",
            "What a task cannot do without:",
            "",
            *(f"- {task}: {', '.join(f'`{part}`' for part in parts)}" for task, parts in REQUIRED.items()),
            "",
            "A condition is `modalities[/operator[=level]]`, modalities from T (text), A (audio), V (video) in that order: "
            "`TAV`, `A`, `TAV/noise=10dB`. A table without conditions reads `as-supplied`.",
            "",
        ]
    )


def _model(model: type[BaseModel]) -> list[str]:
    lines = [
        f"## {model.__name__}",
        "",
        (model.__doc__ or "").strip().splitlines()[0],
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        if isinstance(field.default, BaseModel):
            default = "see below"
        lines.append(f"| `{name}` | {default} | {' '.join((field.description or '').replace('|', '/').split())} |")
    return [*lines, ""]


def plan_page() -> str:
    """Return every key of a plan."""
    lines = ["# The plan", "", NOTE, "", "Unknown keys are refused. Paths are relative to the plan's folder.", ""]
    for model in (AuditPlan, RunSource, TrainedModel, Training, Choice, Feature, Statistics, Execution):
        lines += _model(model)
    return "\n".join(lines)


def models_page() -> str:
    """Return every option of the project's own model, of judging with it and of its trainer."""
    from reasoners.baselines.options import BaselineJudgingOptions, NewBaselineOptions
    from reasoners.grpo.options import GrpoOptions
    from reasoners.instructed.augmentation import Augmentation
    from reasoners.instructed.door import JudgingOptions, NewModelOptions
    from reasoners.supervised import SupervisedOptions
    from reasoners.verifier.config import FittingOptions

    lines = ["# Options of models", "", NOTE, ""]
    lines += [
        "`training.<name>.reasoner: {name: instructed, options: ...}` takes NewModelOptions, "
        "`training.<name>.trainer: {name: supervised, options: ...}` takes SupervisedOptions, and "
        "`runs.<name>.reasoner: {name: instructed, options: ...}` takes JudgingOptions; `trained: <name>` fills in the "
        "checkpoint. What the parts do: [reasoner.md](reasoner.md).",
        "",
    ]
    for model in (NewModelOptions, Augmentation, SupervisedOptions, JudgingOptions):
        lines += _model(model)
    lines += [
        "The baselines `dialogue-rnn`, `bc-lstm` and `early-fusion` take NewBaselineOptions and BaselineJudgingOptions: "
        "[baselines.md](baselines.md).",
        "",
    ]
    for baseline in (NewBaselineOptions, BaselineJudgingOptions):
        lines += _model(baseline)
    lines += [
        "`training.<name>.trainer: {name: grpo, options: ...}` takes GrpoOptions, and a verifier that it trains "
        "FittingOptions: [verifier.md](verifier.md).",
        "",
    ]
    for rewarded in (GrpoOptions, FittingOptions):
        lines += _model(rewarded)
    return "\n".join(lines)


def policy_page() -> str:
    """Return every key of a policy."""
    lines = ["# The policy", "", NOTE, "", "Every criterion of an audit lives in the policy and only there.", ""]
    lines += [
        "`starter` and `ser-tests-emotion` ship. `--policy ser-tests:PATH` reads the published thresholds of ser-tests "
        "(Derington et al. 2023): a YAML file, a task's folder, or a folder of tasks. A threshold becomes a criterion "
        "on the largest deviation of a group from everybody. What is not measured here, or is of a feature that is "
        "not audited, is listed as not assessed in the policy's statement.",
        "",
    ]
    for model in (Policy, Criterion):
        lines += _model(model)
    return "\n".join(lines)


def examinations_page() -> str:
    """Return every built-in examination with its metrics and the access it needs."""
    lines = ["# Examinations", "", NOTE, ""]
    for name in names(Door.EXAMINATIONS):
        examination = load(Door.EXAMINATIONS, name)
        metrics = ", ".join(f"`{metric}`" for metric in sorted(examination.metrics))
        text = sys.modules[examination.function.__module__].__doc__ or ""
        lines += [f"## {name}", "", examination.title + f" (method version {examination.method_version})", ""]
        lines += [text.strip(), "", f"Needs: {', '.join(examination.access)}.", "", f"Metrics: {metrics}.", ""]
    return "\n".join(lines)


def commands_page() -> str:
    """Return the help of every command."""
    from typer.testing import CliRunner

    from affidavit.cli.main import app

    runner = CliRunner(env={"COLUMNS": "100", "TERM": "dumb"})
    lines = ["# Commands", "", NOTE, ""]
    for command in (None, *(c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands)):
        arguments = ["--help"] if command is None else [command, "--help"]
        output = runner.invoke(app, arguments, prog_name="affidavit").output.rstrip()
        lines += [f"## affidavit{f' {command}' if command else ''}", "", "```", output, "```", ""]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "predictions.md": predictions_page,
    "plan.md": plan_page,
    "models.md": models_page,
    "policy.md": policy_page,
    "examinations.md": examinations_page,
    "commands.md": commands_page,
}


def main() -> None:
    """Write the pages, or with --check end with 1 if one is out of date."""
    stale = []
    for name, page in PAGES.items():
        path, text = HERE / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    print(f"{'out of date' if '--check' in sys.argv else 'written'}: {', '.join(stale) or 'nothing'}")
    raise SystemExit(1 if stale and "--check" in sys.argv else 0)


if __name__ == "__main__":
    main()
