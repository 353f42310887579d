"""Runs the benchmarks, one after the other, and writes what they print into docs/explanation/benchmarks.md.

    python benchmarks/report.py [--only NAME …] [--quick]

Each has a part of the page, between marks, with the machine, the day and the versions it ran with; `--only` renews some.
`--quick` runs small forms and prints them, to see that all of them run; their figures say nothing, so the page stays.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from PIL import features

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "explanation" / "benchmarks.md"
#: Longer than each may take on a machine that does nothing else.
_SECONDS_MAX = 1800
_PACKAGES = ("numpy", "pillow", "pdqhash", "threatexchange", "faiss-cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One run of one script."""

    name: str
    title: str
    script: str
    arguments: tuple[str, ...] = ()
    #: What makes it small.
    quick: tuple[str, ...] = ()

    def command(self) -> str:
        """As a reader types it."""
        return " ".join(("python", f"benchmarks/{self.script}", *self.arguments))


_FEW = ("--seeds", "1", "2")
BENCHMARKS = (
    Benchmark(
        name="hash_photo",
        title="Photos",
        script="hash_photo.py",
        quick=(*_FEW, "--per-size", "2", "--timed", "1", "--repeat", "1", "--sizes", "1", "3"),
    ),
    Benchmark(
        name="jpeg_reader",
        title="JPEGs read at an eighth",
        script="jpeg_reader.py",
        quick=(*_FEW, "--per-size", "2", "--repeat", "1", "--kinds", "2 MP progressive", "0.5 MP baseline"),
    ),
    Benchmark(name="isolation", title="Isolation", script="isolation.py", quick=(*_FEW, "--count", "4")),
    Benchmark(
        name="lookup_even",
        title="Look-ups: even hashes",
        script="index_lookup.py",
        arguments=("--shapes", "even"),
        quick=(*_FEW, "--rows", "100000", "--queries", "200", "--peer-queries", "10"),
    ),
    Benchmark(
        name="lookup_photo_like",
        title="Look-ups: clustered, correlated, photo-like hashes",
        script="index_lookup.py",
        arguments=("--shapes", "photo-like"),
        quick=(*_FEW, "--rows", "100000", "--queries", "200", "--peer-queries", "10"),
    ),
    Benchmark(
        name="index_build",
        title="Building, opening, memory",
        script="index_build.py",
        quick=(*_FEW, "--rows", "100000"),
    ),
    Benchmark(
        name="index_large",
        title="A hundred million hashes",
        script="index_large.py",
        quick=(*_FEW, "--rows", "200000", "--peer-rows", "100000", "--queries", "200"),
    ),
    Benchmark(name="index_delta", title="Changes", script="index_delta.py", quick=(*_FEW, "--rows", "100000")),
    Benchmark(
        name="false_alarms",
        title="False alarms",
        script="false_alarms.py",
        arguments=("--mistakes", "900"),
        quick=(*_FEW, "--pictures", "90", "--rows", "10000", "--mistakes", "45"),
    ),
    Benchmark(
        name="recall",
        title="Altered copies found",
        script="recall.py",
        quick=(*_FEW, "--count", "1"),
    ),
    Benchmark(
        name="gate_past",
        title="Uploads of before",
        script="gate_past.py",
        quick=("--seeds", "1", "--uploads", "60000", "--days", "3", "--look-ups", "50"),
    ),
    Benchmark(
        name="gate_past_pictures",
        title="Uploads of before that look alike",
        script="gate_past_pictures.py",
        quick=("--seeds", "1", "--uploads", "20000", "--days", "3", "--look-ups", "20", "--at-once", "20"),
    ),
    Benchmark(
        name="gate_check",
        title="The gate",
        script="gate_check.py",
        quick=("--seeds", "1", "--rows", "2000", "--peer-rows", "2000", "--seconds", "0.5"),
    ),
    Benchmark(
        name="gate_views",
        title="Every view of an upload",
        script="gate_views.py",
        quick=("--seeds", "1", "--rows", "2000", "--sizes", "1", "--photos", "1", "--repeat", "1", "--look-ups", "5"),
    ),
    Benchmark(
        name="triage",
        title="Triage",
        script="triage.py",
        arguments=("--plot", "docs/images/triage.svg"),
        quick=("--seeds", "3001", "--loads", "3", "--small"),
    ),
    Benchmark(
        name="linking",
        title="Linking: the rules",
        script="linking.py",
        quick=("--seeds", "1", "--reports", "2000", "--new", "50", "--leaders", "10000"),
    ),
    Benchmark(
        name="linking_stored",
        title="Linking: in the database",
        script="linking_stored.py",
        quick=("--reports", "2000", "--new", "50"),
    ),
    Benchmark(
        name="report_intake",
        title="Reports taken in",
        script="report_intake.py",
        quick=("--seeds", "1", "--bundles", "300", "--files", "5"),
    ),
)
#: What the scripts share.
_SHARED = {
    "figures.py",
    "gate_list.py",
    "gate_load.py",
    "gate_peer.py",
    "hash_shapes.py",
    "ordinary_pictures.py",
    "report.py",
    "triage_plot.py",
}


def every_benchmark() -> list[Benchmark]:
    """Those above, then each other script of the folder as it is, under its own name."""
    named = {benchmark.script for benchmark in BENCHMARKS} | _SHARED
    others = sorted(path for path in FOLDER.glob("*.py") if path.name not in named)
    further = [
        Benchmark(name=path.stem, title=path.stem.replace("_", " ").capitalize(), script=path.name) for path in others
    ]
    return [*BENCHMARKS, *further]


def main() -> int:
    """Runs them; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[benchmark.name for benchmark in every_benchmark()])
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    failed = []
    for benchmark in every_benchmark():
        if arguments.only and benchmark.name not in arguments.only:
            continue
        if arguments.quick and not benchmark.quick:
            continue
        print(f"== {benchmark.command()}", flush=True)
        start = time.monotonic()
        told = run(benchmark, quick=arguments.quick)
        print(f"== {time.monotonic() - start:.0f} s", flush=True)
        if told is None:
            failed.append(benchmark.name)
        elif not arguments.quick:
            PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), benchmark, told), encoding="utf-8")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(benchmark: Benchmark, *, quick: bool) -> str | None:
    """What it printed, which is passed on as it comes; None if it failed or took too long."""
    command = [sys.executable, str(FOLDER / benchmark.script), *benchmark.arguments, *(benchmark.quick if quick else ())]
    lines = []
    deadline = time.monotonic() + _SECONDS_MAX
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
            if time.monotonic() > deadline:
                process.kill()
    return "".join(lines) if process.returncode == 0 else None


def with_part(page: str, benchmark: Benchmark, told: str) -> str:
    """The page with what a benchmark told in its part; a benchmark that has none yet gets one at the end."""
    begin, end = f"<!-- {benchmark.name}: begin -->", f"<!-- {benchmark.name}: end -->"
    part = f"{begin}\n\n## {benchmark.title}\n\n`{benchmark.command()}`, {circumstances()}\n\n{told.strip()}\n\n{end}"
    before, found, rest = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{part}\n"
    return before + part + rest.partition(end)[2]


def circumstances() -> str:
    """The day, the machine, the versions."""
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, on {processor()} ({os.cpu_count()} processors, {memory_gb:.0f} GB), "
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, {versions}, "
        f"libjpeg-turbo {features.version('libjpeg_turbo')}."
    )


def processor() -> str:
    """The processor's name for itself."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
