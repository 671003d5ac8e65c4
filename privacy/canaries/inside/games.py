"""Steps of a private training, taken again with canaries: what each step released, who was in it, how far each reached.

Three games, all played by `privacy.dpsgd.course.Course`, which is what trains:

- single steps over everybody, each canary in or out by a coin of its own and of that step: what the noise hides;
- one run of steps that sample as the training does, each canary in or out of the whole run by one coin: what the run
  gives away, and who was drawn;
- every unit alone, without noise: how far it moves a sum.

What patients added is known to the auditor, and taken off before anything is scored: the scores tell of the mechanism,
and not of the patients. Nothing that is taught stays in the model. All draws are from a seed, so that an audit can be
repeated; whether the secret source of a real training is as good is not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from affidavit.corpus import Corpus
from affidavit.protocols import Progress, Trainable, silent
from affidavit.seeds import seed_of
from affidavit.utterances import Utterance
from privacy.canaries.gradient import CanaryTrials
from privacy.canaries.inside.planted import Axis, CanaryLosses, Watched, axes_of, canary_turns
from privacy.dpsgd.accounts import Simulated
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import UnitGradients, trained_parameters, unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.passes import Way
from privacy.dpsgd.randomness import Source, simulated_source
from privacy.dpsgd.units import ProtectedUnit, parts_of

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
COORDINATES: Final = 4096
"""Coordinates of which the noise is looked at in each step, spread over all parameters."""
CLIPS: Final = 4
"""Of a canary patient, where the patient is the unit: they agree, so that clipping each for itself would show."""
CANARIES_ALONE: Final = 8
"""Canary patients whose reach is measured beside that of the patients."""


def units_of(corpus: Corpus, options: PrivateOptions) -> Sequence[ProtectedUnit]:
    """Return the units of a training over a whole corpus, nobody held out."""
    return parts_of(corpus, options.model_copy(update={"held_out": 0.0})).units


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """What takes the steps; the defaults are what trains, and others are put in their place to be caught."""

    reasoner: Trainable
    options: PrivateOptions
    noise_multiplier: float
    """What a step is told to add, of the gradients and of the count of adaptive clipping together."""
    way: Way = "loop"
    units: Callable[[Corpus, PrivateOptions], Sequence[ProtectedUnit]] = units_of
    source: Callable[[np.random.Generator], Source] = simulated_source
    gradients: Callable[[Way, Trainable], UnitGradients] = unit_gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How much is played."""

    canaries: int
    single_steps: int
    run_steps: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observed:
    """What was seen."""

    single: CanaryTrials
    """Of single steps: one trial for each canary and step."""
    run: CanaryTrials
    """Of one run: one score a canary, summed over its steps."""
    noise: FloatArray
    """`[steps, coordinates]`: what was released less what was summed, in clip norms."""
    drawn: BoolArray
    """`[run_steps, N]`: who was in which step of the run, patients and planted canaries alike."""
    reach: FloatArray
    """How far each claimed unit moves a sum alone, in clip norms: patients, then canaries."""
    n_patients: int
    n_trained: int
    """Coordinates of what is trained."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """Who takes part, and where to look."""

    mechanism: Mechanism
    watched: Watched
    patients: tuple[ProtectedUnit, ...]
    canaries: tuple[tuple[ProtectedUnit, ...], ...]
    """The units of each canary patient."""
    axes: tuple[Axis, ...]
    looked_at: tuple[Axis, ...]
    seed: int
    progress: Progress = field(default=silent)

    def rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng(seed_of(self.seed, what))

    def course(self, *, options: PrivateOptions, n_units: float) -> Course:
        mechanism = self.mechanism
        plan = Plan(
            options=options,
            noise_multiplier=mechanism.noise_multiplier,
            expected=max(1.0, options.sample_rate * n_units),
            digest="",
        )
        return Course(
            reasoner=mechanism.reasoner, gradients=self.watched, account=Simulated(), plan=plan, progress=silent
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Released:
    """What one step released, in clip norms."""

    scores: FloatArray
    """Along each canary's axis, less what patients added."""
    noise: FloatArray
    """At the coordinates that are looked at, less what everybody added."""


def observe(mechanism: Mechanism, people: Corpus, asked: Asked, *, progress: Progress = silent) -> Observed:
    """Play the three games; the model is afterwards what it was.

    Raises:
        PlanError: the model's gradients cannot be told apart by the way that is named, or labels are outside the space.
    """
    reasoner, options = mechanism.reasoner, mechanism.options
    parameters = trained_parameters(reasoner)
    rng = np.random.default_rng(seed_of(asked.seed, "axes"))
    axes = axes_of(parameters, asked.canaries, rng=rng)
    clips = min(CLIPS, options.max_turns_per_patient) if options.unit == "patient" else 1
    patients, canaries = _dealt(mechanism, people, n_canaries=len(axes), clips=clips)
    owners = {own[0].pieces[0][0].unit: axis for own, axis in zip(canaries, axes, strict=True)}
    reasoner.prepare([turn for unit in patients for piece in unit.pieces for turn in piece], progress=progress)
    with _unchanged(reasoner):
        watched = Watched(mechanism.gradients(mechanism.way, reasoner), CanaryLosses(reasoner, owners))
        table = _Table(
            mechanism=mechanism,
            watched=watched,
            patients=patients,
            canaries=canaries,
            axes=axes,
            looked_at=_spread([value.numel() for value in parameters], rng),
            seed=asked.seed,
            progress=progress,
        )
        try:
            single, noise = _single_steps(table, asked.single_steps)
            run, drawn, more_noise = _one_run(table, asked.run_steps)
            reach = _reach(table)
        finally:
            watched.close()
    return Observed(
        single=single,
        run=run,
        noise=np.concatenate([noise, more_noise]),
        drawn=drawn,
        reach=reach,
        n_patients=len({unit.pieces[0][0].unit for unit in patients}),
        n_trained=sum(value.numel() for value in parameters),
    )


def _dealt(
    mechanism: Mechanism, people: Corpus, *, n_canaries: int, clips: int
) -> tuple[tuple[ProtectedUnit, ...], tuple[tuple[ProtectedUnit, ...], ...]]:
    """Return patients and canaries as the trainer cuts both into units."""
    label = next(iter(people.label_space), None)
    taken = frozenset(turn.unit for turn in people.utterances)
    turns = canary_turns(n_canaries, clips=clips, label=label, taken=taken)
    everybody = Corpus(
        name=people.name,
        utterances=[*people.utterances, *(turn for own in turns for turn in own)],
        digest=people.digest,
        licence=people.licence,
        label_space=people.label_space,
    )
    found: dict[str, list[ProtectedUnit]] = {}
    for unit in mechanism.units(everybody, mechanism.options):
        found.setdefault(unit.pieces[0][0].unit, []).append(unit)
    names = [own[0].unit for own in turns]
    patients = tuple(unit for name, own in found.items() if name not in set(names) for unit in own)
    return patients, tuple(tuple(found[name]) for name in names)


@contextmanager
def _unchanged(reasoner: Trainable) -> Iterator[None]:
    """Put back the parameters, the mode of the model and torch's generator."""
    before = [value.detach().clone() for value in trained_parameters(reasoner)]
    was_training = bool(reasoner.module.training)
    with torch.random.fork_rng(devices=[]):
        reasoner.module.train()
        try:
            yield
        finally:
            _put_back(reasoner, before)
            reasoner.module.train(was_training)


def _put_back(reasoner: Trainable, values: Sequence[torch.Tensor]) -> None:
    with torch.no_grad():
        for parameter, value in zip(trained_parameters(reasoner), values, strict=True):
            parameter.copy_(value)
            parameter.grad = None


def _spread(sizes: Sequence[int], rng: np.random.Generator) -> tuple[Axis, ...]:
    """Return coordinates of every parameter, so that one without noise is not missed for being small."""
    most = max(1, COORDINATES // len(sizes))
    return tuple(
        Axis(parameter=p, place=int(at))
        for p, size in enumerate(sizes)
        for at in rng.choice(size, min(most, size), replace=False)
    )


def _single_steps(table: _Table, n_steps: int) -> tuple[CanaryTrials, FloatArray]:
    """Play single steps over everybody: the canary is put in by the audit, and not by the sampler."""
    options = table.mechanism.options.model_copy(update={"sample_rate": 1.0})
    course = table.course(options=options, n_units=len(table.patients) + len(table.canaries) / 2)
    coins, source = table.rng("coins of steps"), table.mechanism.source(table.rng("single steps"))
    included, scores, noise = list[BoolArray](), list[FloatArray](), list[FloatArray]()
    for done in range(1, n_steps + 1):
        heads = coins.random(len(table.canaries)) < 0.5
        units = [*table.patients, *(unit for i in np.flatnonzero(heads) for unit in table.canaries[i])]
        released = _stepped(table, course, units, source)
        included.append(heads)
        scores.append(released.scores)
        noise.append(released.noise)
        table.progress("auditing single steps", done, n_steps)
    trials = CanaryTrials(scores=np.concatenate(scores), included=np.concatenate(included))
    return trials, np.stack(noise)


def _one_run(table: _Table, n_steps: int) -> tuple[CanaryTrials, BoolArray, FloatArray]:
    """Play one run of steps that sample as the training does."""
    heads = table.rng("coins of the run").random(len(table.canaries)) < 0.5
    units = [*table.patients, *(unit for i in np.flatnonzero(heads) for unit in table.canaries[i])]
    place = {turn.utterance_id: at for at, unit in enumerate(units) for piece in unit.pieces for turn in piece}
    course = table.course(options=table.mechanism.options, n_units=len(units))
    source = table.mechanism.source(table.rng("one run"))
    drawn = np.zeros((n_steps, len(units)), dtype=bool)
    total, noise = np.zeros(len(table.canaries)), list[FloatArray]()
    for step in range(n_steps):
        released = _stepped(table, course, units, source)
        drawn[step, [place[name] for name in table.watched.met]] = True
        total += released.scores
        noise.append(released.noise)
        table.progress("auditing a run of steps", step + 1, n_steps)
    return CanaryTrials(scores=total, included=heads), drawn, np.stack(noise)


def _stepped(table: _Table, course: Course, units: Sequence[ProtectedUnit], source: Source) -> _Released:
    """Take one step, and return what it released: the gradients that the optimiser is handed."""
    taken: list[list[torch.Tensor]] = []

    def look(*_: object) -> None:
        taken.append(
            [parameter.grad.detach().double() for parameter in course.parameters if parameter.grad is not None]
        )

    table.watched.forget()
    clip_norm, expected = course.clip_norm, course.plan.expected
    hook = course.optimizer.register_step_pre_hook(look)
    try:
        course.step(units, source)
    finally:
        hook.remove()
    (released,) = taken
    patients, everybody = table.watched.patients, table.watched.everybody
    return _Released(
        scores=_less(released, patients, table.axes, expected) / clip_norm,
        noise=_less(released, everybody, table.looked_at, expected) / clip_norm,
    )


def _less(
    released: Sequence[torch.Tensor], known: Sequence[torch.Tensor], axes: Sequence[Axis], expected: float
) -> FloatArray:
    """Return what was released beyond what is known, at some coordinates."""
    found = np.empty(len(axes))
    places: dict[int, list[int]] = {}
    for at, axis in enumerate(axes):
        places.setdefault(axis.parameter, []).append(at)
    for parameter, own in places.items():
        told = torch.tensor([axes[i].place for i in own], device=released[parameter].device)
        apart = expected * released[parameter].reshape(-1)[told] - known[parameter].reshape(-1)[told]
        found[own] = apart.cpu().numpy()
    return found


def _reach(table: _Table) -> FloatArray:
    """Return how far each claimed unit moves a sum alone, by the trainer's own sum: patients, then canaries."""
    options = table.mechanism.options
    course = table.course(options=options, n_units=1.0)
    source = table.mechanism.source(table.rng("alone"))
    found = []
    canaries = [unit for own in table.canaries[:CANARIES_ALONE] for unit in own]
    for claimed in _claimed([*table.patients, *canaries], unit=options.unit):
        table.watched.forget()
        summed = course.summed([unit.drawn(source) for unit in claimed], source)
        squares = [float((total.double() ** 2).sum()) for total in summed.sums]
        found.append(float(np.sqrt(sum(squares))) / course.clip_norm)
    return np.array(found)


def _claimed(units: Sequence[ProtectedUnit], *, unit: str) -> list[list[ProtectedUnit]]:
    """Return the units together that the training claims to be one."""
    if unit != "patient":
        return [[one] for one in units]
    own: dict[str, list[ProtectedUnit]] = {}
    for one in units:
        own.setdefault(_owner(one.pieces), []).append(one)
    return list(own.values())


def _owner(pieces: Sequence[Sequence[Utterance]]) -> str:
    return pieces[0][0].unit
