"""What the judgement simulator is told: groups and their shares, accuracies, faults and their sizes.

Every fault is off by default: the defaults are the clean twin. Accuracy belongs to a cell (accent, age, sex) under a
condition: that condition's stated accuracy, less the cell's penalties for the modalities that the condition shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import log2
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from affidavit.conditions import AS_SUPPLIED, MODALITIES, Condition, modality_subsets
from affidavit.errors import RowError
from affidavit.records import Record
from affidavit.schema import UNKNOWN

FEATURES: Final = ("accent", "age", "sex")
LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
ACCENTS: Final = MappingProxyType({"northern": 0.4, "southern": 0.3, "coastal": 0.2, "highland": 0.1})
"""Made up: a disparity that was planted should be nobody's."""
AGES: Final = MappingProxyType({"18-34": 0.35, "35-54": 0.3, "55-74": 0.2, "75 and over": 0.15})
SEXES: Final = MappingProxyType({"female": 0.5, "male": 0.5})
ACCURACY: Final = MappingProxyType({"TAV": 0.72, "TA": 0.68, "TV": 0.66, "AV": 0.62, "T": 0.60, "A": 0.52, "V": 0.46})


def _equal_shares(levels: Any) -> Any:  # noqa: ANN401 - runs before validation
    if isinstance(levels, (list, tuple)):
        return dict.fromkeys(levels, 1.0)
    return _in_order(levels) if isinstance(levels, Mapping) else levels


def _in_order(levels: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a mapping in an order of its own, made-up names first: people are drawn in it, and a report keeps none."""
    made_up = [*ACCENTS, *AGES, *SEXES]

    def place(level: object) -> tuple[int, str]:
        return (made_up.index(level) if level in made_up else len(made_up)), str(level)

    return {level: levels[level] for level in sorted(levels, key=place)}


def _levels(levels: Mapping[str, float]) -> Mapping[str, float]:
    if not levels or UNKNOWN in levels:
        raise ValueError(f"at least one level, and none called {UNKNOWN!r} (use missing)")
    return levels


def _canonical(conditions: tuple[str, ...]) -> tuple[str, ...]:
    try:
        canonical = tuple(str(Condition.parse(text)) for text in conditions)
    except RowError as error:
        raise ValueError(f"{error.what}; allowed: {error.allowed}") from None
    if AS_SUPPLIED in canonical or len(set(canonical)) < len(canonical):
        raise ValueError("conditions name their modalities, and each stands once")
    return canonical


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Levels = Annotated[Mapping[str, Positive], BeforeValidator(_equal_shares), AfterValidator(_levels)]
"""Level to share, divided by their sum; a list stands for equal shares, and its order for the order of the levels."""
Penalties = Mapping[str, Mapping[str, Mapping[str, Annotated[float, Field(ge=-1, le=1)]]]]


class Attractor(Record):
    """A group whose errors are drawn to one label: its accuracy stays, its selection rates move."""

    feature: str
    level: str
    label: str
    share: Share
    """Of the errors on utterances with another label."""


class UtteranceCounts(Record):
    """How many utterances a speaker has: n from `least` to `most`, with probability in proportion to n ** -tail."""

    least: int = Field(default=1, ge=1, le=10_000)
    most: int = Field(default=200, ge=1, le=10_000)
    tail: float = Field(default=1.0, ge=0, le=5)
    """0 is uniform, 1 log-uniform (each doubling as likely as the next), 2 many who say little and few who say much."""

    @model_validator(mode="after")
    def _in_order(self) -> UtteranceCounts:
        if self.least > self.most:
            raise ValueError("least: at most as large as most")
        return self

    def distribution(self) -> dict[int, float]:
        """Return each number of utterances with its probability."""
        return _distributed({n: float(n) ** -self.tail for n in range(self.least, self.most + 1)})


class SimulatorOptions(Record):
    """What a plan may say of the simulator; rates are probabilities from 0 to 1."""

    seed: int | None = Field(default=None, ge=0)
    """The plan's seed where absent."""
    reasoner: str = "simulated"
    labels: tuple[str, ...] = Field(default=LABELS, min_length=2)
    label_shares: Levels | None = None
    """Label to share; equal where absent."""
    accents: Levels = Field(default_factory=lambda: dict(ACCENTS))
    ages: Levels = Field(default_factory=lambda: dict(AGES))
    sexes: Levels = Field(default_factory=lambda: dict(SEXES))
    n_speakers: int = Field(default=240, ge=1, le=1_000_000)
    utterances_per_speaker: int = Field(default=20, ge=1, le=10_000)
    """The mean."""
    utterances_spread: int = Field(default=5, ge=0)
    """Each speaker has the mean plus or minus at most this many, uniformly."""
    utterance_counts: UtteranceCounts | None = None
    """Takes the place of that mean and spread where numbers of utterances differ widely."""
    loss_per_doubling: float = Field(default=0.0, ge=-1, le=1)
    """What a speaker's accuracy loses with each doubling of their number of utterances. It is taken around the mean of
    log2 of that number, so that the mean over speakers stays as stated and the share of right rows falls."""
    exact_shares: Literal["accent", "age", "sex"] | None = None
    """The feature whose levels have their shares of the speakers exactly (to the nearest speaker), not by chance."""
    conditions: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_canonical)] = tuple(
        str(condition) for condition in modality_subsets()
    )
    accuracy: Mapping[str, Share] = Field(default_factory=lambda: dict(ACCURACY))
    """Condition to accuracy before penalties; `TAV/noise=10dB` takes that of `TAV` where it has none of its own."""
    accuracy_penalty: Penalties = Field(default_factory=dict)
    """Feature to level to modality to loss: {accent: {highland: {audio: 0.15}}} costs 0.15 in A, TA, AV and TAV, and
    nothing in T, V and TV. Losses add up; a negative one is a gain."""
    icc: float = Field(default=0.1, ge=0, lt=1)
    """Intraclass correlation of right answers within a speaker under a condition: a speaker's accuracy is drawn from
    the beta distribution with the cell's accuracy as mean, and the same quantile under every condition."""
    confusion: Mapping[str, Mapping[str, Annotated[float, Field(ge=0)]]] = Field(default_factory=dict)
    """True label to wrong label to weight; errors spread evenly where a label is absent."""
    attractor: Attractor | None = None
    missing: Mapping[str, Share] = Field(default_factory=dict)
    """Feature to the share of speakers of whom it is not known; they keep the accuracy of their hidden level."""
    probabilities: bool = True
    """Whether there are prob_ columns. Confidence does not depend on whether the answer is right."""
    soft_labels: bool = False
    """Whether there are soft_ columns: shares of `annotators` votes, each for the true label with `agreement`."""
    annotators: int = Field(default=10, ge=1)
    agreement: Share = 0.7
    intensity: bool = True
    weights: bool = True
    """Whether there are weight_<modality> columns: they sum to one over the modalities shown."""
    rationales: bool = True
    absent_citation_share: Share = 0.0
    """A fault: the share of rationales, under conditions that lack a modality, that cite one of those they lack."""

    @property
    def levels(self) -> dict[str, dict[str, float]]:
        """Feature to level to share, shares summing to one."""
        return {feature: normalised(shares) for feature, shares in self._shares().items()}

    @property
    def label_distribution(self) -> dict[str, float]:
        """Label to share, in the order of `labels`."""
        shares = self.label_shares or dict.fromkeys(self.labels, 1.0)
        return normalised({label: shares.get(label, 0.0) for label in self.labels})

    @property
    def count_distribution(self) -> dict[int, float]:
        """Number of utterances of a speaker to its probability."""
        if self.utterance_counts is not None:
            return self.utterance_counts.distribution()
        mean, spread = self.utterances_per_speaker, self.utterances_spread
        return _distributed(dict.fromkeys(range(mean - spread, mean + spread + 1), 1.0))

    @property
    def mean_doublings(self) -> float:
        """The mean over speakers of log2 of their number of utterances."""
        return sum(share * log2(n) for n, share in self.count_distribution.items())

    @property
    def loss_by_row(self) -> float:
        """By how much the share of right rows falls behind the mean over speakers: the talkative bring more rows."""
        shares = self.count_distribution
        rows = sum(share * n for n, share in shares.items())
        doublings = sum(share * n * log2(n) for n, share in shares.items()) / rows
        return self.loss_per_doubling * (doublings - self.mean_doublings) if self.loss_per_doubling else 0.0

    def cell_accuracy(self, condition: str, cell: Mapping[str, str]) -> float:
        """Return the mean over speakers of the accuracy of a cell (a level for each feature) under a condition."""
        shown = {MODALITIES[letter] for letter in Condition.parse(condition).modalities}
        losses = (self.accuracy_penalty.get(feature, {}).get(level, {}) for feature, level in cell.items())
        lost = sum(loss for by in losses for modality, loss in by.items() if modality in shown)
        return round(self._stated(condition) - lost, 12)  # 0.3 less 0.1 less 0.2 is no accuracy below zero

    def cells(self) -> Iterator[dict[str, str]]:
        """Yield every combination of levels, the last feature varying fastest."""
        for combination in product(*self._shares().values()):
            yield dict(zip(FEATURES, combination, strict=True))

    def _shares(self) -> dict[str, Mapping[str, float]]:
        return dict(zip(FEATURES, (self.accents, self.ages, self.sexes), strict=True))

    def _stated(self, condition: str) -> float:
        plain = str(Condition(modalities=Condition.parse(condition).modalities))
        return self.accuracy[condition if condition in self.accuracy else plain]

    @model_validator(mode="after")
    def _names_exist(self) -> SimulatorOptions:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: a label stands twice")
        _known("label_shares", self.label_shares or {}, self.labels)
        _known("missing", self.missing, FEATURES)
        _known("accuracy_penalty", self.accuracy_penalty, FEATURES)
        for feature, by_level in self.accuracy_penalty.items():
            _known(f"accuracy_penalty.{feature}", by_level, self.levels[feature])
            for level, losses in by_level.items():
                _known(f"accuracy_penalty.{feature}.{level}", losses, MODALITIES.values())
        if self.attractor is not None:
            _known("attractor.feature", [self.attractor.feature], FEATURES)
            _known("attractor.level", [self.attractor.level], self.levels[self.attractor.feature])
            _known("attractor.label", [self.attractor.label], self.labels)
        return self

    @model_validator(mode="after")
    def _confusions_are_errors(self) -> SimulatorOptions:
        _known("confusion", self.confusion, self.labels)
        for label, weights in self.confusion.items():
            _known(f"confusion.{label}", weights, [other for other in self.labels if other != label])
            if not sum(weights.values()) > 0:
                raise ValueError(f"confusion.{label}: the weights sum to zero")
        return self

    @model_validator(mode="after")
    def _rates_are_possible(self) -> SimulatorOptions:
        if self.utterances_spread >= self.utterances_per_speaker:
            raise ValueError("utterances_spread: less than utterances_per_speaker, so that everybody has one")
        lost = self._losses_by_count()
        for condition in self.conditions:
            plain = str(Condition(modalities=Condition.parse(condition).modalities))
            _known("accuracy lacks", [] if condition in self.accuracy else [plain], self.accuracy)
            for cell in self.cells():
                if not 0 <= (rate := self.cell_accuracy(condition, cell)) <= 1:
                    raise ValueError(f"accuracy_penalty: {cell} under {condition} has accuracy {rate:g}, not 0 to 1")
                if not 0 <= rate - max(lost) <= rate - min(lost) <= 1:
                    raise ValueError(f"loss_per_doubling: takes {cell} under {condition} beyond 0 to 1")
        return self

    def _losses_by_count(self) -> tuple[float, float]:
        """Return what those with the fewest and the most utterances lose."""
        if not self.loss_per_doubling:
            return 0.0, 0.0
        counts, mean = self.count_distribution, self.mean_doublings
        least, most = (self.loss_per_doubling * (log2(n) - mean) for n in (min(counts), max(counts)))
        return least, most


def normalised(shares: Mapping[str, float]) -> dict[str, float]:
    """Return shares divided by their sum."""
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def _distributed(weights: Mapping[int, float]) -> dict[int, float]:
    total = sum(weights.values())
    return {n: weight / total for n, weight in weights.items()}


def _known(where: str, names: Any, allowed: Any) -> None:  # noqa: ANN401 - any collections of names
    if strange := [name for name in names if name not in allowed]:
        raise ValueError(f"{where}: {strange[0]!r} is none of {', '.join(allowed)}")
