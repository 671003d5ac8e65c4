"""Through which modality does a gap come? Exact Shapley shares of the difference between groups, and costs of removal.

The model's accuracy (and average recall) under each set of modalities makes a game whose players are the modalities; on
nobody's side stands the commonest label of everybody, which needs no modality (labels about as common share the
guess). The difference between two groups is a game too, and v(all) - v(none) is shared out exactly: share of m = sum
over S without m of |S|! (k - |S| - 1)! / k! (v(S + m) - v(S)), with its sign. What is left, v(none), is borne by the
balance of labels alone. A share says what the answers owe to a modality in this game, not why; correlated modalities
share credit.

Shares are told between the groups that are highest and lowest with all modalities, and, where there are more than two,
of every group against everybody else. All intervals of a family hold at once over pairs of groups and modalities, so
the pair that was picked is covered too, and its estimates stand beside what picking gives by chance alone. Shares are
linear in the groups' values: unlike a widest gap they are not biased upwards, but the picked pair's are.

Only utterances judged under every set of the modalities take part; the others are counted. Modalities are those that
any condition without an operator shows, or those named in the option `modalities`. The option `metrics` names what is
shared out, `accuracy` and `unweighted_average_recall`; hypotheses are tested in the first of them.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place
from affidavit.conditions import MODALITIES
from affidavit.confusion import FloatArray
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Record, Refusal
from audit.conditions.paired_judgements import paired_judgements, refused_for_size
from audit.conditions.paired_statistics import METRICS, Metric
from audit.modalities.claims import cost_claims, others_claims, pair_claims
from audit.modalities.exhibits import Row, contribution_rows, exhibits, gap_rows, part_rows
from audit.modalities.game import Game, constant_guess, plain_conditions, players_of
from audit.modalities.study import Study, parts_of

NAME: Final = "modality-disparity"
VERSION: Final = "1"
Modality = Literal["text", "audio", "video"]


class ModalityOptions(Record):
    """The options of this examination in a plan."""

    metrics: tuple[Metric, ...] = Field(default=METRICS, min_length=1)
    """What is shared out; hypotheses are tested in the first."""
    modalities: tuple[Modality, ...] | None = Field(default=None, min_length=1)
    """The players; every modality that a condition shows where absent."""
    most_rows: int = Field(default=5_000_000, ge=1)
    """A run with more rows is refused: pairing its utterances takes them all at once, some hundred bytes each."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run that lacks a set of the modalities, or is too large to be paired."""
    options = _options(case)
    (run,) = case.runs.values()
    players = players_of(run.conditions, options.modalities)
    if not players:
        return Refusal(
            examination=NAME,
            because="the table does not say which modalities the model was shown",
            remedy="ask the supplier to judge the same utterances under every set of modalities, and to name it in a "
            "column `condition`",
        )
    missing = [c for c in Game(players=players).conditions if c not in plain_conditions(run.conditions)]
    if missing:
        names = " and ".join(MODALITIES[letter] for letter in players)
        return Refusal(
            examination=NAME,
            because=f"of the sets of {names} it lacks {', '.join(missing)}",
            remedy="ask the supplier to judge the same utterances under these conditions too, or name fewer modalities "
            "in the option `modalities` of this examination",
        )
    return refused_for_size(run, options.most_rows, examination=NAME)


def examine(case: Case) -> Testimony:
    """Share out the difference between groups of every feature, in every run and metric."""
    claims: list[Claim] = []
    gaps: list[Row] = []
    contributions: list[Row] = []
    parts: list[Row] = []
    studies = [study for run in case.runs for study in _studies(case, run)]
    for done, study in enumerate(studies, start=1):
        for family in case.families:
            place, evidence = _place(study, family), study.evidence(family)
            contributions += contribution_rows(study, place, evidence)
            if len(family) > 1:  # intersections are in the exhibit: as findings they would bury the answer
                continue
            claims += cost_claims(study, place, evidence)
            if family:
                compared = parts_of(study, evidence)
                claims += pair_claims(study, place, compared)
                parts += part_rows(study, place, compared)
                gaps += gap_rows(study, place, evidence)
            if len(evidence.grouped.groups) > 2:
                claims += others_claims(study, place, evidence)
        case.progress("sharing gaps out between modalities", done, len(studies))
    return Testimony(claims=tuple(claims), exhibits=exhibits(gaps, contributions, parts))


def _studies(case: Case, run: str) -> list[Study]:
    options, predictions = _options(case), case.runs[run]
    game = Game(players=players_of(predictions.conditions, options.modalities))
    shown = [condition for condition in predictions.conditions if condition in game.conditions]
    paired = paired_judgements(predictions, case.by, shown)
    tally = paired.tally(game.conditions, name=game.full)
    everybody = tally.by(())
    guess = constant_guess(everybody.sums[:, : len(predictions.labels)], everybody.copies)
    return [
        Study(
            case=case,
            game=game,
            metric=metric,
            run=run,
            tally=tally,
            guess=guess,
            caveats=(*paired.left_out(game.conditions), *_guessed(guess, predictions.labels)),
            tested=metric == options.metrics[0],
        )
        for metric in options.metrics
    ]


def _guessed(guess: FloatArray, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to say where several labels are about as common."""
    shared = [label for label, share in zip(labels, guess, strict=True) if share > 0]
    if len(shared) < 2:
        return ()
    return (f"about as common, so that without any modality each is guessed as often: {', '.join(shared)}",)


def _place(study: Study, family: tuple[str, ...]) -> Place:
    return Place(
        examination=NAME,
        method_version=VERSION,
        run=study.run,
        condition=study.game.full,
        family=family,
        has_units=study.has_units,
        level=study.level,
    )


def _options(case: Case) -> ModalityOptions:
    return read_options(ModalityOptions, case.options, of=f"examination {NAME}")


def _metrics() -> frozenset[str]:
    kinds = ("difference_borne_by", "difference_change_without", "shortfall_borne_by", "cost_without")
    named = {f"{metric}_{kind}_{name}" for metric in METRICS for kind in kinds for name in MODALITIES.values()}
    totals = {f"{metric}_{kind}" for metric in METRICS for kind in ("difference_all_modalities", "shortfall")}
    balance = {"accuracy_difference_without_modalities", "accuracy_shortfall_without_modalities"}
    return frozenset(named | totals | balance)


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Modality-borne disparity",
    method_version=VERSION,
    access=("table", "labels"),
    metrics=_metrics(),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
