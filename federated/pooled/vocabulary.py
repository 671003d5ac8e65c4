"""Which labels, conditions and groups are there? What the plan of a federated audit has to list, asked of the sites.

A site names a value where at least `floor` of its patients have it, and says of which parts it has others that it does
not name; no number leaves. From these and the draft the plan is made, in which every value that some site named is
listed; whoever has another one is counted as `unlisted`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from affidavit.conditions import sorted_conditions
from affidavit.confusion import class_sums
from affidavit.digests import canonical_json, digest_of
from affidavit.disclosure.rule import FLOOR
from affidavit.errors import PlanError, TableError
from affidavit.files import replacing
from affidavit.levels import natural
from affidavit.plan import Feature
from affidavit.predictions import Predictions, Reading
from affidavit.records import Record
from affidavit.tally import tally
from affidavit.yaml_files import describe_validation_error, read_yaml
from federated.pooled.counting import require_features, require_patients
from federated.pooled.counts_plan import UNLISTED, CountsPlan, Name, SiteName, asked_part

SUFFIX: Final = ".vocabulary.json"
MOST_VALUES: Final = 500
"""Values of one part that a site names, at most."""
_ASKED: Final = ("labels", "conditions")


class Draft(Record):
    """The plan of a federated audit before anybody knows its vocabulary: features by name, the rest as in a plan."""

    run: Name
    sites: tuple[SiteName, ...] = Field(min_length=1)
    features: tuple[Name, ...] = ()
    """Sensitive features; sites say which levels there are."""
    of_rows: tuple[str, ...] = ()
    bands: Mapping[str, tuple[float, ...]] = Field(default_factory=dict)
    floor: int = Field(default=FLOOR, ge=2)
    """Patients that a value needs at a site before the site names it."""
    more: Mapping[str, Any] = Field(default_factory=dict)
    """Other keys of the plan, as they will stand in it."""

    @property
    def digest(self) -> str:
        """What a site's officer approves, and what every answer names."""
        return digest_of(self.model_dump(mode="json"))


class Vocabulary(Record):
    """What one site names."""

    kind: Literal["affidavit site vocabulary"] = "affidavit site vocabulary"
    version: Literal[1] = 1
    site: SiteName
    draft: str
    """Digest of the draft that asked."""
    labels: tuple[Name, ...] = Field(max_length=MOST_VALUES)
    conditions: tuple[Name, ...] = Field(max_length=MOST_VALUES)
    features: Mapping[str, tuple[Name, ...]]
    unnamed: tuple[str, ...] = ()
    """Parts of which the site has values that fewer than `floor` of its patients have."""


def read_draft(path: Path) -> Draft:
    """Load a draft from YAML: a plan without `labels` and `conditions`, and with features as a list of names.

    Raises:
        PlanError: a key is missing or of the wrong kind.
        TableError: there is no such file, or it is not YAML.
    """
    document = asked_part(read_yaml(path))
    if not isinstance(document, dict):
        document = {}
    try:
        if strange := [key for key in (*_ASKED, "more") if key in document]:
            raise PlanError(
                "a draft leaves the vocabulary to the sites",
                slug="plan-invalid",
                where=path.name,
                found=", ".join(strange),
                allowed="a plan without labels and conditions, and features as a list of names",
                remedy="take these keys out; or count by this plan as it is",
            )
        return Draft.model_validate(folded(document))
    except ValidationError as error:
        raise PlanError(
            "the draft of the federated audit does not validate",
            slug="plan-invalid",
            where=path.name,
            found=describe_validation_error(error),
            allowed="run, sites, features as a list of names, and the other keys of a plan",
            remedy="correct the key named above",
        ) from None


def folded(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a draft as it is written by people in the form of its record: what is of the plan alone under `more`."""
    own = {key: value for key, value in document.items() if key in Draft.model_fields and key != "more"}
    return {**own, "more": {key: value for key, value in document.items() if key not in own}}


def reading_of_draft(draft: Draft, *, columns: Mapping[str, str]) -> Reading:
    """Return how a table is read for its vocabulary."""
    features = {
        name: Feature(level="utterance" if name in draft.of_rows else "unit", bands=draft.bands.get(name))
        for name in draft.features
    }
    return Reading(run=draft.run, by=tuple(sorted(draft.features)), columns=columns, features=features)


def vocabulary_of(predictions: Predictions, draft: Draft, *, site: str) -> Vocabulary:
    """Return what a site names.

    Raises:
        InputError: the table names no patients, or has no labels.
        PlanError: the draft does not name the site, or the table lacks a feature.
    """
    if site not in draft.sites:
        raise PlanError(
            "the draft does not name this site",
            slug="plan-impossible",
            where="federated audit",
            found=site,
            allowed=", ".join(draft.sites),
        )
    require_patients(predictions)
    require_features(predictions, draft.features)
    known = patients_by_value(predictions, draft.features)
    told: dict[str, list[str]] = {part: [] for part in (*_ASKED, *map(_key, draft.features))}
    unnamed = set()
    for (part, value), n in known.items():
        if n >= draft.floor:
            told[part].append(value)
        elif n:
            unnamed.add(part)
    return Vocabulary(
        site=site,
        draft=draft.digest,
        labels=tuple(sorted(told["labels"], key=natural)),
        conditions=sorted_conditions(frozenset(told["conditions"])),
        features={name: tuple(sorted(told[_key(name)], key=natural)) for name in draft.features},
        unnamed=tuple(sorted(unnamed)),
    )


def patients_by_value(predictions: Predictions, features: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return in how many patients each label, condition and level of a feature occurs; it stays at the site."""
    found: dict[tuple[str, str], set[int]] = {}
    for part, value, units in _occurrences(predictions, features):
        found.setdefault((part, value), set()).update(np.unique(units).tolist())
    return {key: len(units) for key, units in found.items()}


def _occurrences(predictions: Predictions, features: Sequence[str]) -> Iterator[tuple[str, str, NDArray[np.int64]]]:
    labels = predictions.labels
    for condition, one in tally(predictions, tuple(sorted(features))).items():
        yield "conditions", condition, one.unit
        _, true, called = np.split(class_sums(one.sums, len(labels)), 3, axis=1)
        for k, label in enumerate(labels):
            yield "labels", label, one.unit[(true + called)[:, k] > 0]
        for feature in features:
            grouped = one.by((feature,))
            for g, group in enumerate(grouped.groups):
                yield _key(feature), group[feature], grouped.unit[grouped.group == g]


def not_listed(predictions: Predictions, plan: CountsPlan) -> dict[str, dict[str, int]]:
    """Return by feature which levels of a site's table the plan does not list, with their patients; it stays there."""
    found: dict[str, dict[str, int]] = {}
    for (part, value), n in patients_by_value(predictions, tuple(plan.features)).items():
        feature = part.partition(".")[2]
        if feature and value not in plan.features[feature]:
            found.setdefault(feature, {})[value] = n
    return found


def follows(plan: CountsPlan, draft: Draft) -> bool:
    """Say whether a plan is what a draft says, with some vocabulary."""
    if set(plan.features) != set(draft.features):
        return False
    try:
        return _plan(draft, plan.labels, plan.conditions, plan.features).digest == plan.digest
    except ValidationError:
        return False


def names_all_of(plan: CountsPlan, named: Vocabulary) -> bool:
    """Say whether a plan lists every value that a site named."""
    listed = {"labels": plan.labels, "conditions": plan.conditions, **{_key(f): v for f, v in plan.features.items()}}
    told = {"labels": named.labels, "conditions": named.conditions, **{_key(f): v for f, v in named.features.items()}}
    return all(set(values) - {UNLISTED} <= set(listed.get(part, ())) for part, values in told.items())


def plan_from(draft: Draft, vocabularies: Sequence[Vocabulary]) -> CountsPlan:
    """Return the plan that lists every value which some site named.

    Raises:
        PlanError: an answer is to another draft, of a site that the draft does not name, or came twice; or no plan can
            be made of what sites named.
    """
    for vocabulary in vocabularies:
        if vocabulary.draft != draft.digest or vocabulary.site not in draft.sites:
            raise _misfit(vocabulary.site, "an answer to another draft", f"answers to {draft.digest}")
    names = [vocabulary.site for vocabulary in vocabularies]
    if len(set(names)) < len(names):
        raise _misfit(", ".join(sorted({name for name in names if names.count(name) > 1})), "two answers", "one")
    labels = {label for vocabulary in vocabularies for label in vocabulary.labels}
    conditions = {condition for vocabulary in vocabularies for condition in vocabulary.conditions}
    features = {
        name: sorted({level for v in vocabularies for level in v.features.get(name, ())} - {UNLISTED}, key=natural)
        for name in draft.features
    }
    try:
        return _plan(draft, sorted(labels, key=natural), sorted(conditions), features)
    except ValidationError as error:
        raise PlanError(
            "no plan can be made of what the sites named",
            slug="plan-impossible",
            where=f"{len(vocabularies)} vocabularies",
            found=describe_validation_error(error),
            allowed="two labels, a condition and a level of each feature at least, that some site has in "
            f"{draft.floor} patients",
            remedy="list what the sites are too small to name in the plan by hand",
        ) from None


def _plan(
    draft: Draft, labels: Sequence[str], conditions: Sequence[str], features: Mapping[str, Sequence[str]]
) -> CountsPlan:
    return CountsPlan.model_validate(
        {
            **draft.model_dump(mode="json", exclude={"more", "features"}),
            **draft.more,
            "labels": labels,
            "conditions": conditions,
            "features": features,
        }
    )


def write_vocabulary(vocabulary: Vocabulary, path: Path) -> Path:
    """Write a vocabulary and return where it lies."""
    with replacing(path) as temporary:
        temporary.write_bytes(canonical_json(vocabulary.model_dump(mode="json")) + b"\n")
    return path


def read_vocabulary(content: bytes, *, where: str) -> Vocabulary:
    """Read a vocabulary.

    Raises:
        TableError: it is none.
    """
    try:
        return Vocabulary.model_validate(json.loads(content))
    except (ValueError, RecursionError) as error:
        found = describe_validation_error(error) if isinstance(error, ValidationError) else "no JSON"
        raise TableError(
            "this is not a site's vocabulary",
            slug="file-unreadable",
            where=where,
            found=found[:300],
            remedy="give the file that `affidavit federated-audit vocabulary` wrote",
        ) from None


def _key(feature: str) -> str:
    return f"features.{feature}"


def _misfit(site: str, found: str, allowed: str) -> PlanError:
    return PlanError(
        "a site's vocabulary does not fit the draft",
        slug="plan-impossible",
        where=site,
        found=found,
        allowed=allowed,
        remedy="ask the site again, with this draft",
    )
