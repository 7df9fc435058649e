#!/usr/bin/env python3
"""Breaks the code on purpose, one fault at a time, and tells which faults no test has noticed: `make mutants`.

The faults are listed in tests/mutants.toml: a file, the exact text in it, what stands there instead, and why that would
be wrong. Each is applied to a copy of the repository, and the unit and contract tests must fail there; without a fault
they must pass, or nothing would be proven. A fault that survives, or whose text is no longer in its file exactly once,
fails this run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutants.toml"
LEFT_OUT = (".venv", ".git", ".cache", ".hypothesis", "__pycache__", "output")
BASELINE_SECONDS = 1800.0
PATIENCE = 4
"""A fault may make a test hang, which is noticed as well: so many times as long as all tests take without a fault."""


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    file: str
    old: str
    new: str
    why: str

    @property
    def tests(self) -> list[str]:
        """Where it must be noticed: in the service's own unit tests, those of its room first, or in the contract."""
        service, room = ("api" if self.file.startswith("status-state-api/") else "controller"), self.file.split("/")[2]
        own = ROOT / "tests" / "unit" / service / room
        return [*([str(own.relative_to(ROOT))] if own.is_dir() else []), *ALL_TESTS[service]]


ALL_TESTS = {service: (f"tests/unit/{service}", "tests/contract") for service in ("api", "controller")}


def copy_repository(to: Path) -> None:
    """Copy the repository, without what is made from it."""
    shutil.copytree(ROOT, to, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))


def run_tests(tests: Iterable[str], copy: Path, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run tests in a copy, until the first one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=copy, capture_output=True, timeout=seconds, check=False)


def is_noticed(mutant: Mutant, copy: Path, seconds: float) -> bool:
    """Apply a fault to a copy, run the tests there, and take it back."""
    file = copy / mutant.file
    if not file.is_file():
        raise ValueError("there is no such file")
    right = file.read_text(encoding="utf-8")
    if right.count(mutant.old) != 1:
        message = f"its text stands there {right.count(mutant.old)} times, not once"
        raise ValueError(message)
    file.write_text(right.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        done = run_tests(mutant.tests, copy, seconds)
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(right, encoding="utf-8")
    # 1: a test failed; 2: they could not even be collected. Anything else tells nothing.
    if done.returncode not in {0, 1, 2}:
        message = f"pytest ended with {done.returncode}: {done.stdout.decode()[-500:]}"
        raise ValueError(message)
    return done.returncode != 0


def main() -> int:
    """Run them all; 1 when one survives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="how many are tried at once")
    parser.add_argument("word", nargs="?", default="", help="only those whose file or reason holds this word")
    arguments = parser.parse_args()
    listed = [Mutant(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]]
    mutants = [one for one in listed if arguments.word in f"{one.file} {one.why}"]
    failures: list[str] = []
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        for number in range(arguments.jobs):
            copy_repository(Path(folder) / str(number))
            copies.put(Path(folder) / str(number))
        begun = time.monotonic()
        for service in sorted({one.file.partition("/")[0].removeprefix("status-state-") for one in mutants}):
            without = run_tests(ALL_TESTS[service], Path(folder) / "0", BASELINE_SECONDS)
            if without.returncode != 0:
                print(f"The tests of {service} fail without any fault:\n{without.stdout.decode()[-2000:]}")
                return 1
        patience = PATIENCE * (time.monotonic() - begun)

        def run(mutant: Mutant) -> str:
            copy = copies.get()
            try:
                verdict = "noticed" if is_noticed(mutant, copy, patience) else "SURVIVED"
            except ValueError as error:
                verdict = f"CAN'T BE TRIED ({error})"
            finally:
                copies.put(copy)
            return verdict

        for mutant, verdict in zip(mutants, pool.map(run, mutants), strict=True):
            line = f"{verdict:9} {mutant.file}: {mutant.why}"
            print(line, flush=True)
            if verdict != "noticed":
                failures.append(line)
    print(f"{len(mutants) - len(failures)} of {len(mutants)} faults were noticed")
    return 1 if failures or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
