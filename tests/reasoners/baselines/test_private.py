"""Private training takes the baselines: each patient's gradient by hooks is that of training on the patient alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from affidavit.corpus import Corpus
from affidavit.splits import grouped
from privacy.dpsgd.gradients import HookGradients, LoopGradients
from reasoners.baselines.reasoner import BaselineReasoner

pytest.importorskip("opacus")


@pytest.mark.parametrize("words", ["encoder", "convolutions"])
@pytest.mark.parametrize("architecture", ["dialogue-rnn", "bc-lstm", "early-fusion"])
def test_hooks_find_each_patients_gradient(
    architecture: str, words: str, make_reasoner: Callable, make_corpus: Callable[..., Corpus]
) -> None:
    reasoner: BaselineReasoner = make_reasoner(architecture, words=words)
    units = list(grouped(make_corpus(3).utterances).values())
    for layer in reasoner.module.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    reasoner.module.train()
    alone = LoopGradients(reasoner).each(units, rng=np.random.default_rng(0))
    hooks = HookGradients(reasoner, "hooks")
    together = hooks.each(units, rng=np.random.default_rng(0))
    hooks.close()
    names = [name for name, value in reasoner.module.named_parameters() if value.requires_grad]
    assert len(names) == len(alone) == len(together)
    for name, one, other in zip(names, alone, together, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-6, msg=lambda said, name=name: f"{name}: {said}")
    assert all(float(value.abs().max()) > 0 for value in alone)
