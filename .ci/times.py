"""How long the README's two commands take on this machine, in a fresh clone of the committed state: writes figures/running_times.json.

    .venv/bin/python .ci/times.py
"""
import json, os, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(*cmd, cwd):
    "Run a command to its end, its output to ours; its time. Stops here when it fails."
    start = time.perf_counter()
    if code := subprocess.call(cmd, cwd=cwd, stdin=subprocess.DEVNULL): sys.exit(f"{' '.join(cmd)} ended with exit code {code}; no times written.")
    return round(time.perf_counter() - start, 1)


with tempfile.TemporaryDirectory() as tmp:
    clone = Path(tmp)/"bayesflow"
    seconds("git", "clone", "--quiet", str(ROOT), str(clone), cwd=tmp)
    times = dict(command=".venv/bin/python .ci/times.py", cores=os.cpu_count(), install_seconds=seconds("./run_all.sh", "--list", cwd=clone),
                 run_all_seconds=seconds("./run_all.sh", cwd=clone), test_seconds=seconds("./run_all.sh", "test", cwd=clone))
part = ROOT/"figures/.running_times.json.part"
part.write_text(json.dumps(times, indent=1) + "\n")
os.replace(part, ROOT/"figures/running_times.json")
print(times)
