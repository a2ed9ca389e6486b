"The wheel: what it holds, how large it is, and that its commands work from an empty folder."
import json, re, tempfile, zipfile
from pathlib import Path

import documented
from tools import BIN, ENV, ROOT, Failed, must

LARGEST = 30_000_000          # bytes
INFO = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}
FIGURES = {f"uncertainty_{name}.{kind}" for name in ("maps", "by_step", "single") for kind in ("png", "pdf")}


def built(tmp):
    "The wheel of a fresh clone, with the setuptools that are installed here."
    folder = documented.clone(tmp)
    must(BIN/"python", "-m", "build", "--wheel", "--no-isolation", "--outdir", Path(tmp)/"dist", cwd=folder)
    wheel, = (Path(tmp)/"dist").glob("*.whl")
    return folder, wheel


def check_content(folder, wheel):
    "The wheel holds the modules and the assets of the package, its metadata, and nothing else."
    with zipfile.ZipFile(wheel) as z: names = {n for n in z.namelist() if not n.endswith("/")}
    info = "-".join(wheel.name.split("-")[:2]) + ".dist-info/"
    package = {p.relative_to(folder).as_posix() for p in (folder/"bayesflow").rglob("*") if p.is_file()}
    wanted = package | {info + n for n in INFO}
    if names != wanted: raise Failed("in the wheel or missing in it: " + ", ".join(sorted(names ^ wanted)))
    manifest = json.loads((folder/"bayesflow/assets/manifest.json").read_text())
    assets = {Path(n).name for n in names if n.startswith("bayesflow/assets/")} - {"manifest.json"}
    if assets != set(manifest): raise Failed(f"assets and manifest differ: {sorted(assets ^ set(manifest))}")
    if wheel.stat().st_size > LARGEST: raise Failed(f"{wheel.name} has {wheel.stat().st_size:,} bytes.")


def check_commands(folder, site, empty):
    "The commands are there, and maps are made in an empty folder by the package that is in the wheel."
    commands = set(re.findall(r"^(bayesflow-\w+) =", (folder/"pyproject.toml").read_text(), re.M))
    if missing := commands - {p.name for p in (site/"bin").iterdir()}: raise Failed(f"no commands {sorted(missing)}")
    env = {**ENV, "PYTHONPATH": str(site)}
    found = must(BIN/"python", "-c", "import bayesflow; print(bayesflow.__file__)", cwd=empty, env=env).strip()
    if not found.startswith(str(site)): raise Failed(f"import bayesflow took {found}")
    options = "--model mnist-flow --labels 0-9 --lite --rank 1 --steps 2 --out out".split()
    must(BIN/"python", site/"bin/bayesflow-uncertainty", *options, cwd=empty, env=env)
    written = {p.name for p in (empty/"out").iterdir()}
    if written != FIGURES | {"uncertainty.safetensors"}: raise Failed(f"written: {sorted(written)}")
    if left := sorted(p.name for p in empty.iterdir() if p.name != "out"): raise Failed(f"left behind: {left}")


def tested():
    "The wheel is built from a clone, has what it should have, and works beside the dependencies that are here."
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp).resolve()
        folder, wheel = built(tmp)
        check_content(folder, wheel)
        site, empty = tmp/"site", tmp/"empty"
        empty.mkdir()
        must(BIN/"python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel)
        check_commands(folder, site, empty)


def steps(): return [("wheel", tested)]
