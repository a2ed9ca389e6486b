"What the README shows is executed: its Python as it stands, and its commands, the long ones shortened."
import re, shlex, shutil, tempfile
from pathlib import Path

from tools import BIN, ENV, ROOT, Failed, must

FEW = '{"' + '": 6, "'.join("0123456789") + '": 6}'
SHORTER = {                                   # a command as written -> what it is executed as
    "python -m pip install .": "python -m pip install --quiet --no-deps --no-build-isolation --target installed .",
    "./run_all.sh": "./run_all.sh --dry-run",
    "./run_all.sh test": "./run_all.sh test usage",
    "./run_all.sh study": "./run_all.sh study --dry-run",
    "bayesflow-maps --model mnist-flow --count 100000 --lite --out many":
        "bayesflow-maps --model mnist-flow --count 4 --lite --fit-images 50 --steps 2 --out many",
    "bayesflow-train --dataset MNIST --method flow --lite --out mine":
        f"bayesflow-train --dataset MNIST --method flow --lite --out mine --epochs 1 --per-class '{FEW}'",
}


def readme(): return (ROOT/"README.md").read_text(encoding="utf-8")


def clone(tmp, figures=False):
    "A fresh clone with the present files, figures or not, in which `run_all.sh` finds our environment."
    folder = Path(tmp)/"bayesflow"
    for f in must("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if not (ROOT/f).is_file() or f.startswith("figures/") and not figures: continue
        (folder/f).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/f, folder/f)
    must("git", "init", "--quiet", cwd=folder)
    (folder/".venv").mkdir()
    for part in BIN.parent.iterdir():
        if part.name != "installed": (folder/".venv"/part.name).symlink_to(part)
    (folder/".venv/installed").write_text(f"{folder.resolve()}\n" + (folder/"pyproject.toml").read_text())
    return folder


def commands():
    "The commands of the README, in its blocks and in its tables."
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", readme(), re.M | re.S))
    lines = [line.split(" #")[0].strip() for line in blocks.splitlines()]
    return list(dict.fromkeys(filter(None, lines + re.findall(r"^\| `(bayesflow-[^`]+)` \|", readme(), re.M))))


def shell():
    "Every command of the README runs."
    with tempfile.TemporaryDirectory() as tmp:
        folder = clone(tmp)
        env = {**ENV, "PATH": f"{folder/'.venv/bin'}:{ENV['PATH']}", "PYTHONPATH": str(folder)}
        if len(found := commands()) < 6: raise Failed(f"found only the commands {found}")
        for line in found: must(*shlex.split(SHORTER.get(line, line)), cwd=folder, env=env)
        missing = [f for f in ("samples", "maps", "many", "mine") if not any((folder/f).glob("*"))]
        if missing: raise Failed(f"nothing was written to {', '.join(missing)}")


def python():
    "The Python of the README runs as it stands."
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", readme(), re.M | re.S))
    if "out.plot()" not in code: raise Failed("the README shows no Python that ends in a plot.")
    with tempfile.TemporaryDirectory() as tmp:
        must(BIN/"python", "-c", code, cwd=tmp, env={**ENV, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"})


def short():
    "The README stays short: 200 lines and 12 KB."
    lines, size = readme().count("\n"), len(readme().encode())
    if lines > 200 or size > 12_000: raise Failed(f"README.md has {lines} lines and {size:,} bytes.")


def steps(): return [("README: Python", python), ("README: commands", shell), ("README: length", short)]
