"""Run every benchmark, print its table, and write ``bench/results/latest.json``.

python -m bench [contract] [stops] [openai_chat] [dialects] [relay]
"""

import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

ALL = ("contract", "stops", "openai_chat", "dialects", "relay")
RESULTS = Path(__file__).parent / "results"


def table(rows: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    case = None
    for row in rows:
        if row["case"] != case:
            case = row["case"]
            lines.append(f"\n{row['bench']}: {case}")
        unit = next(key for key in row if key.endswith(("_per_chunk", "_per_event")))
        ratios = "  ".join(f"{value:.2f}x {name}" for name, value in row["ratio"].items())
        more = "".join(f"  {name} {row[name]:,.1f}" for name in row.get("more", ()))
        lines.append(f"  {row['contender']:<24} {row[unit]:>12,.2f} {unit.replace('_per_', ' a ')}{more}   {ratios}")
    return "\n".join(lines)


def main(names: list[str]) -> None:
    rows: list[dict[str, Any]] = []
    for name in names or ALL:
        found = importlib.import_module(f"bench.{name}").run()
        print(table(found), flush=True)
        rows += found
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    (RESULTS / "latest.json").write_text(json.dumps({**machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
