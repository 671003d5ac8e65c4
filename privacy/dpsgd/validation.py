"""Whether each unit's gradient can be told apart in a model, and by which way; what is in the way is named.

Layers are looked at first, then a few units are sent through (`privacy.dpsgd.probe`). `auto` takes Opacus' hooks where
they tell the truth of this model and asks for one unit after the other where they do not; a model that keeps something
of the units beside its parameters is refused in any way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torch import nn

from affidavit.errors import PlanError
from affidavit.protocols import Trainable
from privacy.dpsgd.gradients import Row, trained_parameters
from privacy.dpsgd.options import Ways
from privacy.dpsgd.passes import Way
from privacy.dpsgd.probe import Fault, probed

_WHERE: Final = "trainer dp-sgd, model"
_FUSED: Final = (nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A way to gradients of single units."""

    way: Way
    because: str | None = None
    """Why it is not the one that is otherwise the fastest; nothing that was measured of anybody, for cards keep it."""


def chosen_way(asked: Ways, reasoner: Trainable, units: Sequence[Row], *, seed: int) -> Chosen:
    """Return a way that tells the truth of this model, tried on a few units.

    Raises:
        PlanError: the model keeps something of the units beside its parameters, or the way that was asked for does not
            tell their gradients apart.
    """
    for fault in (*faults_for_any_way(reasoner), *probed("loop", reasoner, units, seed=seed)):
        raise _refused(fault)
    if asked == "loop":
        return Chosen(way="loop")
    way: Way = "hooks" if asked == "auto" else asked
    found = next(iter(faults_for_hooks(reasoner)), None) or next(iter(probed(way, reasoner, units, seed=seed)), None)
    if found is None:
        return Chosen(way=way)
    if asked == "auto":
        return Chosen(way="loop", because=f"{found.what} (gradients: {way} is refused, and says where)")
    raise _refused(found)


def faults_for_any_way(reasoner: Trainable) -> Iterator[Fault]:
    """Yield what no way to gradients mends: nothing to train, batch norms that learn, attention that is another one."""
    own = {id(value) for value in reasoner.module.parameters()}
    trained = trained_parameters(reasoner)
    if not trained:
        yield Fault(what="nothing in the model can be trained", found="no parameter", remedy="unfreeze a part of it")
    if any(id(value) not in own for value in trained):
        yield Fault(
            what="training would change parameters that the module does not hold",
            found=f"{sum(id(value) not in own for value in trained)} of {len(trained)}",
            remedy="let `module` hold all that `parameter_groups` names",
        )
    for name, layer in reasoner.module.named_modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and _learns(layer):
            yield Fault(
                what="a batch norm learns from all units of a step together",
                found=f"{name} ({type(layer).__name__})",
                remedy="put a group norm in its place, or freeze it and keep it in eval mode",
            )
        if type(layer).__name__ == "DPMultiheadAttention" and getattr(layer, "batch_first", False):
            yield Fault(
                what="Opacus' attention computes something else than torch's where the batch comes first",
                found=f"{name} (opacus.layers.DPMultiheadAttention, batch_first=True)",
                remedy="write attention as four nn.Linear and scaled_dot_product_attention",
            )


def faults_for_hooks(reasoner: Trainable) -> Iterator[Fault]:
    """Yield layers that keep several projections in one parameter, which Opacus' hooks do not know."""
    for name, layer in reasoner.module.named_modules():
        if isinstance(layer, _FUSED) and _learns(layer):
            yield Fault(
                what="Opacus has no formula for the gradients of single units in this layer",
                found=f"{name} ({type(layer).__name__})",
                remedy="write gradients: loop, or put layers of nn.Linear in its place",
            )


def _learns(layer: nn.Module) -> bool:
    return any(value.requires_grad for value in layer.parameters())


def _refused(fault: Fault, slug: Literal["plan-impossible"] = "plan-impossible") -> PlanError:
    return PlanError(
        f"{fault.what}, so that no bound holds for a single unit",
        slug=slug,
        where=_WHERE,
        found=fault.found,
        allowed="a model in which each unit's loss depends on that unit and on the parameters alone",
        remedy=fault.remedy,
    )
