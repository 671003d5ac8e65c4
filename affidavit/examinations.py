"""What an examination is made of, and the decorator that makes one of a function.

    @af.examination(name="hedging", title="Hedged rationales", access=("rationales",), metrics=("hedging_rate",))
    def hedging(case: af.Case) -> af.Testimony:
        ...

An examination first says whether it can answer at all (`refuses`), and of which runs it cannot (`refusals`); a refusal
is an answer and goes into the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal, get_args

from affidavit.case import Case
from affidavit.exhibits import ExhibitTable
from affidavit.live import OFFERS
from affidavit.mislabelling import Mislabelled
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Estimate, Finding, Interval, Refusal, Verdict

Access = Literal[
    "table",
    "labels",
    "dimensions",
    "probabilities",
    "soft labels",
    "several conditions",
    "seven conditions",
    "rationales",
    "corpus",
    "callable",
    "logits",
    "gradients",
    "losses",
]
ACCESS: Final[Mapping[str, str]] = {
    "table": "a predictions table",
    "labels": "reference labels in the table (y_true)",
    "probabilities": "a probability of every label (prob_<label>)",
    "soft labels": "what share of annotators gave each label (soft_<label>)",
    "dimensions": "a dimension with reference and prediction in the table (true_valence and pred_valence)",
    "several conditions": "the same utterances judged under at least two conditions",
    "seven conditions": "the same utterances judged under all seven modality conditions",
    "rationales": "the reasoner's rationale for each judgement",
    "corpus": "the corpus that was judged, with its words, sounds and pictures",
    "callable": "the reasoner itself, to be asked again",
    "logits": "scores before normalisation from the reasoner itself",
    "gradients": "gradients of scores with respect to inputs",
    "losses": "the loss of each patient, with gradients with respect to parameters",
}
"""Access, from the least to the most that a supplier has to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A finding before its verdict, with what the verdict needs."""

    finding: Finding
    interval_at: Callable[[float], Interval | str] | None = None
    """The interval at another level, for deciding over a family; a string says why there is none."""
    unassessed: tuple[str, ...] = ()
    """Groups that the finding cannot speak for; they forbid a pass."""
    mislabelled: Mislabelled | None = None
    """The finding under other labels, to say how much label noise would take a failure away."""
    barred: str | None = None
    """Why no criterion may decide it, as a judge that nobody held against people: it stays informative, and says so."""
    family: str | None = None
    """A family of its own that the finding's test belongs to: adjusted within it by Holm, and not with the report's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """Everything an examination has to say."""

    __test__: ClassVar[bool] = False  # pytest takes every imported name that begins with Test for a test
    claims: tuple[Claim, ...] = ()
    exhibits: tuple[ExhibitTable, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    """What of a run could not be answered though the rest could, such as conditions without what it takes; those of
    whole runs come from `refusals` of the examination."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionExamination:
    """An examination made of a function; satisfies `affidavit.protocols.Examination`."""

    name: str
    title: str
    method_version: str
    access: tuple[Access, ...]
    metrics: frozenset[str]
    tasks: frozenset[Task]
    function: Callable[[Case], Testimony] = field(repr=False)
    refusal: Callable[[Case], Refusal | None] | None = field(default=None, repr=False)
    """Reasons of its own; called with a case of one run at a time."""
    together: Callable[[Case], Refusal | None] | None = field(default=None, repr=False)
    """Reasons that no single run has; called with all the runs that can be examined, where there is any."""
    on_request: bool = False
    """Whether it is done only where a plan names it: one that asks the model itself again may take hours."""
    asks: tuple[Access, ...] = ()
    """What it uses where it is there, beyond what it needs."""

    def refuses(self, case: Case) -> Refusal | None:
        """Refuse a case none of whose runs can be examined, or whose runs cannot be examined together."""
        refused = self.refusals(case)
        if len(refused) < len(case.runs):
            return None if self.together is None else self.together(_without(case, refused))
        reasons = {refusal.because: refusal.remedy for refusal in refused}
        if len(reasons) == 1:
            return refused[0].model_copy(update={"run": None})
        if not refused:
            return Refusal(examination=self.name, because="there is no run", remedy=_REMEDIES["table"])
        return Refusal(
            examination=self.name,
            because="; ".join(f"{refusal.run}: {refusal.because}" for refusal in refused),
            remedy="; or ".join(dict.fromkeys(refusal.remedy for refusal in refused)),
        )

    def refusals(self, case: Case) -> tuple[Refusal, ...]:
        """Return one refusal for each run that cannot be examined: want of a fitting task, of access, or its own."""
        refused = {run: self._refuses_run(replace(case, runs={run: case.runs[run]})) for run in case.runs}
        return tuple(refusal.model_copy(update={"run": run}) for run, refusal in refused.items() if refusal)

    def _refuses_run(self, case: Case) -> Refusal | None:
        (run,) = case.runs.values()
        if run.task not in self.tasks:
            return Refusal(
                examination=self.name,
                because=f"it speaks of {' and '.join(sorted(self.tasks))} tasks, and the table is {run.task}",
                remedy="bring predictions of such a task",
            )
        for access in self.access:
            if not _has(case, run, access):
                return Refusal(examination=self.name, because=f"it needs {ACCESS[access]}", remedy=_REMEDIES[access])
        return self.refusal(case) if self.refusal is not None else None

    def examine(self, case: Case) -> Testimony:
        """Answer for the runs that can be examined; the function is given no others."""
        return self.function(_without(case, self.refusals(case)))


def examination(
    *,
    name: str,
    title: str,
    metrics: Sequence[str],
    access: tuple[Access, ...] = ("table",),
    method_version: str = "1",
    tasks: Sequence[Task] = (Task.MULTICLASS,),
) -> Callable[[Callable[[Case], Testimony]], FunctionExamination]:
    """Make an examination of a function and register it for this process.

    Raises:
        ValueError: `access` names something that is not in `ACCESS`.
    """
    if strange := set(access) - set(get_args(Access)):
        raise ValueError(f"unknown access {', '.join(sorted(strange))}; allowed: {', '.join(ACCESS)}")

    def made(function: Callable[[Case], Testimony]) -> FunctionExamination:
        from affidavit.registry import Door, register

        result = FunctionExamination(
            name=name,
            title=title,
            method_version=method_version,
            access=access,
            metrics=frozenset(metrics),
            tasks=frozenset(tasks),
            function=function,
        )
        register(Door.EXAMINATIONS, name, result)
        return result

    return made


def finding_id(*parts: str, groups: Mapping[str, str] | None = None, compared: Sequence[str] = ()) -> str:
    """Return a finding's id: its place in the report, readable.

    What separates is written as %2F (/), %3D (=) and %20x%20 ( x ) inside features and levels, and % as %25: two groups
    never share an id.

    >>> finding_id("run", "TAV", "performance", "accuracy", groups={"accent": "Scottish"})
    'run/TAV/performance/accuracy/accent=Scottish'
    >>> finding_id("run", "TAV", "performance", "accuracy", groups={"accent": "N/A"})
    'run/TAV/performance/accuracy/accent=N%2FA'
    """
    named = [f"{_escaped(feature)}={_escaped(level)}" for feature, level in (groups or {}).items()]
    between = [f"between {' x '.join(map(_escaped, compared))}"] if compared else []
    return "/".join([*parts, *named, *between])


def _escaped(text: str) -> str:
    escaped = text.replace("%", "%25").replace("/", "%2F").replace("=", "%3D")
    return escaped.replace(" x ", "%20x%20")


def pending(estimate: Estimate) -> tuple[Verdict, str | None]:
    """Return the verdict of a finding that no criterion binds: informative, or inconclusive and why."""
    if estimate.interval is None:
        return Verdict.INCONCLUSIVE, estimate.why_no_interval
    return Verdict.INFORMATIVE, None


def _without(case: Case, refused: Sequence[Refusal]) -> Case:
    """Return the case of the runs that were not refused."""
    names = {refusal.run for refusal in refused}
    return replace(case, runs={name: run for name, run in case.runs.items() if name not in names})


def _has(case: Case, run: Predictions, access: Access) -> bool:
    live = case.live.get(run.run)
    answers: dict[str, Callable[[], bool]] = {
        "table": lambda: True,
        "labels": lambda: run.labelled or run.task is Task.TRANSCRIPTION,
        "dimensions": lambda: bool(run.dimensions),
        "probabilities": lambda: any(column.startswith("prob_") for column in run.columns),
        "soft labels": lambda: any(column.startswith("soft_") for column in run.columns),
        "several conditions": lambda: len(run.conditions) > 1,
        "seven conditions": lambda: _seven(run.conditions),
        "rationales": lambda: "rationale" in run.columns,
        "corpus": lambda: live is not None,
    }
    if access in OFFERS:
        return live is not None and access in live.offers
    return answers[access]()


def _seven(conditions: Sequence[str]) -> bool:
    from affidavit.conditions import modality_subsets

    return {str(condition) for condition in modality_subsets()} <= set(conditions)


_REMEDIES: Final[Mapping[str, str]] = {
    "table": "give a predictions table",
    "labels": "add the reference label of each utterance as y_true, or keep to what needs no labels",
    "probabilities": "ask the supplier for prob_<label> of each label",
    "soft labels": "add soft_<label>, the share of annotators who gave the label",
    "dimensions": "add true_<dimension> beside pred_<dimension> (valence, arousal); what nobody rated may stay empty",
    "several conditions": "ask the supplier to judge the same utterances again with a modality removed, and to name "
    "what was shown in a column `condition`",
    "seven conditions": "ask the supplier to judge the same utterances under T, A, V, TA, TV, AV and TAV",
    "rationales": "ask the supplier for the rationale of each judgement in a column `rationale`",
    "corpus": "name corpus and reasoner in the plan, so that the reasoner judges here; a table brings judgements only",
    "callable": "name the reasoner in the plan, so that it can be asked again",
    "logits": "name a reasoner whose scores can be read",
    "gradients": "name a reasoner whose gradients can be read",
    "losses": "name a reasoner that opens with its losses, such as instructed",
}
