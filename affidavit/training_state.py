"""What an interrupted training leaves behind and goes on from, whole or not at all: `STATE` in the checkpoint's folder.

The core knows no torch: how a state is put on disk and read back is handed in. What is in it beyond the digest and the
trained parameters, each kind of training says itself; an ordinary one keeps its generators, a private one must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from affidavit.files import replacing

if TYPE_CHECKING:
    from torch import Tensor, nn

STATE: Final = ".training.pt"
DIGEST: Final = "digest"
"""Under which a state names its training."""
MODEL: Final = "model"
"""Under which a state has the trained parameters, by name."""


class UnusableStateError(ValueError):
    """A state that was left cannot be gone on from; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFormat:
    """What the state of one kind of training holds, and how it is written and read."""

    needs: frozenset[str]
    """Names without which it is of no use, `DIGEST` and `MODEL` among them."""
    save: Callable[[dict[str, Any], BytesIO], object]
    """Into memory: a library that writes to a disk which is full may say anything, and this says what it is."""
    load: Callable[[Path], object]
    """Reads what `save` wrote, tensors on the CPU, and executes nothing that is in the file."""

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        """Write a state, whole or not at all."""
        with replacing(path) as temporary:
            whole = BytesIO()
            self.save(dict(state), whole)
            temporary.write_bytes(whole.getvalue())

    def read(self, path: Path, *, digest: str, module: nn.Module) -> dict[str, Any] | None:
        """Return the state of this training; None where there is none or it is another training's.

        Raises:
            UnusableStateError: a file is there that does not read, lacks something, or is of a model of another shape.
        """
        if not path.is_file():
            return None
        try:
            state = self.load(path)
        except Exception as error:  # a damaged file raises whatever the damage leads to
            raise UnusableStateError(f"it does not read ({type(error).__name__})") from error
        held = state if isinstance(state, dict) else {}
        if lacking := sorted(self.needs - held.keys()):
            raise UnusableStateError(f"it lacks {', '.join(lacking)}")
        if held[DIGEST] != digest:
            return None
        trained = {name: value.shape for name, value in module.named_parameters() if value.requires_grad}
        if {name: value.shape for name, value in held[MODEL].items()} != trained:
            raise UnusableStateError("it is of a model of another shape")
        return dict(held)


def fill(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Put kept values into the parameters of a module."""
    names = dict(module.named_parameters())
    for name, value in values.items():
        names[name].detach().copy_(value)  # shares the parameter's memory, and no gradient is kept of it
