"""The policy: every criterion of an audit, in one YAML file and nowhere else, each with its source.

A criterion bounds a metric from one side. Which findings it binds is said by `compared` (for gaps: which features),
`conditions` and `scope` (for values of groups). Without a policy a report decides nothing and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, model_validator

from affidavit.conditions import Condition
from affidavit.digests import digest_of
from affidavit.errors import PolicyError, RowError
from affidavit.records import Finding, Interval, Record
from affidavit.yaml_files import did_you_mean, read_record

STARTER = "starter"
SHIPPED: Final = (STARTER, "ser-tests-emotion")
SER_TESTS: Final = "ser-tests:"


class Criterion(Record):
    """One bound on one metric, and where the bound comes from."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    metric: str
    at_most: float | None = None
    at_least: float | None = None
    compared: tuple[str, ...] | None = None
    """For gaps: the features whose groups are compared; every family of groups where absent."""
    intersections: bool = True
    """Whether gaps between the groups of several features together are bound too."""
    conditions: tuple[str, ...] | Literal["fullest"] | None = None
    """Canonical conditions, or the fullest one of each run; every condition where absent."""
    scope: Literal["all", "everybody", "groups"] = "all"
    """For values: everybody together, each group, or both."""
    answer_demanded: bool = False
    """An inconclusive answer ends the command with exit code 3."""
    source: str = Field(min_length=1)
    note: str | None = None

    @model_validator(mode="after")
    def _one_sided(self) -> Criterion:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a criterion has exactly one of at_most and at_least")
        return self

    def kept_by(self, interval: Interval) -> bool:
        """Say whether a whole interval lies on the right side of the bound."""
        if self.at_most is not None:
            return interval.high <= self.at_most
        return interval.low >= (self.at_least or 0.0)

    def broken_by(self, interval: Interval) -> bool:
        """Say whether a whole interval lies on the wrong side of the bound."""
        if self.at_most is not None:
            return interval.low > self.at_most
        return interval.high < (self.at_least or 0.0)

    def binds(self, finding: Finding, *, fullest: str) -> bool:
        """Say whether the criterion speaks of this finding; `fullest` is the fullest condition of its run."""
        conditions = (fullest,) if self.conditions == "fullest" else self.conditions
        if finding.metric != self.metric or (conditions is not None and finding.condition not in conditions):
            return False
        if finding.compared is not None:
            wanted = self.compared is None or set(self.compared) == set(finding.compared)
            return wanted and (self.intersections or len(finding.compared) == 1)
        return self.scope == "all" or (self.scope == "everybody") == (not finding.groups)


class Policy(Record):
    """A named set of criteria."""

    version: Literal[1]
    name: str
    title: str
    statement: str
    """What the policy is for, who set it, and what its thresholds are not."""
    frozen_before_results: bool
    """Whether the criteria were fixed before anybody saw the results."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique_ids(self) -> Policy:
        ids = [criterion.id for criterion in self.criteria]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"criterion ids appear twice: {', '.join(twice)}")
        return self

    @property
    def digest(self) -> str:
        """The digest that a report cites."""
        return digest_of(self.model_dump(mode="json"))


def check_reach(policy: Policy, *, by: Sequence[str], depth: int) -> None:
    """Refuse a criterion that can bind nothing of an audit by these features, before anything is trained or judged.

    Raises:
        PolicyError: names the criterion, and what it asks for that the plan does not have.
    """
    for criterion in policy.criteria:
        if (fault := _out_of_reach(criterion, by, depth)) is not None:
            found, allowed, remedy = fault
            raise PolicyError(
                f"the criterion {criterion.id!r} can bind nothing of this audit",
                slug="policy-unmatched",
                where=f"policy {policy.name}",
                found=found,
                allowed=allowed,
                remedy=remedy,
            )


def check_conditions(policy: Policy, conditions: Sequence[str]) -> None:
    """Refuse a criterion all of whose conditions no run has, before anything is examined.

    Raises:
        PolicyError: names the criterion and the conditions there are.
    """
    for criterion in policy.criteria:
        if isinstance(criterion.conditions, tuple) and not set(criterion.conditions) & set(conditions):
            raise PolicyError(
                f"the criterion {criterion.id!r} can bind nothing of this audit",
                slug="policy-unmatched",
                where=f"policy {policy.name}",
                found=f"conditions {', '.join(criterion.conditions) or 'of none'}",
                allowed=", ".join(dict.fromkeys(conditions)),
                remedy="name conditions that the runs have, write `fullest`, or leave `conditions` out",
            )


def _out_of_reach(criterion: Criterion, by: Sequence[str], depth: int) -> tuple[str, str, str] | None:
    """Return what was found, what is allowed and what to do; None where the plan has what the criterion asks for."""
    compared, features = criterion.compared, ", ".join(by) or "no feature"
    if compared is not None:
        strange = [name for name in compared if name not in by]
        if strange or not compared:
            hint = did_you_mean(strange[0], list(by)) if strange else ""
            found = f"compared {', '.join(compared) or 'of nothing'}{hint}"
            return found, f"features of this audit: {features}", "correct `compared`, or audit by that feature too"
        if len(compared) > depth:
            found = f"compared {', '.join(compared)}: {len(compared)} features"
            return found, f"up to {depth}, the depth of this audit", "raise `depth` in the plan"
        if len(compared) > 1 and not criterion.intersections:
            found = f"compared {', '.join(compared)}, with intersections: false"
            return found, "intersections: true, or one feature", "leave `intersections` out"
    if criterion.scope == "groups" and compared is None and not by:
        return "scope groups, and no groups", "scope everybody", "name the sensitive features to audit by"
    return _misspelled(criterion)


def _misspelled(criterion: Criterion) -> tuple[str, str, str] | None:
    for text in criterion.conditions if isinstance(criterion.conditions, tuple) else ():
        try:
            canonical = str(Condition.parse(text))
        except RowError:
            canonical = ""
        if canonical != text:
            found = f"condition {text!r}" + (f" (did you mean {canonical!r}?)" if canonical else "")
            return (
                found,
                "conditions as tables have them: TAV, AV, TAV/noise=10dB, as-supplied",
                "correct the condition",
            )
    return None


def read_policy(reference: str, *, folder: Path, by: Sequence[str] | None = None) -> Policy:
    """Load a policy by the name of one that ships, or by a path relative to `folder`.

    `ser-tests:PATH` reads the thresholds that ser-tests publishes, for the features in `by` (all of them where None).

    Raises:
        PolicyError: the file has an unknown key, a missing key or a value of the wrong kind.
        TableError: there is no such file, or it is not YAML.
    """
    if reference.startswith(SER_TESTS):
        from affidavit.published.ser_tests_policy import policy_from_thresholds  # it imports this module

        return policy_from_thresholds(folder / reference.removeprefix(SER_TESTS), by=by).policy
    shipped = Path(str(files("affidavit") / "policies" / f"{reference}.yaml"))
    path = shipped if reference in SHIPPED else folder / reference
    return read_record(path, Policy, invalid=partial(_invalid, path))


def _invalid(path: Path, found: str) -> PolicyError:
    return PolicyError(
        "the policy does not validate",
        slug="policy-invalid",
        where=path.name,
        found=found,
        allowed=f"the keys {', '.join(Policy.model_fields)}; per criterion {', '.join(Criterion.model_fields)}",
        remedy="correct the key named above; affidavit/policies/starter.yaml is a complete example",
    )
