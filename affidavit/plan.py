"""The plan: what is audited, how it is grouped, which examinations, which statistics, one seed; all in one YAML.

`execution` is kept apart: it changes how fast an answer comes and in how much memory, never the answer nor whether
there is one, so it is recorded but not hashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from affidavit.errors import PlanError
from affidavit.records import Record
from affidavit.yaml_files import did_you_mean, read_record

BuiltIn = Literal["demo", "simulated"]
"""A plan that comes with affidavit."""


class Task(StrEnum):
    """What a row of the predictions table predicts."""

    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    ORDINAL = "ordinal"
    REGRESSION = "regression"
    TRANSCRIPTION = "transcription"
    OPEN_SET = "open_set"


def _named(value: Any) -> Any:  # noqa: ANN401 - runs before validation
    return {"name": value} if isinstance(value, str) else value


def _in_one_order(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _runs_in_one_order(runs: Mapping[str, RunSource]) -> Mapping[str, RunSource]:
    return {name: runs[name] for name in sorted(runs)}


class Choice(Record):
    """Something chosen from the registry by name, with its options; a bare name stands for no options."""

    name: str
    options: Mapping[str, JsonValue] = Field(default_factory=dict)


Chosen = Annotated[Choice, BeforeValidator(_named)]


class TrainedModel(Record):
    """A model of this plan's `training`; a bare name stands for its first seed."""

    name: str
    seed: int | None = None
    """One of the training's seeds; its first where absent."""


TrainedChoice = Annotated[TrainedModel, BeforeValidator(_named)]


class RunSource(Record):
    """Where one run's predictions come from: a table, or a reasoner that judges a corpus."""

    table: str | None = None
    """Path of a predictions table, relative to the plan."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """Part (`y_true`, `speaker_id`, ...) to column name, where names are not recognised."""
    corpus: Chosen | None = None
    reasoner: Chosen | None = None
    trained: TrainedChoice | None = None
    """Which model of `training` judges, `tiny` or `{name: tiny, seed: 1}`; fills in the option `checkpoint`."""
    supplier: str | None = None
    """Who handed the table over; printed on the first page."""
    task: Task | None = None
    """Inferred from the columns where absent."""
    label_space: tuple[str, ...] | None = None
    """Every label there may be, in the order of tables; from the columns and rows where absent."""

    @model_validator(mode="after")
    def _one_source(self) -> RunSource:
        if (self.table is None) == (self.reasoner is None):
            raise ValueError("a run has exactly one of table and reasoner")
        if self.corpus is not None and self.reasoner is None:
            raise ValueError("a corpus needs a reasoner to judge it")
        if self.trained is not None and self.reasoner is None:
            raise ValueError("trained says which model judges, so the run needs a reasoner")
        return self


class Training(Record):
    """One model to be trained, once for each seed; `affidavit train` does it, and `run` where it was not done yet."""

    corpus: Chosen
    reasoner: Chosen
    """What is trained, with the options of a new model (its size)."""
    trainer: Chosen = Choice(name="supervised")
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    out: str | None = None
    """The folder of the checkpoints, one below it a seed, relative to the plan; in the user's cache where absent."""


class Feature(Record):
    """How a sensitive feature is read."""

    level: Literal["unit", "utterance"] = "unit"
    """Whether the feature belongs to the unit (accent) or to the row (room noise)."""
    bands: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Cut points for a number: (30, 50) makes `under 30`, `30-49`, `50 and over`."""
    order: tuple[str, ...] | None = None
    """Levels in the order of tables; natural order where absent."""

    @model_validator(mode="after")
    def _bands_differ(self) -> Feature:
        if self.bands is not None and len(set(self.bands)) != len(self.bands):
            raise ValueError(f"bands: a cut point appears twice in {list(self.bands)}")
        return self


class Statistics(Record):
    """The declared statistics: part of the claim."""

    level: float = Field(default=0.95, ge=0.5, lt=1)
    n_resamples: int = Field(default=2000, ge=100, le=100_000)
    n_permutations: int = Field(default=1999, ge=99, le=100_000)
    small_sample_units: int = Field(default=20, ge=2)
    """Under this many effective units (Satterthwaite) a group takes small-sample methods."""
    small_samples: Literal["t", "wild-cluster"] = "t"
    """The interval there: t on the jackknife (logit scale for rates), or for ratios the wild cluster bootstrap."""
    compared_units: int = Field(default=5, ge=2)
    """Under this many units a group gets a row of its own but enters no gap: with four, t has three degrees of freedom
    and over many pairs its bound alone makes every gap undecidable. A gap that leaves a group out cannot pass."""
    power: float = Field(default=0.8, gt=0, lt=1)
    family: Literal["report", "examination"] = "report"
    """Over which tests p-values are adjusted together: all of the report; or each examination's own, which holds the
    error within each examination and not over the report."""
    screening: Literal["holm", "benjamini-hochberg", "benjamini-yekutieli"] = "benjamini-yekutieli"
    """The correction over a family of tests; they depend on each other, which BY allows for."""


class Execution(Record):
    """How the work is done; never what it answers, nor what it refuses to answer."""

    batch_rows: int = Field(default=262_144, ge=1024)
    memory_rows: int = Field(default=5_000_000, ge=0)
    """Parquet tables with more rows are streamed instead of held in memory; every examination answers the same."""
    device: str = "auto"
    """Where models run: `cpu`, `cuda`, `cuda:1`; `auto` takes a GPU where there is one."""
    workers: int = Field(default=2, ge=0)
    """Processes that decode and measure media; 0 does it in the main one."""
    engine: Literal["ray"] | None = None
    """Who judges a corpus: this process where absent, or as many `actors` of Ray Data at once. Either gives the same
    table."""
    actors: int | None = Field(default=None, ge=1)
    """Processes of the engine `ray`, each with a model of its own (2 where absent); they share what GPUs there are."""
    address: str | None = None
    """Of a running Ray cluster, such as `10.0.0.1:6379`; this machine alone where absent."""
    threads: int | None = Field(default=None, ge=1)
    """Threads in which the main process trains and judges; torch decides where absent. Several add in another order
    than one does, so a trained model's last digits are those of this number; one leaves other cores to the workers."""


class AuditPlan(Record):
    """One audit, fully said."""

    version: Literal[1] = 1
    title: str = "Audit"
    purpose: str | None = None
    """What the model is used for; printed, and judged by nobody here."""
    training: Mapping[str, Training] = Field(default_factory=dict)
    """Models to train before anything is judged."""
    runs: Annotated[Mapping[str, RunSource], AfterValidator(_runs_in_one_order)] = Field(min_length=1)
    """What is audited, by name; kept in alphabetical order, so that a report's own plan gives the report again."""
    by: Annotated[tuple[str, ...], AfterValidator(_in_one_order)] = ()
    """Sensitive features; kept in alphabetical order, so that the order in which they were named changes nothing."""
    depth: int = Field(default=2, ge=1, le=4)
    """Features in an intersection, at most."""
    features: Mapping[str, Feature] = Field(default_factory=dict)
    labelled: bool = True
    """False audits without truth labels, even where there are some."""
    examinations: tuple[Chosen, ...] | None = None
    """Every examination that the runs allow where absent."""
    statistics: Statistics = Statistics()
    policy: str | None = None
    """`starter` or a path relative to the plan."""
    seed: int = Field(default=0, ge=0)
    execution: Execution = Execution()

    @model_validator(mode="after")
    def _features_are_used(self) -> AuditPlan:
        if len(set(self.by)) != len(self.by):
            raise ValueError("by: a feature appears twice")
        for name in self.features:
            if name not in self.by:
                raise ValueError(f"features.{name}: not among by={list(self.by)}{did_you_mean(name, list(self.by))}")
        return self

    @model_validator(mode="after")
    def _trained_are_there(self) -> AuditPlan:
        for run, source in self.runs.items():
            chosen = source.trained
            if chosen is None:
                continue
            if chosen.name not in self.training:
                hint = did_you_mean(chosen.name, list(self.training))
                raise ValueError(f"runs.{run}.trained: {chosen.name!r} is not under training{hint}")
            seeds = self.training[chosen.name].seeds
            if chosen.seed is not None and chosen.seed not in seeds:
                raise ValueError(
                    f"runs.{run}.trained: {chosen.name!r} is not trained with seed {chosen.seed}, only {list(seeds)}"
                )
        return self

    def feature(self, name: str) -> Feature:
        """Return how a feature is read, by default one level per unit in natural order."""
        return self.features.get(name, Feature())

    def claims(self) -> dict[str, Any]:
        """Return what the plan contributes to the claims digest: no execution, and no path (data have digests)."""
        written = self.model_dump(mode="json", exclude={"execution", "policy"})
        for run in written["runs"].values():
            run.pop("table", None)
            for part in (run.get("corpus"), run.get("reasoner")):
                _drop_places(part)
        for training in written.get("training", {}).values():
            training.pop("out", None)
            _drop_places(training.get("corpus"))
        for choice in written.get("examinations") or ():
            _drop_places(choice)
        return written


_PLACES: Final = (
    *("path", "media_root", "checkpoint", "start", "training", "evidence", "gold", "reviews", "plan", "lexicon"),
    *("losses", "guesses", "ledger", "embeddings", "leakage", "cards", "reader"),
    *("url", "key_variable"),  # where a served model answers; which one it is stands under `model`
)


def _drop_places(choice: dict[str, Any] | None) -> None:
    for place in _PLACES:
        (choice or {}).get("options", {}).pop(place, None)


def read_plan(path: Path) -> AuditPlan:
    """Load a plan.

    Raises:
        PlanError: the file has an unknown key, a missing key or a value of the wrong kind.
        TableError: there is no such file, or it is not YAML.
    """
    return read_record(path, AuditPlan, invalid=partial(_invalid, path))


def built_in_plan(name: BuiltIn) -> AuditPlan:
    """Return a plan that comes with affidavit: `demo` trains and judges on the clinic, `simulated` trains nothing."""
    return read_plan(Path(str(files("affidavit") / "plans" / f"{name}.yaml")))


def _invalid(path: Path, found: str) -> PlanError:
    return PlanError(
        "the plan does not validate",
        slug="plan-invalid",
        where=path.name,
        found=found,
        allowed=f"the keys {', '.join(AuditPlan.model_fields)}",
        remedy="correct the key named above; docs/plan.md describes each",
    )
