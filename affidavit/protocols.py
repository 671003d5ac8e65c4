"""What the rooms and plugins look like to each other: one small protocol per door, and three of what a model allows.

Rooms never import each other. They meet here, and in the data of `affidavit.records` and `affidavit.predictions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from affidavit.case import Case
    from affidavit.corpus import Corpus
    from affidavit.examinations import Testimony
    from affidavit.plan import Execution
    from affidavit.predictions import Predictions, Reading
    from affidavit.records import Refusal
    from affidavit.report import AuditReport
    from affidavit.utterances import Judgement, Utterance

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much is done, and how much there is (None where nobody knows)."""


def silent(what: str, done: int, total: int | None) -> None:
    """Report progress to nobody."""


@runtime_checkable
class CorpusLoader(Protocol):
    """A door `corpora`: turns options (a path, a seed) into a corpus.

    One whose options are a `Record` names it as `options`: a plan is then held against it before anything is read.
    """

    name: str

    def load(self, options: Mapping[str, Any], *, folder: Path, progress: Progress) -> Corpus:
        """Load; relative paths in `options` start at `folder`."""


@runtime_checkable
class Reasoner(Protocol):
    """A door `reasoners`: judges a corpus, or brings judgements that were made elsewhere.

    A reasoner that is costly to ask sets `cache_version`, and changes it whenever its judgements would change: what it
    judged is then kept by the digest of all that went in (`affidavit.cache`).

    One that keeps each shard of a judging as it is finished, takes only its `own_part` of them and then calls
    `end_of_part` (`affidavit.engines`) says so by `judges_in_shards = True`: several processes can then judge.

    One whose options are a `Record` names it as `options`, and that of a new model as `new_options`.
    """

    name: str

    def judge(
        self,
        corpus: Corpus | None,
        options: Mapping[str, Any],
        *,
        reading: Reading,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Predictions:
        """Return the predictions, read as the plan says; `corpus` is None for a reasoner that draws its own."""


@runtime_checkable
class Learner(Protocol):
    """A reasoner behind the door that can be trained: it makes a new model for a corpus.

    It may offer `placed(options, folder)`, which makes relative paths absolute, and `model_digest(corpus, options)`,
    which stands for the options in the name of a training.
    """

    name: str

    def untrained(self, corpus: Corpus, options: Mapping[str, Any], *, seed: int, execution: Execution) -> Trainable:
        """Return a live model that nobody has trained yet, with the corpus's label space."""


@runtime_checkable
class Trainer(Protocol):
    """A door `trainers`: DP-SGD, federation, mitigation and GRPO are all trainers.

    One that spends people's privacy, and counts it in a ledger, says so by an attribute `spends_privacy` that is true,
    or by a method of that name that says it of a plan's options.
    """

    name: str

    def train(
        self,
        reasoner: Trainable,
        corpus: Corpus,
        options: Mapping[str, Any],
        *,
        folder: Path,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Trainable:
        """Fit the reasoner, leave its checkpoint in `folder`, and return it.

        Interrupted, it goes on from what it left there; `training_digest` among the options tells whether that was the
        same training, and ends up in the checkpoint's `card.json`.
        """


@runtime_checkable
class Examination(Protocol):
    """A door `examinations`: answers one question about a case, or says why it cannot."""

    name: str
    title: str
    method_version: str
    access: tuple[str, ...]
    """What it needs: of `affidavit.examinations.ACCESS`."""
    metrics: frozenset[str]

    def refuses(self, case: Case) -> Refusal | None:
        """Say, before anything is computed, why there will be no answer; None where there will be one."""

    def examine(self, case: Case) -> Testimony:
        """Return findings and exhibits; called only where `refuses` returned None."""


@runtime_checkable
class Release(Protocol):
    """A door `releases`: makes of a report what may leave the house."""

    name: str

    def release(self, report: AuditReport) -> AuditReport:
        """Return a report whose every exhibit is releasable."""


@runtime_checkable
class Renderer(Protocol):
    """A door `renderers`: a pure function from a report to the bytes of one document."""

    name: str
    suffix: str

    def render(self, report: AuditReport) -> bytes:
        """Return the document."""


@runtime_checkable
class Trainable(Protocol):
    """A live reasoner whose parameters can be fitted.

    It may carry `card`, how it was made; a trainer puts that into the checkpoint's card.

    Its law: the unit is dimension 0 of every trained layer, so that a row of `losses` depends on that unit alone.
    """

    module: Any
    """The `torch.nn.Module` that holds what is trained."""

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress) -> None:
        """Measure what the model takes in of these utterances, once."""

    def parameter_groups(self) -> Mapping[str, Sequence[Any]]:
        """Return the tensors that training may change: `new` ones and `pretrained` ones."""

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Any:  # noqa: ANN401 - a tensor
        """Return one differentiable loss per unit; what training draws at random comes from `rng`."""

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write a checkpoint that loads by path, with what is to be known of its training."""


@runtime_checkable
class Differentiable(Protocol):
    """A reasoner whose scores have gradients with respect to what it takes in."""

    def logits(self, utterances: Sequence[Utterance]) -> Any:  # noqa: ANN401 - a tensor, and the core knows no torch
        """Return scores before normalisation, one row per utterance, one column per label."""


@runtime_checkable
class ReadsRationales(Protocol):
    """A model that says with which label of a closed set a rationale concludes; it reads the rationale alone."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def digest(self) -> str:
        """Names it by its weights, so that nobody is judged by what rewarded them."""

    def concluded(self, rationales: Sequence[str | None], labels: Sequence[str]) -> Sequence[str | None]:
        """Return a label for each rationale, or None where it cannot tell."""


@runtime_checkable
class Ablatable(Protocol):
    """A reasoner that can be asked again with modalities taken away."""

    def judge_under(self, utterances: Sequence[Utterance], *, condition: str) -> Sequence[Judgement]:
        """Judge whole dialogues under a canonical condition such as `TA`, one judgement an utterance.

        The missing modality reaches no part of the model, and is missing from every turn of the dialogue.
        """
