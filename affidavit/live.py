"""What stands behind a run that was judged here: its corpus, and its reasoner where the door opens one.

An examination of a table needs neither. One that measures the voice needs the corpus; one that asks again, or wants
gradients, needs the reasoner. A reasoner is opened when somebody first asks for it, and once for a whole audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from affidavit.corpus import Corpus

if TYPE_CHECKING:
    from affidavit.predictions import Reading

OFFERS: Final = frozenset({"callable", "logits", "gradients", "losses"})
"""What a live reasoner may offer: `affidavit.protocols.Ablatable`, `affidavit.protocols.Differentiable`,
`affidavit.attributable.Attributable`, and the `losses` of `affidavit.protocols.Trainable`."""


@runtime_checkable
class Openable(Protocol):
    """A reasoner behind the door that can hand over the very model it judges with."""

    offers: frozenset[str]
    """Of `OFFERS`, known without opening."""

    def opened(self, options: Mapping[str, Any], *, reading: Reading) -> Any:  # noqa: ANN401 - as `offers` says
        """Return the live reasoner that `judge` asks under these options.

        Raises:
            AffidavitError: it cannot be opened, as `judge` would say.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The corpus of a run and the reasoner that judged it."""

    corpus: Corpus
    offers: frozenset[str] = frozenset()
    reasoner: Callable[[], Any] = field(repr=False)
    """Opens it, the first time it is called."""


def live_run(corpus: Corpus, door: object, options: Mapping[str, Any], reading: Reading) -> Live:
    """Return what stands behind a run; a door that opens nothing offers nothing."""
    if not isinstance(door, Openable):
        return Live(corpus=corpus, reasoner=_closed)

    @cache
    def opened() -> Any:  # noqa: ANN401
        return door.opened(options, reading=reading)

    return Live(corpus=corpus, offers=door.offers, reasoner=opened)


def _closed() -> Any:  # noqa: ANN401
    raise LookupError("this reasoner cannot be asked again")
