"""Peak memory of a run with 10, 100 and 1,000 sites, each in a fresh process.

    python bench/rounds_growth.py COURSE SIZE SITES ROUNDS

prints what one process measured of itself. The peak is the kernel's high-water mark of this process's own memory
(`VmHWM`); what `getrusage` tells would hold its parent's too. How much of torch's libraries the kernel has in memory
differs by tens of megabytes between runs of the same thing, so what is compared is what rounds add to the peak before
them. Freed blocks go back to the system at once (`MALLOC_MMAP_THRESHOLD_`): otherwise the peak tells where the
allocator happened to find room.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import starmap
from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")
HANDLES: Final = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """One run."""

    course: str
    n_sites: int
    size: int
    megabytes: float
    """Peak of the whole process."""
    before: float
    """Peak before the first round: imports, sites, the first model."""
    seconds: float
    """Processor seconds of the last round."""
    handles: int
    """Open files after the last round."""

    @property
    def added(self) -> float:
        """What rounds need, in MB."""
        return self.megabytes - self.before

    @property
    def line(self) -> str:
        """Return the row of the table."""
        per_site = 1000 * self.seconds / self.n_sites
        return (
            f"  {self.course:<17} {self.n_sites:>6,} {self.megabytes:>10.0f} {self.before:>12.0f} {self.seconds:>9.2f}"
            f" {per_site:>13.1f} {self.handles:>6}"
        )


HEAD: Final = "  course             sites    peak MB   before, MB   round s   ms for a site   files"


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    for line in STATUS.read_text(encoding="ascii").splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(course: str, size: int, n_sites: int, n_rounds: int) -> Grown:
    """Run here, and return what it took."""
    from rounds_courses import Setting, course_of, quiet, update_of

    update_of(size)
    setting, before = Setting(size=size, n_sites=n_sites, n_rounds=n_rounds), peak()
    with tempfile.TemporaryDirectory() as folder, quiet():
        lap = course_of(course)(setting, Path(folder))
    handles = len(list(HANDLES.iterdir())) - 1 if HANDLES.exists() else 0
    return Grown(
        course=course,
        n_sites=n_sites,
        size=size,
        megabytes=peak(),
        before=before,
        seconds=lap.processor[-1] - lap.processor[-2],
        handles=handles,
    )


def grown(jobs: Sequence[tuple[str, int, int, int]], *, at_once: int) -> Iterator[Grown]:
    """Run each job in a process of its own, so many at once, and yield what they took in order."""
    for at in range(0, len(jobs), at_once):
        started = list(starmap(_started, jobs[at : at + at_once]))
        for process in started:
            told, _ = process.communicate()
            if process.returncode:
                raise SystemExit(f"a run ended with {process.returncode}")
            yield Grown(**json.loads(told))


def _started(course: str, size: int, n_sites: int, n_rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, course, str(size), str(n_sites), str(n_rounds)]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    print(json.dumps(asdict(measured(name, *map(int, numbers)))))
