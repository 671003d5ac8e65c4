"""`affidavit compare`, `affidavit drift` and `affidavit cite`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from affidavit.bundle import REPORT, check_output, read_bundle, write_bundle
from affidavit.changes import ALPHA, COMPARISON
from affidavit.cli.audits import AuditFlags, exit_code, tell
from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import say
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, PlanError
from affidavit.files import check_place, replacing_folder
from affidavit.plan import AuditPlan, Choice
from affidavit.records import Record
from affidavit.registry import Door, names
from affidavit.report import AuditReport
from affidavit.run import ONLY_NAMED, run_plan
from affidavit.series import AlertRule, Course, Drift, NamedAudit, Step, drift
from affidavit.tabulating import defused
from affidavit.unpaired import Difference, Unpaired, surely_worse, unpaired
from affidavit.yaml_files import describe_validation_error

OLD: Final = "old"
NEW: Final = "new"
SHOWN: Final = 20
"""Findings that are printed before they are counted."""
T = TypeVar("T", Course, Difference)


def compare_tables_or_bundles(
    old: Path, newer: Sequence[Path], flags: AuditFlags, *, out: Path, demand_answers: bool
) -> int:
    """Compare tables by their items, each with every other, or two bundles by their findings; return the exit code.

    Raises:
        PlanError: some are tables and others bundles, there are more than two bundles, or no two tables share an item.
    """
    paths = (old, *newer)
    bundles = [(path / REPORT).is_file() for path in paths]
    if all(bundles) and len(bundles) == len((OLD, NEW)):
        return _compare_bundles(old, newer[0], out=out)
    if all(bundles):
        raise PlanError(
            "compare takes two bundles",
            slug="plan-impossible",
            found=f"{len(bundles)} bundles",
            remedy="`affidavit drift OLDEST ... NEWEST` charts a series of them; of their tables compare takes several",
        )
    if any(bundles) or any(path.is_dir() for path in paths):
        raise PlanError(
            "compare takes tables or two bundles",
            slug="plan-impossible",
            found=", ".join(
                f"{path}: {'a bundle' if bundle else 'no bundle'}" for path, bundle in zip(paths, bundles, strict=True)
            ),
            remedy="give the tables; on the same items they tell more than two reports",
        )
    return _compare_tables(old, newer, flags, out=out, demand_answers=demand_answers)


def _compare_tables(old: Path, newer: Sequence[Path], flags: AuditFlags, *, out: Path, demand_answers: bool) -> int:
    check_place(out)
    check_output(out)
    plan = _plan(old, newer, flags)
    if demand_answers and plan.policy is None:
        raise PlanError(
            "--demand-answers needs a policy: without one nothing is decided",
            slug="plan-impossible",
            remedy="add --policy",
        )
    with shown_progress() as progress:
        report = run_plan(plan, folder=Path.cwd(), progress=progress)
        _require_comparison(report)
        progress("writing the report", 0, None)
        write_bundle(report, out)
    tell(report, out)
    return exit_code(report, demand_answers=demand_answers)


def _plan(old: Path, newer: Sequence[Path], flags: AuditFlags) -> AuditPlan:
    """Return the plan of an audit with a run for each table, `old` being the baseline."""
    plan = flags.plan(newer[0])
    source = plan.runs["predictions"]
    tables = {OLD: old, **_named_tables(newer)}
    # in the order of names: a report keeps its plan with sorted keys, and is computed again in that order
    runs = {name: source.model_copy(update={"table": str(tables[name])}) for name in sorted(tables)}
    chosen = [choice.name for choice in plan.examinations or ()] or [
        name for name in names(Door.EXAMINATIONS) if name not in ONLY_NAMED
    ]
    examinations = [Choice(name=name) for name in dict.fromkeys(chosen) if name != COMPARISON]
    examinations.append(Choice(name=COMPARISON, options={"baseline": OLD}))
    title = flags.title or f"{', '.join(path.name for path in newer)} compared with {old.name}"
    changed = {"runs": runs, "examinations": tuple(examinations), "title": title}
    try:
        return AuditPlan.model_validate(plan.model_copy(update=changed).model_dump())
    except ValidationError as error:
        raise PlanError(
            "the flags do not make a plan",
            slug="plan-invalid",
            found=describe_validation_error(error),
            remedy="`affidavit compare --help` describes each flag",
        ) from None


def _named_tables(newer: Sequence[Path]) -> dict[str, Path]:
    """Return each table under `new` if it is alone, else under its file's name, numbered where two have one name."""
    if len(newer) == 1:
        return {NEW: newer[0]}
    stems = [path.stem for path in newer]
    taken = [OLD, *stems]
    return {
        stem if taken.count(stem) == 1 else f"{stem}-{place}": path
        for place, (stem, path) in enumerate(zip(stems, newer, strict=True), start=1)
    }


def _require_comparison(report: AuditReport) -> None:
    if any(finding.examination == COMPARISON for finding in report.findings):
        return
    refusal = next((r for r in report.refusals if r.examination == COMPARISON), None)
    raise PlanError(
        "the two tables cannot be compared",
        slug="plan-impossible",
        found=None if refusal is None else refusal.because,
        remedy="give labelled tables with the same utterance ids" if refusal is None else refusal.remedy,
    )


def _compare_bundles(old: Path, new: Path, *, out: Path) -> int:
    _check_folder(out)
    result = unpaired(*_named((old, new)))
    _write(out, "comparison.json", result, "differences.csv", _difference_rows(result))
    say(
        f"{result.new} less {result.old}: {len(result.differences)} numbers in both"
        f"{_gaps_in_words(result.differences)}, unpaired"
    )
    worse = surely_worse(result.differences)
    told = _told(worse, lambda difference: -difference.p_adjusted)
    for difference in told[:SHOWN]:
        say(
            f"  worse: {difference.id}: {difference.old:.3g} to {difference.new:.3g}, adjusted p = "
            f"{difference.p_adjusted:.2g}"
        )
    better = sum(d.p_adjusted <= ALPHA for d in result.differences if d.higher_is_better is not None) - len(worse)
    say(f"  {len(worse)} surely worse, {better} surely better (Holm over all of them, level {ALPHA:g})")
    for failure in result.new_failures:
        say(f"  fails {failure.criterion}, passed before: {failure.id}")
    say(f"  {result.remark}\nWritten: {out / 'comparison.json'} (also differences.csv)")
    return EXIT_CRITERION_FAILED if result.new_failures else EXIT_DONE


def drift_of_bundles(folders: Sequence[Path], *, out: Path, rule: AlertRule) -> int:
    """Chart a series of bundles, write the courses and return the exit code.

    Raises:
        PlanError: the rule is none, or the audits do not make a series.
    """
    if not (0 < rule.false_alarms < 1 and 0 < rule.weight <= 1 and rule.allowance >= 0):
        raise PlanError(
            "there is no such alert rule",
            slug="plan-invalid",
            found=f"--false-alarms {rule.false_alarms:g} --weight {rule.weight:g} --allowance {rule.allowance:g}",
            allowed="false alarms between 0 and 1, a weight above 0 and at most 1, an allowance of 0 or more",
        )
    _check_folder(out)
    result = drift(_named(folders), rule)
    _write(out, "drift.json", result, "courses.csv", _course_rows(result))
    _tell_drift(result)
    say(f"Written: {out / 'drift.json'} (also courses.csv)")
    return EXIT_CRITERION_FAILED if result.alarms or result.new_failures else EXIT_DONE


def _tell_drift(result: Drift) -> None:
    charted = f"{len(result.courses)} numbers charted{_gaps_in_words(result.courses)}"
    say(f"{len(result.audits)} audits, {charted}: {' -> '.join(result.audits)}")
    say(
        f"  rule: {_rule_in_words(result)}; a series without change raises any alarm in at most "
        f"{100 * result.rule.false_alarms:g} % (simulated: at most {100 * result.false_alarm_rate:.2g} %)"
    )
    say(
        f"  one chart alarms falsely every {result.run_length_unchanged:,.0f} audits on average, and "
        f"{result.run_length_shifted:,.0f} audits after a change by one standard error"
    )
    told = _told(result.alarms, _furthest)
    for course in told[:SHOWN]:
        step = course.alarm
        if step is not None:
            say(f"  alarm at {step.audit}, {course.direction}: {course.id} ({_course_in_words(course.steps)})")
    more = len(result.alarms) - min(len(told), SHOWN)
    say(f"  {len(result.alarms)} alarms" + (f", {more} of them in drift.json only" if more > 0 else ""))
    for failure in result.new_failures:
        say(f"  fails {failure.criterion} now, passed in {failure.passed_in}: {failure.id}")
    if result.uncharted or result.only_in_some:
        say(
            f"  not charted: {len(result.uncharted)} without an interval somewhere, "
            f"{result.only_in_some} not in every audit"
        )


def _rule_in_words(result: Drift) -> str:
    rule = result.rule
    if rule.chart == "cusum":
        return f"cumulative sums over {rule.allowance:g} standard errors, beyond {result.limit:.2f}"
    return f"moving average of weight {rule.weight:g} beyond {result.limit:.2f} of its standard deviations"


def _gaps_in_words(numbers: Sequence[Course] | Sequence[Difference]) -> str:
    n_gaps = sum(number.family is not None for number in numbers)
    return f", {n_gaps} of them one group less the others" if n_gaps else ""


def _told(numbers: Sequence[T], strength: Callable[[T], float]) -> list[T]:
    """Return the numbers, of every gap the strongest one: where one group moves, all are further from the others."""
    strongest: dict[str, T] = {}
    for number in numbers:
        if number.family is not None:
            gap = number.id.rsplit("/", len(number.family.split(" x ")))[0] + number.family
            strongest[gap] = max(strongest.get(gap, number), number, key=strength)
    kept = {number.id for number in strongest.values()}
    return [number for number in numbers if number.family is None or number.id in kept]


def _furthest(course: Course) -> float:
    return max(abs(step.charted or 0.0) for step in course.steps)


def _course_in_words(steps: Sequence[Step]) -> str:
    return " ".join(f"{step.value:.3g}" for step in steps)


def cite_bundle(folder: Path) -> int:
    """Print the BibTeX of a bundle's report and return the exit code.

    Raises:
        VerificationError: it is no bundle, or was changed.
    """
    say(read_bundle(folder).cite(), nl=False)
    return EXIT_DONE


def _named(folders: Sequence[Path]) -> list[NamedAudit]:
    """Return the bundles under the names of their folders, or under their whole paths where names recur."""
    short = [folder.resolve().name for folder in folders]
    unique = len(set(short)) == len(short)
    return [
        NamedAudit(name=name if unique else str(folder), report=read_bundle(folder))
        for folder, name in zip(folders, short, strict=True)
    ]


def _check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, or that holds anything that these commands did not write."""
    check_place(folder)
    if not folder.exists():
        return
    ours = {"drift.json", "courses.csv", "comparison.json", "differences.csv"}
    found = {"a file"} if folder.is_file() else {path.name for path in folder.iterdir()}
    if lost := sorted(found - ours):
        raise PlanError(
            f"the output folder holds {', '.join(lost[:3])}",
            slug="output-exists",
            where=str(folder),
            allowed="a new folder, an empty one, or one that this command wrote",
            remedy="choose another --out, or move what is there",
        )


def _write(folder: Path, name: str, record: Record, table: str, rows: Sequence[dict[str, object]]) -> None:
    import pandas as pd

    with replacing_folder(folder) as temporary:
        content = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (temporary / name).write_text(content + "\n", encoding="utf-8")
        defused(pd.DataFrame(rows)).to_csv(temporary / table, index=False, lineterminator="\n")


def _course_rows(result: Drift) -> list[dict[str, object]]:
    return [
        {"id": course.id, "metric": course.metric, **step.model_dump(), "limit": result.limit}
        for course in result.courses
        for step in course.steps
    ]


def _difference_rows(result: Unpaired) -> list[dict[str, object]]:
    return [
        difference.model_dump(exclude={"interval"})
        | {"low": difference.interval.low, "high": difference.interval.high, "level": difference.interval.level}
        for difference in result.differences
    ]
