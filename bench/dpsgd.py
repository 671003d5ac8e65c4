"""DP-SGD beside the same training without privacy: time and memory of a step, by each way to gradients per patient.

`tiny` reads dialogues of eight turns, sees and hears them (drawn at their genuine shapes, for the work depends on
nothing else) and writes rationales. LoRA is a causal language model with adapters of rank 8 on its attention's queries
and values, 8 rows of 64 tokens: SmolLM2-135M with its real weights where the package of the extra `models` is
installed, else random weights of its widths; `--quick` takes random weights in fewer layers (said in the first line).

A step is the whole of it: forward, gradients, clipping, noise in double precision from the secret generator, and the
optimiser; without privacy it is forward, backward and the optimiser. Times are those of the processor, one thread.
Opacus' `ghost` refuses a layer that is used twice in a pass, as `tiny` uses its text encoder for words and for the
instruction.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import resource
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, LlamaConfig
from transformers.utils.logging import disable_progress_bar

from affidavit.errors import AffidavitError, PlanError
from affidavit.protocols import Progress, Trainable, silent
from affidavit.utterances import MediaSpan, Utterance
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import trained_parameters, unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.randomness import secret_source
from privacy.dpsgd.units import ProtectedUnit
from reasoners.instructed.checkpoints import new_model
from reasoners.instructed.inputs import Perceived, perceivable, senses_of
from reasoners.instructed.pretrained import model_folder
from reasoners.instructed.reasoner import InstructedReasoner
from reasoners.instructed.sizes import SIZES
from reasoners.instructed.vocabulary import learn_tokenizers

GOAL_LORA_TIME: Final = 1.3
GOAL_LORA_MEMORY: Final = 1.2
GOAL_TINY_TIME: Final = 2.5
LABELS: Final = ("anger", "fear", "joy", "neutral", "sadness", "surprise")
WORDS: Final = ("the", "patient", "says", "that", "her", "voice", "was", "low", "while", "nobody", "had", "asked")
N_UNITS: Final = 8
N_TURNS: Final = 8
N_FRAMES: Final = 300
N_TOKENS: Final = 64
WAYS: Final = ("none", "hooks", "functorch", "ghost", "loop")
Made = tuple[Any, list[tuple[Utterance, ...]]]


def tiny() -> Made:
    """Return `tiny` with weights from noise, and patients that it has perceived."""
    config = SIZES["tiny"].model_copy(update={"label_space": LABELS})
    tokenizers = learn_tokenizers(config, [" ".join(WORDS), *(f"{label.capitalize()}." for label in LABELS)])
    torch.manual_seed(0)
    reasoner = InstructedReasoner(model=new_model(config, tokenizers), tokenizers=tokenizers)
    return reasoner, [_patient(reasoner, str(p)) for p in range(N_UNITS)]


def _patient(reasoner: InstructedReasoner, name: str) -> tuple[Utterance, ...]:
    senses, rng = senses_of(reasoner.model.config), np.random.default_rng(len(name) + int(name))
    row, nowhere = [], MediaSpan(path=Path("never opened"))
    for t in range(N_TURNS):
        text, label = " ".join(rng.choice(WORDS, 16)), LABELS[t % len(LABELS)]
        turn = Utterance(
            utterance_id=f"{name}-{t}",
            unit_id=name,
            dialogue_id=name,
            turn=t,
            text=text,
            audio=nowhere,
            video=nowhere,
            label=label,
            rationales={"evidence": f"{label.capitalize()}. {text}."},
        )
        reasoner.perceived[perceivable(turn)] = Perceived(
            utterance_id=turn.utterance_id,
            text=text,
            mel=rng.normal(0, 1, (N_FRAMES, 40)).astype(np.float16),
            functionals=rng.normal(0, 1, senses.n_functionals).astype(np.float32),
            frames=rng.integers(0, 256, (senses.n_frames, senses.size, senses.size)).astype(np.uint8),
        )
        row.append(turn)
    return tuple(row)


@dataclass(eq=False)
class Writer:
    """A causal language model with adapters, as a `Trainable` whose units are rows of tokens."""

    module: Any

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Nothing is measured."""

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return the adapters."""
        return {"pretrained": [value for value in self.module.parameters() if value.requires_grad]}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return the mean surprise of each row's tokens."""
        rows = torch.tensor([[int(code) for code in str(unit[0].text).split()] for unit in units])
        scores = self.module(input_ids=rows[:, :-1]).logits
        flat = cross_entropy(scores.flatten(0, 1), rows[:, 1:].flatten(), reduction="none")
        return flat.view(len(units), -1).mean(1)

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Keep nothing."""


def lora(layers: int | None) -> Made:
    """Return a model of SmolLM2's widths with adapters: its real weights where `layers` is None, else so many."""
    import peft

    torch.manual_seed(0)
    if layers is None:
        disable_progress_bar()
        model = AutoModelForCausalLM.from_pretrained(model_folder("smollm2"), dtype=torch.float32)
    else:
        shape = LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            num_hidden_layers=layers,
            num_attention_heads=9,
            num_key_value_heads=3,
            intermediate_size=1536,
            tie_word_embeddings=True,
        )
        model = AutoModelForCausalLM.from_config(shape)
    shape_of = peft.LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    with warnings.catch_warnings():  # transformers warns of an attribute that peft still asks for
        warnings.filterwarnings("ignore", message=".is_gradient_checkpointing. is deprecated", category=FutureWarning)
        adapted = peft.get_peft_model(model, shape_of)
    rng = np.random.default_rng(0)
    codes = [" ".join(map(str, rng.integers(0, 49152, N_TOKENS))) for _ in range(N_UNITS)]
    return Writer(adapted), [(Utterance(utterance_id=str(i), text=text),) for i, text in enumerate(codes)]


def step_of(way: str, reasoner: Trainable, rows: list[tuple[Utterance, ...]]) -> Callable[[], None]:
    """Return one step of training in that way."""
    reasoner.module.train()
    if way == "none":
        optimizer = torch.optim.Adam(trained_parameters(reasoner), lr=1e-4)

        def plain() -> None:
            reasoner.losses(rows, rng=np.random.default_rng(0)).mean().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return plain
    options = PrivateOptions(simulated=True, noise_multiplier=1.0, steps=1000, sample_rate=1.0, units_at_once=N_UNITS)
    plan = Plan(options=options, noise_multiplier=1.0, expected=N_UNITS, digest="sha256:0")
    gradients = unit_gradients(way, reasoner)  # type: ignore[arg-type]
    course = Course(reasoner=reasoner, gradients=gradients, account=_Nobody(), plan=plan, progress=silent)
    units, source = [ProtectedUnit(pieces=(row,)) for row in rows], secret_source()
    return lambda: course.step(units, source)


class _Nobody:
    """Counts nothing: writing a step down takes the time of one fsync, whatever the model."""

    def intend(self) -> int:
        return 0

    def confirm(self, number: int) -> None:
        pass

    def told(self) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of one way: the median time of a step, and the process's peak memory."""

    seconds: float | None
    megabytes: float
    why_none: str = ""


def measured(make: Callable[[], Made], way: str, n_steps: int) -> Measured:
    """Run a way in a process of its own, whose peak memory is the way's."""
    inlet, outlet = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_run, args=(make, way, n_steps, outlet))
    child.start()
    outlet.close()
    found: Measured = inlet.recv()
    child.join()
    return found


def _run(make: Callable[[], Made], way: str, n_steps: int, outlet: Any) -> None:  # noqa: ANN401 - a connection
    torch.set_num_threads(1)
    reasoner, rows = make()
    gc.collect()
    seconds, why = [], ""
    try:
        step = step_of(way, reasoner, rows)
        for _ in range(n_steps + 1):
            start = time.process_time()
            step()
            seconds.append(time.process_time() - start)
    except PlanError as error:
        why = error.what
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    outlet.send(Measured(seconds=median(seconds[1:]) if seconds else None, megabytes=peak, why_none=why))


def table(title: str, make: Callable[[], Made], ways: Sequence[str], n_steps: int) -> dict[str, Measured]:
    """Print one line a way."""
    print(f"{title}, {N_UNITS} units a step, one thread, median of {n_steps} steps; peak memory of the whole process")
    found: dict[str, Measured] = {}
    for way in ways:
        one = found[way] = measured(make, way, n_steps)
        base = found["none"]
        if one.seconds is None or base.seconds is None:
            print(f"  {way:<10} refused: {one.why_none}")
            continue
        times = f"{one.seconds / base.seconds:5.2f} times"
        memory = f"{one.megabytes:7.0f} MB {one.megabytes / base.megabytes:5.2f} times"
        print(f"  {way:<10} {one.seconds:8.3f} s {times}   {memory}", flush=True)
    return found


def main() -> None:
    """Print both tables; the last lines are the figures of the default way and their goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps; random weights in three layers for LoRA")
    quick = parser.parse_args().quick
    layers, said = 3, "random weights of SmolLM2's widths, 3 of its 30 layers"
    if not quick:
        try:
            model_folder("smollm2")
            layers, said = None, "SmolLM2-135M-Instruct"  # type: ignore[assignment]
        except AffidavitError:
            layers, said = 30, "random weights of SmolLM2's shape"
    small = table("tiny", tiny, WAYS, 2 if quick else 10)
    large = table(f"LoRA: {said}", lambda: lora(layers), WAYS[:4] if quick else WAYS, 2 if quick else 5)
    time_of = {name: (found["hooks"].seconds or 0) / (found["none"].seconds or 1) for name, found in
               {"tiny": small, "lora": large}.items()}  # fmt: skip
    memory = large["hooks"].megabytes / large["none"].megabytes
    print(f"times the memory of training without privacy, LoRA, hooks: {memory:.2f} (goal {GOAL_LORA_MEMORY:g})")
    print(f"times as long as without privacy, tiny, hooks: {time_of['tiny']:.2f} (goal {GOAL_TINY_TIME:g})")
    print(f"times as long as without privacy, LoRA, hooks: {time_of['lora']:.2f} (goal {GOAL_LORA_TIME:g})")


if __name__ == "__main__":
    main()
