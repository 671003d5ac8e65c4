"""An explanation of what was learnt falls with it, one of the input does not; and each number is its definition's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from affidavit.case import Case
from affidavit.records import Finding
from affidavit.testing import ExaminationContract
from faithfulness.attribution.drawing import draw_for
from faithfulness.attribution.examination import AttributionOptions
from faithfulness.sanity.examination import EXAMINATION, NAME, options_of
from faithfulness.sanity.options import SanityOptions
from faithfulness.sanity.study import rank_correlation

pytestmark = pytest.mark.skipif(find_spec("captum") is None, reason="needs captum, of the extra explain")
Made = Callable[..., Case]


def findings_of(case: Case) -> dict[tuple[str, str], Finding]:
    refusal = EXAMINATION.refuses(case)
    assert refusal is None, refusal
    found = [claim.finding for claim in EXAMINATION.examine(case).claims]
    return {(f.metric, ", ".join(f.groups.values())): f for f in found if f.compared is None}


@pytest.fixture(scope="module")
def learnt(judging_case: Made) -> dict[tuple[str, str], Finding]:
    return findings_of(judging_case(n_units=12))


def value(found: dict[tuple[str, str], Finding], metric: str, group: str = "") -> float:
    told = found[metric, group].estimate.value
    assert told is not None
    return told


def test_what_was_learnt_is_lost_with_the_parameters_and_what_was_not_stays(judging_case: Made, learnt: Any) -> None:
    unmoved = findings_of(judging_case("unmoved"))
    fallen = learnt["randomisation_rank_correlation", ""].estimate.interval
    assert fallen is not None
    assert fallen.low < 0 < fallen.high or fallen.high < 0.4
    assert value(unmoved, "randomisation_rank_correlation") == pytest.approx(1)
    assert value(unmoved, "randomisation_rank_correlation_absolute") == pytest.approx(1)
    assert abs(value(learnt, "randomisation_rank_correlation_random")) < 0.3


def test_the_parameters_are_what_they_were_afterwards(judging_case: Made) -> None:
    case = judging_case()
    net: Any = case.live["run"].reasoner().net  # type: ignore[attr-defined]
    before = {name: tensor.clone() for name, tensor in net.named_parameters()}
    EXAMINATION.examine(case)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.named_parameters())


def test_every_part_has_a_row_of_the_exhibit(judging_case: Made) -> None:
    tables = {table.id: table.values for table in EXAMINATION.examine(judging_case()).exhibits}
    assert [name.split(",")[1].split()[0] for name in tables["attribution-randomisation"]["condition"]] == [
        *("outer", "outer"),
        *("inner", "inner"),
    ]
    assert {"infidelity_normalised_constant", "max_sensitivity_random"} <= set(
        tables["attribution-sanity-measures"]["metric"]
    )


def test_attributions_foretell_removals_better_than_random_and_constant_ones(learnt: Any) -> None:
    plain, random, constant = (
        value(learnt, f"infidelity_unexplained{ending}") for ending in ("", "_random", "_constant")
    )
    assert plain < 0.5 < min(random, constant)
    assert value(learnt, "infidelity") < value(learnt, "infidelity_random")
    assert learnt["infidelity_unexplained", "Irish"].controls is not None


def test_of_a_sum_every_removal_is_foretold_and_noise_moves_little(judging_case: Made) -> None:
    found = findings_of(judging_case("unmoved", options={"method": "integrated-gradients"}))
    assert value(found, "infidelity_unexplained") == pytest.approx(0, abs=1e-6)
    assert value(found, "infidelity") == pytest.approx(0, abs=1e-6)
    assert 0 < value(found, "max_sensitivity") < 0.05
    assert value(found, "unconverged_rate") == 0


def adding(noise: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Captum reads how many arguments it takes."""
    return lambda x: x + noise


def test_infidelity_and_sensitivity_are_captums(judging_case: Made) -> None:
    from captum.attr import IntegratedGradients
    from captum.metrics import infidelity, sensitivity_max

    from affidavit.seeds import seed_of

    case = judging_case(n_units=4, options={"method": "integrated-gradients"})
    found, who = findings_of(case), case.live["run"].reasoner()
    drawn = draw_for(case, "run", options_of(case), examination=NAME)
    method, foretold, moved = IntegratedGradients(who.net), [], []
    for name, answer in zip(drawn.utterance_ids, drawn.answers, strict=True):
        x, target = torch.tensor([who.values[name]]), ("fear", "joy").index(answer)
        seed = seed_of(seed_of(case.book.seed, NAME, "run"), name)
        removed = torch.from_numpy(np.random.default_rng(seed_of(seed, "removals")).random((64, 12)) < 0.5)
        values = method.attribute(x, target=target, n_steps=32)
        foretold.append(
            infidelity(
                who.net,
                lambda inputs, out=removed: (out.float(), torch.where(out, 0.0, inputs)),
                x,
                values,
                target=target,
                n_perturb_samples=64,
            ).item()
        )
        reach = 0.02 * float(x.abs().max())
        rng = np.random.default_rng(seed_of(seed, "noise"))
        noise = torch.from_numpy(np.concatenate([rng.uniform(-reach, reach, (1, 12)) for _ in range(5)])).float()
        moved.append(
            sensitivity_max(method.attribute, x, adding(noise), n_perturb_samples=5, target=target, n_steps=32).item()
        )
    assert value(found, "infidelity") == pytest.approx(np.mean(foretold), rel=1e-3)
    assert value(found, "max_sensitivity") == pytest.approx(np.mean(moved), rel=1e-3)


def test_a_method_that_draws_is_asked_under_two_seeds_and_another_is_not(judging_case: Made, learnt: Any) -> None:
    options = {"method": "kernel-shap", "n_samples": 64, "n_removals": 16, "n_noises": 1}
    drawing = findings_of(judging_case(n_units=4, options=options))
    assert 0.2 < value(drawing, "seed_rank_correlation") < 1
    assert ("seed_rank_correlation", "") not in learnt
    assert any("draws nothing" in caveat for caveat in learnt["infidelity", ""].caveats)


def test_what_is_checked_is_what_is_told() -> None:
    assert SanityOptions().method == AttributionOptions().method


def test_a_large_reasoner_is_refused_before_it_is_asked(judging_case: Made) -> None:
    (refusal,) = EXAMINATION.examine(judging_case(options={"most_parameters": 100})).refusals
    assert "242 parameters" in refusal.because
    assert "most_parameters: 1000" in refusal.remedy
    assert not EXAMINATION.examine(judging_case(options={"most_parameters": 242, "most_utterances": 1})).refusals


def test_rank_correlation_has_no_value_where_there_is_no_order() -> None:
    assert np.isnan(rank_correlation(np.ones(4), np.arange(4.0)))
    assert rank_correlation(np.arange(4.0), -np.arange(4.0)) == -1


def test_it_refuses_a_table(judging_case: Made) -> None:
    refusal = EXAMINATION.refuses(replace(judging_case(), live={}))
    assert refusal is not None
    assert refusal.remedy


@pytest.mark.parametrize("check", sorted(name for name in dir(ExaminationContract) if name.startswith("test_")))
def test_it_keeps_the_contract(check: str, judging_case: Made) -> None:
    class Contract(ExaminationContract):
        examination = EXAMINATION

        def make_case(self) -> Case:
            return judging_case(n_units=5, options={"n_steps": 8, "n_noises": 2, "n_removals": 16})

    getattr(Contract(), check)()
