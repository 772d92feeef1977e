"""`python -m benchmarks [NAME...]`: measures, prints a Markdown table each, keeps them under benchmarks/out."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Scale
from benchmarks.report import OUT, Report, machine_facts, markdown, store, stored

NAMES = ("module", "solvers", "startup", "memory", "scaling", "dsl", "scrape", "cluster")
"""All benchmarks, in the order in which they run; each is a module with `measure(scale)`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks, all by default; a target that is missed is told, not an error."""
    options = parser().parse_args(arguments)
    for name in options.names or NAMES:
        if options.markdown:
            print(stored(name, options.out) or f"{name}: never measured here; run `python -m benchmarks {name}`\n")
            continue
        report = run(name, options.scale)
        facts = machine_facts()
        store(report, facts, options.out)
        print(markdown(report, facts), flush=True)
    return 0


def run(name: str, scale: Scale) -> Report:
    """Run one benchmark."""
    report: Report = importlib.import_module(f"benchmarks.{name}").measure(scale)
    return report


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure batt beside its alternatives.")
    top.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"some of: {', '.join(NAMES)}")
    size = top.add_mutually_exclusive_group()
    for scale, help_text in (
        (Scale.TINY, "only show that it works"),
        (Scale.QUICK, "small inputs, few rounds: the order of magnitude"),
        (Scale.FULL, "the largest inputs too (100,000 candidates): several minutes"),
    ):
        size.add_argument(f"--{scale}", dest="scale", action="store_const", const=scale, help=help_text)
    top.set_defaults(scale=Scale.USUAL)
    top.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where reports are kept (benchmarks/out)")
    top.add_argument("--markdown", action="store_true", help="print the tables of the last runs, measure nothing")
    return top


if __name__ == "__main__":
    sys.exit(main())
