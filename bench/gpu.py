"""The `full` reasoner on one GPU: judging beside plain `generate`, a LoRA training step without and with DP, memory.

Random weights of the genuine classes (Qwen2 of 7B shape in bf16, RoBERTa-base, ResNet-50, adapters by PEFT), made on
the device and in their dtype. Numbers and memory depend on shapes alone, but for one thing: a model of random weights
does not end its rationales, so every one has all the tokens that a rationale may have. The embeddings are tied, where
the published 7B unties them (0.5B parameters more, the same work).
The private step is `dp-sgd`'s own, gradients by `hooks`: each patient's gradient clipped as a whole, noise of double
precision from the secret generator, then the optimiser; nothing is written to a ledger.

`--omni` measures an omni-modal model instead: a Qwen2.5-Omni thinker in the published shape of the 7B, from noise,
asked about turns with words, sound and pictures: judging, a LoRA step, a private LoRA step, and exact Shapley values of
the three modalities of one turn.

`--cpu-check`, or `--omni --tiny`, runs the same code on tiny shapes, to see that it runs; its numbers mean nothing.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from affidavit.media.frames import Frames
from affidavit.media.sound import Sound
from affidavit.protocols import Progress, silent
from affidavit.utterances import Utterance
from privacy.dpsgd.course import Course, Plan
from privacy.dpsgd.gradients import unit_gradients
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.randomness import secret_source
from privacy.dpsgd.units import ProtectedUnit
from reasoners.instructed.batches import Batch, Collator
from reasoners.instructed.config import BackboneConfig, LoraConfig, ModelConfig, TextEncoderConfig
from reasoners.instructed.inputs import Perceived, senses_of
from reasoners.instructed.instructions import DEFAULT
from reasoners.instructed.losses import LossWeights
from reasoners.instructed.model import InstructedModel, Sizes
from reasoners.instructed.rationale import PREFIX
from reasoners.instructed.sizes import SIZES
from reasoners.instructed.vocabulary import learn_tokenizers
from reasoners.language.adapters import LoraOptions, Rows, adapted
from reasoners.language.items import Item
from reasoners.language.options import Asking
from reasoners.language.prompts import Given
from reasoners.language.reasoner import LanguageReasoner
from reasoners.omni.door import encoder_of
from reasoners.omni.kinds import QWEN2_5_OMNI
from reasoners.omni.noise import byte_tokenizer, large, tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

GOAL_OVERHEAD: Final = 1.05
GOAL_PRIVATE_TIME: Final = 1.3
GOAL_PRIVATE_MEMORY: Final = 1.2
LABELS: Final = ("anger", "disgust", "fear", "joy", "neutral", "sadness")
ROBERTA_VOCABULARY: Final = 50_265
WORDS: Final = ("the", "patient", "says", "that", "her", "voice", "was", "low", "while", "nobody", "had", "asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Shapes of a measurement."""

    config: ModelConfig
    device: torch.device
    patients: int
    trained_patients: int
    """Fewer than are judged: a step keeps every activation of the backbone."""
    turns: int
    repeats: int

    @property
    def backbone(self) -> BackboneConfig:
        """Return the records of the language model."""
        if self.config.backbone is None:
            raise ValueError("this benchmark is of a model that writes")
        return self.config.backbone


def full_setting(patients: int, trained_patients: int, repeats: int) -> Setting:
    """Return the size `full`, its parts from noise."""
    size = SIZES["full"]
    if size.text is None or size.backbone is None:
        raise ValueError("the size `full` reads and writes")
    parts = {
        "label_space": LABELS,
        "text": size.text.model_copy(update={"source": None}),
        "backbone": size.backbone.model_copy(update={"source": None}),
    }
    return Setting(
        config=ModelConfig.model_validate(size.model_dump() | parts),
        device=torch.device("cuda"),
        patients=patients,
        trained_patients=trained_patients,
        turns=8,
        repeats=repeats,
    )


def tiny_setting() -> Setting:
    """Return the same parts, as small as they get."""
    size = SIZES["full"]
    parts = {
        "label_space": LABELS,
        "hidden": 48,
        "text": TextEncoderConfig(trained=False, hidden=32, layers=1, heads=2, max_tokens=128),
        "visual": None if size.visual is None else size.visual.model_copy(update={"size": 32, "n_frames": 1}),
        "dialogue_layers": 1,
        "backbone": BackboneConfig(
            architecture="qwen2",
            hidden=64,
            layers=2,
            heads=4,
            kv_heads=2,
            intermediate=96,
            vocabulary=2_048,
            lora=LoraConfig(rank=2, alpha=4),
            dtype="bfloat16",
            max_tokens=6,
        ),
    }
    return Setting(
        config=ModelConfig.model_validate(size.model_dump() | parts),
        device=torch.device("cpu"),
        patients=2,
        trained_patients=2,
        turns=3,
        repeats=1,
    )


def built(setting: Setting) -> InstructedModel:
    """Return the model, made where it will run."""
    sizes = Sizes(
        reader=ROBERTA_VOCABULARY,
        writer=setting.backbone.vocabulary or 2_000,
        functionals=senses_of(setting.config).n_functionals,
    )
    torch.manual_seed(0)
    with setting.device:
        return InstructedModel(setting.config, sizes, load=False)


def batch_of(setting: Setting, patients: int) -> Batch:
    """Return dialogues of random words, sound and frames on the processor, every turn with a label and a rationale."""
    rng = np.random.default_rng(0)
    text = setting.config.text
    n_words = 24 if text is None else min(24, text.max_tokens)
    rows, perceived = [], {}
    for p in range(patients):
        row = []
        for u in range(setting.turns):
            name, said = f"{p}-{u}", " ".join(rng.choice(WORDS, n_words))
            reason = " ".join(rng.choice(WORDS, 2 * setting.backbone.max_tokens))
            row.append(
                Utterance(
                    utterance_id=name,
                    dialogue_id=str(p),
                    unit_id=str(p),
                    text=said,
                    label=str(rng.choice(LABELS)),
                    intensity=5.0,
                    rationales={DEFAULT: reason},
                )
            )
            perceived[name] = _perceived(setting, name, said, rng)
        rows.append(row)
    tokenizers = learn_tokenizers(setting.config, [*WORDS, *(f"{label.capitalize()}." for label in LABELS)])
    collator = Collator(config=setting.config, tokenizers=tokenizers, perceived=perceived)
    return collator.batch(rows, instructions=[DEFAULT] * patients)


def _perceived(setting: Setting, name: str, said: str, rng: np.random.Generator) -> Perceived:
    senses = senses_of(setting.config)
    return Perceived(
        utterance_id=name,
        text=said,
        mel=rng.standard_normal((300, 40)).astype(np.float16),
        functionals=rng.standard_normal(senses.n_functionals).astype(np.float32),
        frames=rng.integers(0, 256, (senses.n_frames, senses.size, senses.size, 3), dtype=np.uint8),
    )


class Clock:
    """Seconds of each part, all repeats; waits for the device before and after."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        self._wait()
        start = time.perf_counter()
        yield
        self._wait()
        self.seconds.setdefault(name, []).append(time.perf_counter() - start)

    def median(self, name: str) -> float:
        """Return the median over the repeats."""
        return median(self.seconds[name])

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def peak_gib(device: torch.device, run: Callable[[], object]) -> float:
    """Return the most memory that was held during a run: the device's, or on a processor the whole process's."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        run()
        return torch.cuda.max_memory_allocated(device) / 2**30
    run()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@torch.no_grad()
def judge(model: InstructedModel, batch: Batch, setting: Setting, clock: Clock) -> Tensor:
    """Judge and explain every turn of a batch, as the reasoner does; return the tokens `[N, R]`."""
    if model.explain is None:
        raise ValueError("this benchmark is of a model that writes")
    with clock.of("judging"):
        with clock.of("  encoding"):
            encoded = model.encode(batch)
        with clock.of("  concluding, and the prefix"):
            concluded = model.conclude(encoded, batch)
            prefix = concluded.prefix
        if prefix is None:
            raise ValueError("the model made no prefix")
        with clock.of("  writing"):
            end = (setting.backbone.vocabulary or 2_000) - 1
            written = model.explain.write(prefix.flatten(0, 1), max_tokens=setting.backbone.max_tokens, end=end)
    return written


@torch.no_grad()
def generate(model: InstructedModel, n_rows: int, n_tokens: int, clock: Clock) -> Tensor:
    """Write as many tokens after as long a prefix with the same backbone and nothing else: the peer."""
    backbone: Any = model.explain.model  # type: ignore[union-attr]
    width = backbone.get_input_embeddings().num_embeddings
    ids = torch.randint(width, (n_rows, PREFIX), device=clock.device)
    with clock.of("plain generate"):
        out: Tensor = backbone.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=n_tokens,
            do_sample=False,
            pad_token_id=width - 1,
            eos_token_id=width - 1,
        )
    return out[:, PREFIX:]


def step(model: InstructedModel, batch: Batch, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
    """Take one training step: forward, backward, AdamW."""
    with clock.of("training step"):
        optimizer.zero_grad(set_to_none=True)
        loss = model.losses(batch).per_patient(LossWeights()).mean()
        loss.backward()
        optimizer.step()


def judging_rows(model: InstructedModel, setting: Setting, clock: Clock) -> tuple[float, float, float]:
    """Time judging and its peer in turn; return tokens/s of both and the peak memory of judging in GiB."""
    model.eval()
    host = batch_of(setting, setting.patients)
    with clock.of("  (bringing the batch to the device)"):
        batch = host.to(setting.device)
    warm = Clock(setting.device)
    written = judge(model, batch, setting, warm)
    n_rows, n_tokens = written.shape
    generate(model, n_rows, n_tokens, warm)
    peak = peak_gib(setting.device, lambda: judge(model, batch, setting, warm))
    for _ in range(setting.repeats):
        if judge(model, batch, setting, clock).shape != generate(model, n_rows, n_tokens, clock).shape:
            raise SystemExit("the two wrote different numbers of tokens: the comparison would not be fair")
    print(f"judging: {n_rows} turns, {PREFIX} states of prefix and {n_tokens} tokens each; median of {setting.repeats}")
    return n_rows * n_tokens / clock.median("judging"), n_rows * n_tokens / clock.median("plain generate"), peak


def training_rows(model: InstructedModel, setting: Setting, clock: Clock) -> tuple[float, float]:
    """Time a training step; return tokens/s through the backbone (prefix and rationale) and the peak in GiB."""
    model.train()
    batch = batch_of(setting, setting.trained_patients).to(setting.device)
    learnt = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=2e-5, weight_decay=0.01)
    warm = Clock(setting.device)
    peak = peak_gib(setting.device, lambda: step(model, batch, optimizer, warm))
    for _ in range(setting.repeats):
        step(model, batch, optimizer, clock)
    n_tokens = int(batch.rationale_known.sum()) + PREFIX * batch.rationale_known[..., 0].numel()
    print(f"training: {setting.trained_patients} patients of {setting.turns} turns, {n_tokens:,} tokens a step")
    return n_tokens / clock.median("training step"), peak


@dataclass(eq=False)
class Patients:
    """The model over one batch that lies on the device, as a `Trainable` whose units are the batch's patients."""

    module: InstructedModel
    batch: Batch

    def prepare(self, utterances: Sequence[Utterance], *, progress: Progress = silent) -> None:
        """Nothing is measured: the batch is there."""

    def parameter_groups(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """Return what is trained."""
        return {"new": [value for value in self.module.parameters() if value.requires_grad]}

    def losses(self, units: Sequence[Sequence[Utterance]], *, rng: np.random.Generator) -> Tensor:
        """Return the loss of each patient of the batch; the units are all of them, in their order."""
        return self.module.losses(self.batch).per_patient(LossWeights())

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Keep nothing."""


class Unwritten:
    """Counts nothing: writing a step down takes the time of one fsync, whatever the model."""

    def intend(self) -> int:
        """Return a number."""
        return 0

    def confirm(self, number: int) -> None:
        """Do nothing."""

    def told(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}


def private_rows(model: InstructedModel, setting: Setting, clock: Clock) -> float:
    """Time a private training step on the batch that `training_rows` takes; return the peak in GiB."""
    model.train()
    patients = Patients(model, batch_of(setting, setting.trained_patients).to(setting.device))
    rows = [(Utterance(utterance_id=str(p), unit_id=str(p)),) for p in range(setting.trained_patients)]
    return private_step(patients, rows, clock, repeats=setting.repeats)


def private_step(
    patients: Any,  # noqa: ANN401 - a Trainable whose module is read only
    rows: Sequence[tuple[Utterance, ...]],
    clock: Clock,
    *,
    repeats: int,
) -> float:
    """Time a private step on some patients, a row each; return the peak in GiB."""
    options = PrivateOptions(simulated=True, noise_multiplier=1.0, steps=1000, sample_rate=1.0, units_at_once=len(rows))
    course = Course(
        reasoner=patients,
        gradients=unit_gradients("hooks", patients),
        account=Unwritten(),
        plan=Plan(options=options, noise_multiplier=1.0, expected=len(rows), digest="sha256:0"),
        progress=silent,
    )
    units, source = [ProtectedUnit(pieces=(row,)) for row in rows], secret_source()
    peak = peak_gib(clock.device, lambda: course.step(units, source))
    for _ in range(repeats):
        with clock.of("private training step"):
            course.step(units, source)
    course.gradients.close()
    return peak


def report(setting: Setting) -> None:
    """Measure and print; the last lines are the figures and their goals."""
    clock = Clock(setting.device)
    with clock.of("building the model"):
        model = built(setting)
    n_all = sum(value.numel() for value in model.parameters())
    n_learnt = sum(value.numel() for value in model.parameters() if value.requires_grad)
    where = torch.cuda.get_device_name() if setting.device.type == "cuda" else "the processor: a check, no measurement"
    print(f"{n_all / 1e9:.2f}B parameters, {n_learnt / 1e6:.1f}M of them trained; torch {torch.__version__}; {where}")
    ours, plain, judging_peak = judging_rows(model, setting, clock)
    trained, training_peak = training_rows(model, setting, clock)
    private_peak = private_rows(model, setting, clock)
    private = median(_ratios(clock.seconds["private training step"], clock.seconds["training step"]))
    _table(clock.seconds)
    overhead = median(_ratios(clock.seconds["judging"], clock.seconds["plain generate"]))
    print(f"\nplain generate, tokens/s: {plain:,.0f} (goal none)")
    print(f"judging, tokens/s: {ours:,.0f} (goal none)")
    print(f"training step, tokens/s: {trained:,.0f} (goal none)")
    print(f"peak memory of judging, GiB: {judging_peak:.1f} (goal 80)")
    print(f"peak memory of a training step, GiB: {training_peak:.1f} (goal 80)")
    print(f"memory of a private step, times without: {private_peak / training_peak:.2f} (goal {GOAL_PRIVATE_MEMORY:g})")
    print(f"private training step, times without: {private:.2f} (goal {GOAL_PRIVATE_TIME:g})")
    print(f"judging, times plain generate: {overhead:.3f} (goal {GOAL_OVERHEAD:g})")


@dataclass(slots=True, kw_only=True, eq=False)
class Shown(LanguageReasoner):
    """An omni-modal reasoner whose turns lie in memory."""

    turns: dict[str, Given]

    def shown(self, turn: Utterance, letters: frozenset[str] | None = None) -> Given:
        """Return what is shown of a turn, whatever the letters."""
        return self.turns[turn.utterance_id]


def shown_turns(n: int, *, seconds: float, size: int) -> dict[str, Given]:
    """Return turns of random words, sound and eight pictures."""
    rng = np.random.default_rng(0)
    return {
        str(i): Given(
            text=" ".join(rng.choice(WORDS, 24)),
            sound=Sound(samples=rng.standard_normal(int(16_000 * seconds)).astype(np.float32), sample_rate=16_000),
            frames=Frames(
                pixels=rng.integers(0, 256, (8, size, size, 3), dtype=np.uint8),
                times_s=0.5 * np.arange(8, dtype=np.float64),
            ),
        )
        for i in range(n)
    }


def omni_reasoner(*, small: bool, n: int) -> Shown:
    """Return the model with adapters, and the turns that it is asked about."""
    device = torch.device("cpu" if small else "cuda")
    model = tiny("qwen2_5_omni") if small else large(device=device)
    rows = Rows()
    encoder = encoder_of(model, byte_tokenizer(), QWEN2_5_OMNI, "noise")
    lora = LoraOptions(rank=2 if small else 16, alpha=4 if small else 32)
    return Shown(
        model=adapted(model, lora, rows),
        encoder=encoder,
        labels=LABELS,
        asking=Asking(max_tokens=4 if small else 96),
        device=device,
        batch=n,
        rows=rows,
        turns=shown_turns(n, seconds=0.5 if small else 5.0, size=56 if small else 224),
    )


def modality_shapley(reasoner: Shown, turn: Given) -> dict[str, float]:
    """Return exact Shapley values of the three modalities, of the score of the label that all of them give."""
    players = ("text", "sound", "frames")
    sets = [frozenset(players[i] for i in range(3) if mask >> i & 1) for mask in range(8)]
    games = [
        Given(
            text=turn.text if "text" in shown else None,
            sound=turn.sound if "sound" in shown else None,
            frames=turn.frames if "frames" in shown else None,
        )
        for shown in sets
    ]
    items = [Item(utterance_id="one", condition="TAV", given=game, thought="") for game in games]
    said = [answered.said for answered in reasoner.answers(items)]
    label = getattr(said[-1], "label", LABELS[0])
    worth = {shown: said[i].probabilities[label] for i, shown in enumerate(sets)}  # type: ignore[union-attr]
    weight = {0: 1 / 3, 1: 1 / 6, 2: 1 / 3}
    return {
        one: sum(weight[len(others)] * (worth[others | {one}] - worth[others]) for others in sets if one not in others)
        for one in players
    }


def omni_report(*, small: bool, n: int, trained: int, repeats: int) -> None:
    """Measure the omni-modal model and print; the last lines are the figures and their goals."""
    reasoner = omni_reasoner(small=small, n=n)
    clock, warm = Clock(reasoner.device), Clock(reasoner.device)
    n_all = sum(value.numel() for value in reasoner.model.parameters())
    n_learnt = sum(value.numel() for value in reasoner.parameter_groups()["new"])
    where = "the processor: a check, no measurement" if small else torch.cuda.get_device_name()
    print(f"{n_all / 1e9:.2f}B parameters, {n_learnt / 1e6:.2f}M of them trained; torch {torch.__version__}; {where}")
    items = [Item(utterance_id=name, condition="TAV", given=turn) for name, turn in reasoner.turns.items()]
    judging_peak = peak_gib(reasoner.device, lambda: reasoner.answers(items))
    turns = [
        (Utterance(utterance_id=name, unit_id=name, label=LABELS[i % len(LABELS)], rationales={DEFAULT: "so it is"}),)
        for i, name in enumerate(reasoner.turns)
    ][:trained]
    reasoner.module.train()
    optimizer = torch.optim.AdamW(reasoner.parameter_groups()["new"], lr=2e-5)

    def step_once(timed: Clock) -> None:
        with timed.of("training step"):
            optimizer.zero_grad(set_to_none=True)
            reasoner.losses(turns, rng=np.random.default_rng(0)).mean().backward()
            optimizer.step()

    training_peak = peak_gib(reasoner.device, lambda: step_once(warm))
    for _ in range(repeats):
        with clock.of("judging, thinking first"):
            reasoner.answers(items)
        reasoner.module.train()
        step_once(clock)
        with clock.of("exact Shapley values of one turn"):
            modality_shapley(reasoner, next(iter(reasoner.turns.values())))
        reasoner.module.train()
    private_peak = private_step(reasoner, turns, clock, repeats=repeats)
    _table(clock.seconds)
    private = clock.median("private training step") / clock.median("training step")
    print(f"\njudging, turns/s: {n / clock.median('judging, thinking first'):.2f} (goal none)")
    print(f"exact Shapley values of one turn, s: {clock.median('exact Shapley values of one turn'):.3f} (goal none)")
    print(f"peak memory of judging, GiB: {judging_peak:.1f} (goal 80)")
    print(f"peak memory of a training step, GiB: {training_peak:.1f} (goal 80)")
    print(f"memory of a private step, times without: {private_peak / training_peak:.2f} (goal {GOAL_PRIVATE_MEMORY:g})")
    print(f"private training step, times without: {private:.2f} (goal {GOAL_PRIVATE_TIME:g})")


def _table(seconds: dict[str, list[float]]) -> None:
    print(f"\n{'':<40}{'median s':>10}{'least s':>10}{'most s':>10}")
    for name, taken in seconds.items():
        print(f"  {name:<38}{median(taken):>10.3f}{min(taken):>10.3f}{max(taken):>10.3f}")


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def main() -> None:
    """Measure where a GPU is; elsewhere say so and end well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cpu-check", action="store_true", help="tiny shapes on the processor, to see that it runs")
    parser.add_argument("--omni", action="store_true", help="an omni-modal model of 7B instead of the size `full`")
    parser.add_argument("--tiny", action="store_true", help="with --omni: tiny shapes on the processor")
    parser.add_argument("--patients", type=int, default=8, help="patients judged together, of 8 turns each")
    parser.add_argument("--trained-patients", type=int, default=2, help="patients of one training step")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is timed, after one that is not")
    arguments = parser.parse_args()
    if arguments.tiny:
        omni_report(small=True, n=3, trained=2, repeats=1)
    elif arguments.cpu_check:
        report(tiny_setting())
    elif not torch.cuda.is_available():
        print("no GPU that torch can use is here: nothing was measured (--cpu-check runs the same code on tiny shapes)")
    elif arguments.omni:
        omni_report(small=False, n=arguments.patients, trained=arguments.trained_patients, repeats=arguments.repeats)
    else:
        report(full_setting(arguments.patients, arguments.trained_patients, arguments.repeats))


if __name__ == "__main__":
    main()
