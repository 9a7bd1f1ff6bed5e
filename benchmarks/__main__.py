"""`python -m benchmarks`: measure, print Markdown."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cases, report, runner, systems

if TYPE_CHECKING:
    from benchmarks.values import Result


def main() -> int:
    """Run the cases asked for; fail if a measurement did, not if a budget did."""
    known = cases.registry()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=known, help="a case; may be repeated")
    parser.add_argument(
        "--system", action="append", choices=systems.registry(), help="a system; may be repeated"
    )
    parser.add_argument("--rounds", type=int, help="rounds per case, instead of each case's own")
    parser.add_argument("--quick", action="store_true", help="one round, a fifth of the events")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there too")
    options = parser.parse_args()
    results: list[Result] = []
    print(f"{report.versions()}\n", flush=True)
    for name in options.only or known:
        result = runner.run(
            known[name], only=options.system or (), rounds=options.rounds, quick=options.quick
        )
        results.append(result)
        print("\n".join(report.markdown(result)), flush=True)
        if options.json:  # after every case: a long run may be cut short
            text = json.dumps(report.record(results), indent=2)
            options.json.write_text(text + "\n", encoding="utf-8")
    failed = any(why.startswith("failed") for item in results for why in item.absent.values())
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
