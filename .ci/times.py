"""The README's commands as written, in a fresh clone of the committed state, and how long each takes on this machine.

Writes figures/running_times.json. A command that fails ends it. The tests run the commands too, all but the three of
`documented.LONG`.

    .venv/bin/python .ci/times.py              all commands: an hour on two cores
    .venv/bin/python .ci/times.py run_all      only what is named; older times stay in the file
    .venv/bin/python .ci/times.py --figures    and keep the figures that the clone made
"""
import json, os, shlex, shutil, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = dict(install="./run_all.sh --list",
                generate="bayesflow-generate --model mnist-flow --labels 0-9 --out samples",
                uncertainty="bayesflow-uncertainty --model mnist-flow --labels 0-9 --lite --out maps",
                maps="bayesflow-maps --model mnist-flow --count 20 --lite --out many",
                train="bayesflow-train --dataset MNIST --method flow --lite --epochs 1 --out mine",
                list="bayesflow-run --list", study="./run_all.sh study --profile smoke",
                test="./run_all.sh test", run_all="./run_all.sh")     # last: new numbers differ from the stored pages


def seconds(line, cwd):
    "Run a command to its end, its output to ours; its time. Stops here when it fails."
    start = time.perf_counter()
    env = {**os.environ, "PATH": f"{cwd/'.venv/bin'}:{os.environ['PATH']}"}
    code = subprocess.call(shlex.split(line), cwd=cwd, stdin=subprocess.DEVNULL, env=env)
    if code: sys.exit(f"{line} ended with exit code {code}; no times written.")
    return round(time.perf_counter() - start, 1)


def remember(name, seconds):
    "Write how long a command took; the times of the others stay."
    path = ROOT/"figures/running_times.json"
    known = json.loads(path.read_text())["times"] if path.exists() else {}
    times = {n: v for n, v in known.items() if n in COMMANDS} | {name: dict(command=COMMANDS[name], seconds=seconds)}
    part = path.with_name(".running_times.part.json")
    found = dict(command=".venv/bin/python .ci/times.py", cores=os.cpu_count(), times=times)
    part.write_text(json.dumps(found, indent=1) + "\n")
    os.replace(part, path)


def main(wanted, figures):
    unknown = sorted(set(wanted) - set(COMMANDS))
    if unknown: sys.exit(f"unknown: {', '.join(unknown)}; choose from {', '.join(COMMANDS)}.")
    with tempfile.TemporaryDirectory() as tmp:
        clone = Path(tmp)/"bayesflow"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for name in dict.fromkeys(["install", *(wanted or COMMANDS)]):
            remember(name, took := seconds(COMMANDS[name], clone))
            print(f"{COMMANDS[name]}: {took} s", flush=True)
        own = shutil.ignore_patterns("running_times.json")              # the clone has the older one
        if figures: shutil.copytree(clone/"figures", ROOT/"figures", dirs_exist_ok=True, ignore=own)


if __name__ == "__main__": main([a for a in sys.argv[1:] if a != "--figures"], "--figures" in sys.argv)
