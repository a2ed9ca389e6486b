"What the README shows is executed as it stands: its Python and its commands, all but three that take long."
import re, shlex, shutil, tempfile
from pathlib import Path

import times
from tools import BIN, ENV, ROOT, Failed, must

INSTALL = "python -m pip install ."
LONG = {                         # `.ci/times.py` executes these as written; the tests execute what stands behind them
    "./run_all.sh": "./run_all.sh --dry-run",
    "./run_all.sh test": "./run_all.sh test usage",
    "./run_all.sh study --profile smoke": "./run_all.sh study --profile smoke --dry-run",
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


def install():
    "`pip install` as written, in an environment of its own that sees the dependencies that are here."
    with tempfile.TemporaryDirectory() as tmp:
        folder, env = clone(tmp), Path(tmp)/"env"
        must(BIN/"python", "-m", "venv", env)
        here, site = (must(p, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
                      for p in (BIN/"python", env/"bin/python"))
        (Path(site)/"dependencies.pth").write_text(here + "\n")
        must(env/"bin/python", *shlex.split(INSTALL)[1:], cwd=folder, env={**ENV, "PYTHONPATH": ""})
        found = must(env/"bin/python", "-c", "import bayesflow; print(bayesflow.__file__)", cwd=tmp,
                     env={**ENV, "PYTHONPATH": ""}).strip()
        if not Path(found).is_relative_to(site): raise Failed(f"import bayesflow took {found}")


def shell():
    "Every command of the README runs in a fresh clone."
    with tempfile.TemporaryDirectory() as tmp:
        folder = clone(tmp)
        env = {**ENV, "PATH": f"{folder/'.venv/bin'}:{ENV['PATH']}", "PYTHONPATH": str(folder)}
        found, timed = commands(), set(times.COMMANDS.values())
        if other := timed.symmetric_difference(set(found) - {INSTALL}):
            raise Failed(f"not both in the README and in .ci/times.py: {sorted(other)}")
        for line in found:
            if line != INSTALL: must(*shlex.split(LONG.get(line, line)), cwd=folder, env=env)
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


def steps():
    return [("README: Python", python), ("README: commands", shell), ("README: pip install", install),
            ("README: length", short)]
