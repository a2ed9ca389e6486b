"""Everything that must pass: one line per notebook and per check, and a last line `N passed, N failed`.

    .venv/bin/python .ci/checks.py                 all of it
    .venv/bin/python .ci/checks.py readme models/  what has one of these words in its name
"""
import re, shutil, sys, tempfile, time, zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import browser, colab, documented, door, links, notebooks, outputs, provenance, sidebar, smoke, wheel
from tools import BIN, ROOT, WORKERS, Failed, cells, code_of, must, run, spent, tracked


def tags(path): return sum("parameters" in c["metadata"].get("tags", []) for c in cells(path))


def copies(to):
    "Copy the notebooks of the repository; [(notebook, copy), ...]"
    pairs = [(p, to/p.relative_to(ROOT)) for p in tracked() if p.suffix == ".ipynb"]
    for p, copy in pairs:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(p, copy)
    return pairs


def package():
    "The modules are exactly what the notebooks export, without modules of deleted notebooks and without edits by hand."
    files = lambda d: (d/"bayesflow").rglob("*.py")
    modules = lambda d: {p.relative_to(d).as_posix(): p.read_text(encoding="utf-8") for p in files(d)}
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        copies(tmp)
        (tmp/"bayesflow").mkdir()
        for f in "pyproject.toml", "bayesflow/__init__.py": shutil.copy(ROOT/f, tmp/f)
        must(BIN/"nbdev-export", cwd=tmp)
        ours, fresh = modules(ROOT), modules(tmp)
    if len(fresh) < 3: raise Failed("nbdev-export wrote no modules.")
    state = lambda n: "no notebook exports it" if n not in fresh else "is missing" if n not in ours else "differs"
    wrong = [f"{n}: {state(n)}" for n in sorted(ours.keys() | fresh.keys()) if ours.get(n) != fresh.get(n)]
    advice = "bayesflow/ is not what the notebooks export; run nbdev-export, and delete modules without a notebook."
    if wrong: raise Failed("\n".join([advice, *wrong]))


def clean():
    "nbdev-clean changes nothing, and every experiment has its one cell tagged `parameters`."
    name = lambda p: p.relative_to(ROOT).as_posix()
    with tempfile.TemporaryDirectory() as tmp:
        shutil.copy(ROOT/"pyproject.toml", tmp)
        pairs = copies(Path(tmp))
        must(BIN/"nbdev-clean", cwd=tmp)
        dirty = [name(p) for p, copy in pairs if p.read_bytes() != copy.read_bytes()]
        untagged = [name(p) for p, copy in pairs if p.parent.name == "experiments" and not tags(p) == tags(copy) == 1]
    if dirty: raise Failed("not clean; run nbdev-clean: " + ", ".join(dirty))
    if untagged:
        raise Failed("not exactly one cell tagged 'parameters', before and after nbdev-clean: " + ", ".join(untagged))


def readme():
    "README.md is what the index says."
    must(sys.executable, ROOT/".ci/readme.py", "--check")


def portable():
    "No file names a place on somebody's machine."
    place = re.compile(rb"(?<![\w.}/:\-])/(?:home|root|Users|work|mnt|tmp|var/folders)/[\w.~-]+|[A-Z]:\\\\?Users\\")
    found = [(p.relative_to(ROOT), place.search(p.read_bytes())) for p in tracked()]
    found = [f"{p}: {m[0].decode(errors='replace')}" for p, m in found if m]
    if found: raise Failed("paths of a machine:\n" + "\n".join(found))


PICKLED = re.compile(rb"'descr': '\|O'")       # the header of an array that holds pickled objects


def stored_pickle(p):
    "How a file is a pickle or contains one, or None."
    data = p.read_bytes()
    suffixes = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".bin"}
    if p.suffix in suffixes or re.match(rb"\x80[\x02-\x05].*\.$", data, re.S): return "is a pickle"
    if p.suffix == ".npy" and PICKLED.search(data[:256]): return "is an array of pickles"
    if p.suffix in (".npz", ".zip"):
        with zipfile.ZipFile(p) as z:
            for n in z.namelist():
                with z.open(n) as f: head = f.read(256)
                if n.endswith(".pkl") or PICKLED.search(head): return f"contains the pickle {n}"


def loads_pickle(line):
    "Does a line of code load a pickle?"
    unsafe = re.search(r"\bpickle\.loads?\(|allow_pickle *= *True|weights_only *= *False", line)
    return unsafe or ("torch.load(" in line and "weights_only=True" not in line)


def pickles():
    "No pickle is stored, and none is loaded."
    found = [f"{p.relative_to(ROOT)} {how}" for p in tracked() for how in [stored_pickle(p)] if how]
    for p in tracked():
        if p.suffix not in (".py", ".ipynb") or ROOT/".ci" in p.parents: continue
        code = code_of(p) if p.suffix == ".ipynb" else p.read_text(encoding="utf-8")
        found += [f"{p.relative_to(ROOT)}: {line.strip()}" for line in code.splitlines() if loads_pickle(line)]
    if found: raise Failed("\n".join(found))


def run_table():
    "Every run of settings.ini fits its notebook, in every profile, and every experiment is the notebook of some run."
    from bayesflow.runs.table import read_runs
    profiles = re.findall(r"^\[profile\.(\w+)\]", (ROOT/"settings.ini").read_text(encoding="utf-8"), re.M)
    for p in profiles: must(BIN/"bayesflow-run", "--all", "--dry-run", "--profile", p)
    used = {r.notebook.name for r in read_runs(ROOT/"settings.ini").values()}
    unused = [p.name for p in (ROOT/"nbs/experiments").glob("*.ipynb") if p.name not in used]
    if unused: raise Failed("no run of settings.ini executes " + ", ".join(unused))


def shell():
    "run_all.sh refuses what it does not know."
    code, out = run("bash", "run_all.sh", "tset")
    if code != 2 or "Usage" not in out: raise Failed(f"./run_all.sh tset: exit code {code}\n{out}")


def steps():
    "(name, function, arguments) of everything: long ones first, short ones last, so that no worker waits for the other."
    aside = lambda p: {"experiments", ".ipynb_checkpoints"} & set(p.relative_to(ROOT).parts)
    tested = [p for p in sorted((ROOT/"nbs").rglob("*.ipynb")) if not aside(p) and code_of(p).strip()]
    shown = set(outputs.with_outputs())            # executed once, as tests and for their outputs
    res = [(p.relative_to(ROOT).as_posix(), outputs.check if p in shown else notebooks.notebook, p) for p in tested]
    long = [("explorer in a browser", browser.tested), *documented.steps(), *colab.steps()]
    return [*long, *smoke.steps(), *res, ("package equals notebooks", package), ("notebooks clean", clean),
            ("README equals index", readme), ("no machine paths", portable), ("no pickles", pickles), ("run table", run_table),
            ("run_all.sh usage", shell), ("ratchet", must, sys.executable, ROOT/".ci/ratchet.py"),
            *wheel.steps(), *links.steps(), *sidebar.steps(), *provenance.steps(), *door.steps()]


def do(step):
    "Do one step and print how it went."
    name, f, *args = step
    start, spent.seconds = time.perf_counter(), 0
    try: f(*args)
    except Failed as e: error = str(e)
    except Exception as e: error = f"{type(e).__name__}: {e}"
    else: error = None
    tail = "".join(f"\n    {l}" for l in error.rstrip().splitlines()[-40:]) if error else ""
    took = f"{time.perf_counter() - start:.1f} s, CPU {spent.seconds:.1f} s"
    print(f"{'FAIL' if error else 'pass'}  {name}  ({took}){tail}", flush=True)
    return name, not error, spent.seconds


def main(words):
    try: todo = steps()
    except Exception as e:  # a package that cannot be imported, a table that cannot be read
        print(f"FAIL  {type(e).__name__}: {e}\n0 passed, 1 failed")
        return 1
    todo = [s for s in todo if not words or any(w in s[0] for w in words)]
    notebooks.prepare()
    with ThreadPoolExecutor(WORKERS) as pool: results = list(pool.map(do, todo))
    failed = [n for n, ok, _ in results if not ok]
    print(f"CPU {sum(used for *_, used in results) / 60:.1f} min")
    if failed: print("failed: " + "; ".join(failed))
    if not results: print("nothing has " + " or ".join(words) + " in its name")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not results else 0


if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
