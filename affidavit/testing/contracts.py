"""What every implementation behind a door must do, ours and a plugin's alike.

These are the laws that can be checked from outside: an examination refuses before it computes, never returns NaN,
gives the same answer for the same seed, drops no group, and declares its metrics; a renderer is a pure function.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from affidavit.corpus import Corpus
from affidavit.examinations import ACCESS, Testimony
from affidavit.live import OFFERS, Openable
from affidavit.plan import AuditPlan, RunSource
from affidavit.predictions import Predictions, Reading
from affidavit.protocols import CorpusLoader, Examination, Reasoner, Renderer, silent
from affidavit.records import Finding
from affidavit.report import AuditReport
from affidavit.testing.tables import case_of, predictions_frame, small_report


def _require(condition: object, message: str) -> None:
    """Raise in a way that survives `python -O`, unlike a bare assert in a library."""
    if not condition:
        raise AssertionError(message)


class ExaminationContract:
    """Inherit and set `examination`; override `make_case` where it needs another table."""

    examination: ClassVar[Examination]

    def make_case(self) -> Any:  # noqa: ANN401 - a Case; subclasses may narrow it
        """Return a case that the examination can answer."""
        return case_of(predictions_frame())

    def _testimony(self) -> Testimony:
        case = self.make_case()
        refusal = self.examination.refuses(case)
        _require(refusal is None, f"refused a case it should answer: {refusal}")
        return self.examination.examine(case)

    def _findings(self) -> list[Finding]:
        return [claim.finding for claim in self._testimony().claims]

    def test_satisfies_the_protocol(self) -> None:
        """It has a name, a version, declared access and metrics."""
        _require(isinstance(self.examination, Examination), "does not satisfy affidavit.protocols.Examination")
        _require(set(self.examination.access) <= set(ACCESS), f"unknown access in {self.examination.access}")

    def test_refuses_an_empty_case(self) -> None:
        """Without a table it refuses and says what would help, and does not raise."""
        case = case_of(predictions_frame()[["utterance_id", "y_pred"]].drop_duplicates("utterance_id"), by=())
        if set(self.examination.access) & {"labels", "rationales", "several conditions", "seven conditions"}:
            refusal = self.examination.refuses(case)
            _require(refusal is not None and refusal.remedy, "answered without what it declares to need")

    def test_finds_something(self) -> None:
        """A case it accepts gets at least one finding, each under a declared metric."""
        findings = self._findings()
        _require(findings, "no findings")
        undeclared = {finding.metric for finding in findings} - set(self.examination.metrics)
        _require(not undeclared, f"metrics that were not declared: {sorted(undeclared)}")

    def test_ids_are_unique(self) -> None:
        """Two findings never share an id."""
        ids = [finding.id for finding in self._findings()]
        _require(len(ids) == len(set(ids)), "two findings share an id")

    def test_names_its_source(self) -> None:
        """Every finding says where its number comes from."""
        _require(all(finding.source for finding in self._findings()), "a finding without source")

    def test_gives_the_same_answer_twice(self) -> None:
        """The same case and seed give the same findings, bit for bit."""
        first, second = self._findings(), self._findings()
        _require(first == second, "two runs of the same case differ")

    def test_drops_no_group(self) -> None:
        """Every group of a feature that it reports at all is there."""
        case = self.make_case()
        findings = [claim.finding for claim in self.examination.examine(case).claims]
        for run in case.runs.values():
            for feature in case.by:
                seen = {f.groups[feature] for f in findings if set(f.groups) == {feature} and f.run == run.run}
                _require(not seen or seen == set(run.levels[f"group_{feature}"]), f"a level of {feature} is missing")

    def test_intervals_can_be_widened(self) -> None:
        """The interval at a higher level contains the one at a lower level, where both exist."""
        for claim in self._testimony().claims:
            if claim.interval_at is None:
                continue
            narrow, wide = claim.interval_at(0.9), claim.interval_at(0.999)
            if isinstance(narrow, str) or isinstance(wide, str):
                continue
            slack = 0.02  # the methods may differ between the two levels
            _require(
                wide.low <= narrow.low + slack and wide.high >= narrow.high - slack,
                f"{claim.finding.id}: {narrow} is not inside {wide}",
            )


class RendererContract:
    """Inherit and set `renderer`."""

    renderer: ClassVar[Renderer]

    def make_report(self) -> AuditReport:
        """Return a report to render."""
        return small_report()

    def test_is_pure(self) -> None:
        """The same report gives the same bytes, and is not changed."""
        report = self.make_report()
        before = report.to_json()
        first, second = self.renderer.render(report), self.renderer.render(report)
        _require(first == second and first, "two renderings of one report differ")
        _require(report.to_json() == before, "rendering changed the report")

    def test_names_the_digest(self) -> None:
        """A document says which report it shows."""
        report = self.make_report()
        _require(
            report.claims_digest.encode() in self.renderer.render(report), "the claims digest is not in the document"
        )


class CorpusLoaderContract:
    """Inherit and set `loader` and `options`."""

    loader: ClassVar[CorpusLoader]
    options: ClassVar[dict[str, Any]]
    folder: ClassVar[Path] = Path()

    def test_loads_twice_the_same(self) -> None:
        """Two loads give the same digest and utterances with distinct ids."""
        first, second = (self.loader.load(self.options, folder=self.folder, progress=silent) for _ in range(2))
        ids = [utterance.utterance_id for utterance in first.utterances]
        _require(first.digest == second.digest, "two loads differ")
        _require(ids and len(ids) == len(set(ids)), "no utterances, or two with the same id")
        _require(first.licence, "no licence is named")


class ReasonerContract:
    """Inherit and set `reasoner` and its `options`; override `make_corpus` where it judges one."""

    reasoner: ClassVar[Reasoner]
    options: ClassVar[dict[str, Any]] = {}

    def make_corpus(self) -> Corpus | None:
        """Return what is judged; None for a reasoner that draws its own."""
        return None

    def _judge(self) -> Predictions:
        plan = AuditPlan(runs={"run": RunSource(table="none")})
        reading = Reading(run="run", by=plan.by)
        rng = np.random.default_rng(0)
        return self.reasoner.judge(self.make_corpus(), self.options, reading=reading, rng=rng, progress=silent)

    def test_judges_the_same_from_the_same_seed(self) -> None:
        """The same seed gives the same table."""
        _require(self._judge().digest == self._judge().digest, "two runs from one seed differ")

    def test_says_whose_weights_judged(self) -> None:
        """Every table names the models behind it, and no place on this machine."""
        models = self._judge().models
        _require(models, "no model is named (Predictions.models)")
        placed = [model.source for model in models if Path(model.source).is_absolute()]
        _require(not placed, f"a source tells where on this machine weights lie: {placed}")

    def test_offers_what_there_is(self) -> None:
        """A reasoner that opens says what it offers, and offers nothing that nobody asks for."""
        if isinstance(self.reasoner, Openable):
            strange = self.reasoner.offers - OFFERS
            _require(not strange, f"offers {sorted(strange)}; allowed: {sorted(OFFERS)}")
        else:
            _require(not hasattr(self.reasoner, "opened"), "opened() without `offers` is never called")
