"""How long the README's commands take on this machine, in a fresh clone of the committed state.

Writes figures/running_times.json.

    .venv/bin/python .ci/times.py              the figures and the tests
    .venv/bin/python .ci/times.py study        only what is named, here the study (hours); older times stay in the file
    .venv/bin/python .ci/times.py --figures    and keep the figures that the clone made
"""
import json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(*cmd, cwd):
    "Run a command to its end, its output to ours; its time. Stops here when it fails."
    start = time.perf_counter()
    code = subprocess.call(cmd, cwd=cwd, stdin=subprocess.DEVNULL)
    if code: sys.exit(f"{' '.join(cmd)} ended with exit code {code}; no times written.")
    return round(time.perf_counter() - start, 1)


LABELS = "--model mnist-flow --labels 0-9 --out"
COMMANDS = dict(run_all="./run_all.sh", test="./run_all.sh test", study="./run_all.sh study",
                generate=f".venv/bin/bayesflow-generate {LABELS} samples",
                uncertainty=f".venv/bin/bayesflow-uncertainty {LABELS} maps --lite")
wanted = [a for a in sys.argv[1:] if a != "--figures"] or ["generate", "uncertainty", "run_all", "test"]
unknown = sorted(set(wanted) - set(COMMANDS))
if unknown: sys.exit(f"unknown: {', '.join(unknown)}; choose from {', '.join(COMMANDS)}.")
path = ROOT/"figures/running_times.json"
with tempfile.TemporaryDirectory() as tmp:
    clone = Path(tmp)/"bayesflow"
    seconds("git", "clone", "--quiet", str(ROOT), str(clone), cwd=tmp)
    install = seconds("./run_all.sh", "--list", cwd=clone)
    times = dict(command=".venv/bin/python .ci/times.py", cores=os.cpu_count(), install_seconds=install)
    for name in wanted: times[f"{name}_seconds"] = seconds(*COMMANDS[name].split(), cwd=clone)
    if "--figures" in sys.argv: shutil.copytree(clone/"figures", ROOT/"figures", dirs_exist_ok=True)
times = {**(json.loads(path.read_text()) if path.exists() else {}), **times}
part = path.with_name(".running_times.part.json")
part.write_text(json.dumps(times, indent=1) + "\n")
os.replace(part, path)
print(times)
