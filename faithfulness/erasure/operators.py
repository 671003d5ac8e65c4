"""Which conditions of a table erase evidence, or keep it alone, and which ones do so at random.

| condition | the reasoner was shown | |
|---|---|---|
| `T/without-rationale=20%` | all but the 20 % of the input that its rationale ranks first | comprehensiveness |
| `T/without-random=20%` | all but as much of it, drawn at random | its control |
| `T/only-rationale=20%` | the first 20 % alone | sufficiency |
| `T/only-random=20%` | as much, drawn at random | its control |
| `T/only-rationale=0%` | nothing at all | what both are divided by |

Source: DeYoung et al. 2020 (ERASER), equations 1 and 2; sizes 1, 5, 10, 20 and 50 % there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from affidavit.conditions import Condition

Test = Literal["comprehensiveness", "sufficiency"]
OPERATORS: Final[Mapping[str, tuple[Test, bool]]] = {
    "without-rationale": ("comprehensiveness", False),
    "without-random": ("comprehensiveness", True),
    "only-rationale": ("sufficiency", False),
    "only-random": ("sufficiency", True),
}
"""Operator to what it tests, and whether it is the control."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One test on one base condition."""

    base: str
    test: Test
    chosen: Mapping[float, str]
    """Size, as a share of the input, to the condition that goes by the rationale."""
    random: Mapping[float, str]
    """The same for the control; only sizes that `chosen` has."""
    empty: str | None
    """The condition that shows nothing, where there is one."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions that a judgement needs a twin under."""
        return (*self.chosen.values(), *self.random.values(), *([self.empty] if self.empty else []))

    @property
    def controlled(self) -> bool:
        """Whether there is a control of every size."""
        return set(self.random) == set(self.chosen)


def erasures(conditions: Sequence[str]) -> tuple[Erasure, ...]:
    """Return what a table has of erased evidence, whose whole base it has too.

    >>> names = ["T", "T/without-rationale=20%", "T/without-random=0.2", "T/only-rationale=0"]
    >>> [(e.base, e.test, list(e.chosen), list(e.random), e.empty) for e in erasures(names)]
    [('T', 'comprehensiveness', [0.2], [0.2], 'T/only-rationale=0')]
    """
    sizes: dict[tuple[str, Test, bool], dict[float, str]] = {}
    empty: dict[str, str] = {}
    for name in conditions:
        condition = Condition.parse(name)
        base = str(Condition(modalities=condition.modalities))
        size = _size(condition.level)
        found = OPERATORS.get(condition.operator or "")
        if found is None or size is None or base not in conditions:
            continue
        test, at_random = found
        if test == "sufficiency" and size == 0:
            empty[base] = name
        elif 0 < size < 1:
            sizes.setdefault((base, test, at_random), {})[size] = name
    return tuple(
        Erasure(
            base=base,
            test=test,
            chosen=dict(sorted(chosen.items())),
            random={size: name for size, name in sorted(sizes.get((base, test, True), {}).items()) if size in chosen},
            empty=empty.get(base),
        )
        for (base, test, at_random), chosen in sorted(sizes.items())
        if not at_random
    )


def _size(level: str | None) -> float | None:
    """Return a size as a share of the input; None where the level says none."""
    text = level or ""
    try:
        size = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
    return size if 0 <= size < 1 else None
