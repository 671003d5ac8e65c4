"""DeepLIFT (rescale rule), where it is legal, and the reason why not where it is not.

The rule has multipliers for sums and for some elementwise non-linearities, each a module that is used once. A product
of two inputs, attention, a norm over features or a non-linearity that is called as a function has none, and Captum
would pass plain gradients through it without a word. So the module's graph is read first: whatever is neither linear
nor has a rule is refused.

Source: Shrikumar, Greenside, Kundaje 2017; Captum `DeepLift`, `SUPPORTED_NON_LINEAR`.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Final

import torch
from torch import nn

from affidavit.attributable import AttributableTurn
from affidavit.attributions import Attribution
from affidavit.errors import PlanError
from faithfulness.attribution.extra import explainer
from faithfulness.attribution.game import span_game
from faithfulness.attribution.targets import Targets
from faithfulness.attribution.told import attributions_of, by_span

METHOD: Final = "deep-lift"
_LINEAR: Final = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.AvgPool1d, nn.AvgPool2d, nn.Flatten, nn.Identity, nn.Dropout)
_RULES: Final = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
"""Not softmax: Captum normalises its multipliers over the whole batch, so that rows would see each other."""
_FUNCTIONS: Final = frozenset({"add", "sub", "neg", "cat", "flatten", "getitem", "sum", "mean"})
_METHODS: Final = frozenset(
    {"flatten", "view", "reshape", "squeeze", "unsqueeze", "transpose", "permute", "sum", "mean"}
)


def why_not_deep_lift(module: nn.Module) -> str | None:
    """Return why DeepLIFT has no rule for a module, or None where it has one for each of its parts.

    | module | answer |
    |---|---|
    | linear layers, and non-linearities with a rule, each used once | None |
    | a layer of another kind | names it |
    | a function or product within `forward` | names it |
    | a non-linearity that is used twice | names it |
    | a graph that cannot be read (it depends on values) | says so |
    """
    strange = sorted({type(leaf).__name__ for leaf in _leaves(module) if not isinstance(leaf, (*_LINEAR, *_RULES))})
    if strange:
        return f"it has no rule for {', '.join(strange)}"
    if isinstance(module, (*_LINEAR, *_RULES)):
        return None
    try:
        graph = torch.fx.symbolic_trace(module).graph
    except Exception as error:  # tracing runs a forward of any kind
        return f"what its forward computes cannot be read ({type(error).__name__})"
    modules = dict(module.named_modules())
    used = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    twice = sorted(name for name, count in used.items() if count > 1 and isinstance(modules[name], _RULES))
    if twice:
        return f"{', '.join(twice)} is used more than once"
    functions = {
        str(getattr(node.target, "__name__", node.target)) for node in graph.nodes if node.op == "call_function"
    }
    methods = {str(node.target) for node in graph.nodes if node.op == "call_method"}
    unruled = sorted((functions - _FUNCTIONS) | (methods - _METHODS))
    return f"it has no rule for {', '.join(unruled)} within forward" if unruled else None


def _leaves(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if not list(part.children()) and (part is not module or _is_leaf(part))]


def _is_leaf(module: nn.Module) -> bool:
    """Say whether a module without children is one of torch's own layers."""
    return type(module).__module__.startswith("torch.nn")


def deep_lift(turn: AttributableTurn, targets: Targets) -> list[Attribution]:
    """Return an attribution over all features for each label that is a target.

    Raises:
        MissingPartError: Captum is not installed.
        PlanError: DeepLIFT is not legal for the module, a token of the rationale is asked for, or there is nothing to
            attribute to.
    """
    because = (
        "a rationale's tokens do not come from the module" if targets.rationale else why_not_deep_lift(turn.module)
    )
    if because is not None:
        raise PlanError(
            "DeepLIFT cannot attribute this",
            slug="plan-impossible",
            where=turn.key.reasoner,
            found=because,
            allowed="linear layers, and ReLU, ELU, LeakyReLU, Sigmoid, Tanh, Softplus as modules that are used once",
            remedy="attribute by integrated gradients or by ablation",
        )
    game = span_game(turn, targets)
    method = explainer("captum.attr").DeepLift(turn.module)
    inputs = tuple(feature.values.detach().clone().requires_grad_() for feature in turn.features)  # or Captum warns
    baselines = tuple(feature.baseline for feature in turn.features)
    names = [feature.name for feature in turn.features]
    parts = []
    for column in targets.columns:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Setting forward, backward hooks", category=UserWarning)
            values = method.attribute(inputs, baselines, target=column)
        found = dict(zip(names, values, strict=True))
        parts.append(by_span([found[feature.name] for feature in game.features], game.features))
    return attributions_of(game, METHOD, torch.cat(parts), complete=True)
