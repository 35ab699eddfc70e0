"""Run every benchmark, print its table, and write ``bench/results/latest.json``.

python -m bench [contract] [stops] [openai_chat] [dialects] [growth] [relay] [sockets]
"""

import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

ALL = ("contract", "stops", "openai_chat", "dialects", "growth", "relay", "sockets")
UNITS = ("_per_chunk", "_per_event", "_per_token", "streams")
RESULTS = Path(__file__).parent / "results"


def table(rows: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    case = None
    for row in rows:
        if row["case"] != case:
            case = row["case"]
            lines.append(f"\n{row['bench']}: {case}")
        unit = next(key for key in row if key.endswith(UNITS))
        value = "-" if row[unit] is None else f"{row[unit]:,.2f}"
        notes = [row["note"]] if "note" in row else []
        notes += (f"{name} {row[name]:,.1f}" for name in row.get("more", ()))
        notes += (f"{value:.2f}x {name}" for name, value in row["ratio"].items())
        lines.append(f"  {row['contender']:<24} {value:>12} {unit.replace('_per_', ' a ')}   {'  '.join(notes)}")
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
