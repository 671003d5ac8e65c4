"""What a round costs beyond plain Flower, how memory grows with sites, and how long a federated audit takes.

    python bench/rounds.py           5 s of local work a round, 1,000 sites of 250,000 numbers: some five minutes
    python bench/rounds.py --quick   no local work, 1,000 sites of a hundred thousand numbers: under 50 s

The peer is Flower's own FedAvg with a site that keeps nothing, on the same in-process grid, with the same updates and
the same local work. That work is matrix products, a fixed number of them in all courses; sites take turns on one
processor, so the 5 s of a round are 0.5 s at each of 10 sites. That is the unkind reading: where sites are machines of
their own, what is done at sites (most of it) is done at once.

What a round takes without local work is measured in both forms. `--quick` derives from it the share in a round with 5 s
of local work, (ours - Flower's) / (5 s + Flower's); the full form measures rounds that have these 5 s, and prints both.
Shares are of processor seconds, which others on the machine disturb less; wall seconds, in which the disk syncs, stand
beside.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0"}
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from rounds_audit import Timed, audited, plan_of
from rounds_courses import (
    CLEAR,
    COURSES,
    FLOWER,
    MEMORY,
    SECURE,
    Setting,
    course_of,
    layout_of,
    quiet,
    turns_of,
    update_of,
)
from rounds_growth import HEAD, Grown, grown

from federated.secure.streams import add_mask
from federated.updates.arrays import packed, unpacked

GOAL_CLEAR: Final = 10.0
GOAL_SECURE: Final = 35.0
GOAL_GROWTH: Final = 1.05
GOAL_AUDIT_S: Final = 30.0
LOCAL_S: Final = 5.0
SIZE: Final = 1_000_000
N_SITES: Final = 10
CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    repeats: int
    n_rounds: int
    local_rounds: int
    """With local work; none where its share is derived."""
    growth_size: int
    growth: tuple[tuple[str, int], ...]
    at_once: int


QUICK: Final = Plan(
    repeats=1,
    n_rounds=4,
    local_rounds=0,
    growth_size=100_000,
    growth=((MEMORY, 10), (MEMORY, 100), (MEMORY, 1000)),
    at_once=2,
)
FULL: Final = Plan(
    repeats=5,
    n_rounds=5,
    local_rounds=4,
    growth_size=250_000,
    growth=((MEMORY, 10), (MEMORY, 100), (MEMORY, 1000), (FLOWER, 10), (FLOWER, 1000), (SECURE, 10), (SECURE, 40)),
    at_once=1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Seconds of each round of one course."""

    processor: list[float]
    wall: list[float]

    @property
    def line(self) -> str:
        """Return least, middle and most of both clocks."""
        return "   ".join(f"{min(of):7.3f} {median(of):7.3f} {max(of):7.3f}" for of in (self.processor, self.wall))


def raced(courses: Sequence[str], setting: Setting, repeats: int) -> dict[str, Rounds]:
    """Run the courses in turn, so that what else the machine does falls on all of them."""
    found = {name: Rounds(processor=[], wall=[]) for name in courses}
    for _ in range(repeats):
        for name in courses:
            with tempfile.TemporaryDirectory() as folder, quiet():
                processor, wall = course_of(name)(setting, Path(folder)).rounds()
            found[name].processor.extend(processor)
            found[name].wall.extend(wall)
    return found


def shown(title: str, found: Mapping[str, Rounds]) -> None:
    """Print one line a course."""
    print(f"{title}\n  {'':<18} processor s: least, median, most   wall s: least, median, most")
    for name, rounds in found.items():
        print(f"  {name:<18} {rounds.line}", flush=True)


def share(ours: Rounds, flower: Rounds, *, local_s: float = 0.0) -> float:
    """Return what ours takes beyond Flower's, in percent of Flower's round."""
    theirs = median(flower.processor)
    return 100 * (median(ours.processor) - theirs) / (local_s + theirs)


def timed(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least processor seconds of doing something."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def floors() -> tuple[float, float, float]:
    """Return the least that a round can take in clear and under masks, and what AES gives, in s, s and GB/s.

    In clear: the model to each site and its update back, each written and read once, and added once in double
    precision. Masked: besides, n (n + 1) streams made and added: each site one of its own and one with each other, and
    the server those of the sites themselves.
    """
    layout, update, total = layout_of(SIZE), update_of(SIZE), np.zeros(SIZE)

    def clear() -> None:
        for _ in range(N_SITES):
            unpacked(packed(update), layout)
            np.add(total, unpacked(packed(update), layout), out=total)

    words, key = np.zeros(SIZE, np.uint32), bytes(32)
    stream, buffer, zeros = Cipher(AES(key), CTR(bytes(16))).encryptor(), bytearray(CHUNK), bytes(CHUNK)
    aes = timed(lambda: [stream.update_into(zeros, buffer) for _ in range(64)])
    one = timed(lambda: add_mask(words, key))
    least = timed(clear)
    return least, least + N_SITES * (N_SITES + 1) * one, 64 * CHUNK / aes / 1e9


def overhead(plan: Plan) -> tuple[float, float]:
    """Print what rounds cost, and return the shares in clear and under secure sums, in percent."""
    setting = Setting(size=SIZE, n_sites=N_SITES, n_rounds=plan.n_rounds)
    idle = raced(COURSES, setting, plan.repeats)
    shown(f"{N_SITES} sites, {SIZE:,} numbers an update, no local work, one process and thread; a round takes", idle)
    clear, masked, aes = floors()
    n_streams = N_SITES * (N_SITES + 1)
    print(f"  floor in clear {clear:.3f} s: {2 * N_SITES} vectors of {4 * SIZE / 1e6:g} MB written and read")
    print(f"  floor secure   {masked:.3f} s: {n_streams} masks of {4 * SIZE / 1e6:g} MB besides, AES {aes:.1f} GB/s")
    shares = {name: share(idle[name], idle[FLOWER], local_s=LOCAL_S) for name in (CLEAR, SECURE)}
    for name, derived in shares.items():
        beyond = median(idle[name].processor) - median(idle[FLOWER].processor)
        print(
            f"  {name:<8} {beyond:.3f} s beyond Flower's round; of a round with {LOCAL_S:g} s of work {derived:.1f} %"
        )
    if plan.local_rounds:
        busy = replace(setting, turns=turns_of(LOCAL_S / N_SITES), n_rounds=plan.local_rounds)
        worked = raced((FLOWER, CLEAR, SECURE), busy, 1)
        shown(f"\nthe same with {LOCAL_S:g} s of local work a round, {LOCAL_S / N_SITES:g} s at each site", worked)
        shares = {name: share(worked[name], worked[FLOWER]) for name in shares}
    return shares[CLEAR], shares[SECURE]


def growth(plan: Plan) -> float:
    """Print memory by sites, and return a thousand's peak over ten's, from the same memory before the first round."""
    print(f"\npeak memory by sites, {plan.growth_size:,} numbers an update, two rounds, a fresh process each")
    print(HEAD)
    found: dict[tuple[str, int], Grown] = {}
    jobs = [(course, plan.growth_size, n_sites, 2) for course, n_sites in plan.growth]
    for one in grown(jobs, at_once=plan.at_once):
        found[one.course, one.n_sites] = one
        print(one.line, flush=True)
    ten, thousand = found[MEMORY, 10], found[MEMORY, 1000]
    return (ten.before + thousand.added) / (ten.before + ten.added)


def audit(n_sites: int) -> float:
    """Print what a federated audit takes, and return the processor seconds of the longer of plain and secure."""
    found, plan = audited(n_sites), plan_of(n_sites, "plain")
    print(
        f"\na federated audit: {n_sites} sites, 24 cells, {len(plan.conditions)} conditions, {len(plan.labels)} labels,"
        f" {plan.size:,} numbers a site; processor s (wall s)"
    )
    for told, timed_steps in found.items():
        for step, (processor, wall) in timed_steps.steps.items():
            print(f"  {told:<8} {step:<30} {processor:7.2f} ({wall:.2f})")
        print(f"  {told:<8} {'all of it':<30} {_total(timed_steps)}", flush=True)
    return max(each.total[0] for each in found.values())


def _total(found: Timed) -> str:
    processor, wall = found.total
    return f"{processor:7.2f} ({wall:.2f})"


def main() -> None:
    """Print the tables; the last lines are figures and their goals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less local work, fewer repeats, smaller updates")
    quick = parser.parse_args().quick
    plan = QUICK if quick else FULL
    clear, secure = overhead(plan)
    times = growth(plan)
    longest = audit(100)
    way = "measured" if plan.local_rounds else "derived"
    print()
    print(f"percent beyond Flower's round with 5 s of local work, in clear, {way}: {clear:.1f} (goal {GOAL_CLEAR:g})")
    print(f"percent beyond it under secure sums, {way}: {secure:.1f} (goal {GOAL_SECURE:g})")
    print(f"times the peak memory with 1,000 sites as with 10: {times:.2f} (goal {GOAL_GROWTH:g})")
    print(f"processor seconds of a federated audit of 100 sites and 24 cells: {longest:.1f} (goal {GOAL_AUDIT_S:g})")


if __name__ == "__main__":
    main()
