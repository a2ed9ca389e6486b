"""Everything that must pass: one line per notebook and per check, and a last line `N passed, N failed`.

    .venv/bin/python .ci/checks.py            all of it
    .venv/bin/python .ci/checks.py readme 07  what has one of these words in its name
"""
import json, os, re, shutil, subprocess, sys, tempfile, time, zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
WORKERS = min(2, os.cpu_count() or 1)
ENV = {**{k: v for k, v in os.environ.items() if k not in ("IN_TEST", "WANDB_API_KEY")},
       "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1)//WORKERS)), "WANDB_MODE": "disabled"}


class Failed(Exception):
    "A check that failed; its text says how."


def run(*cmd, cwd=ROOT, timeout=900):
    "Exit code and output (both streams) of a command, without standard input."
    try:
        p = subprocess.run([str(c) for c in cmd], cwd=cwd, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    except subprocess.TimeoutExpired as e: return 124, (e.stdout or b"").decode(errors="replace") + f"\nno end after {timeout} s"
    return p.returncode, p.stdout.decode(errors="replace")


def must(*cmd, **kwargs):
    code, out = run(*cmd, **kwargs)
    if code: raise Failed(f"exit code {code}: {' '.join(map(str, cmd))}\n{out}")
    return out


def tracked():
    "The files of the repository: tracked by git, or new and not ignored."
    out = must("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [ROOT/f for f in out.split("\0") if f and (ROOT/f).is_file()]


def cells(path): return json.loads(path.read_text(encoding="utf-8"))["cells"]


def tags(path): return sum("parameters" in c["metadata"].get("tags", []) for c in cells(path))


def notebook(path):
    "The notebook's own tests. nbdev-test is content when it finds nothing to test, so its output has to name the notebook."
    out = must(BIN/"nbdev-test", path, "--n-workers", "0", "--do-print")
    if f"Completed {path}" not in out: raise Failed(f"nbdev-test did not execute it.\n{out}")


def package():
    "The modules are exactly what the notebooks export: what is left of a deleted notebook, or edited by hand, is a difference."
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        shutil.copytree(ROOT/"nbs", tmp/"nbs", ignore=shutil.ignore_patterns("data", "runs", "checkpoints", ".ipynb_checkpoints"))
        (tmp/"bayesflow").mkdir()
        for f in "pyproject.toml", "bayesflow/__init__.py": shutil.copy(ROOT/f, tmp/f)
        must(BIN/"nbdev-export", cwd=tmp)
        ours, fresh = ({p.name: p.read_text(encoding="utf-8") for p in (d/"bayesflow").glob("*.py")} for d in (ROOT, tmp))
    if len(fresh) < 3: raise Failed("nbdev-export wrote no modules.")
    wrong = [f"{n}: {'no notebook exports it' if n not in fresh else 'is missing' if n not in ours else 'differs'}"
             for n in sorted(ours.keys() | fresh.keys()) if ours.get(n) != fresh.get(n)]
    if wrong: raise Failed("bayesflow/ is not what the notebooks export; run nbdev-export, and delete modules without a notebook.\n" + "\n".join(wrong))


def clean():
    "nbdev-clean changes nothing, and every experiment has its one cell tagged `parameters`."
    nbs = [p for p in tracked() if p.suffix == ".ipynb"]
    with tempfile.TemporaryDirectory() as tmp:
        shutil.copy(ROOT/"pyproject.toml", tmp)
        for p in nbs:
            (copy := Path(tmp)/p.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(p, copy)
        must(BIN/"nbdev-clean", cwd=tmp)
        dirty = [str(p.relative_to(ROOT)) for p in nbs if p.read_bytes() != (Path(tmp)/p.relative_to(ROOT)).read_bytes()]
        untagged = [str(p.relative_to(ROOT)) for p in nbs if p.parent.name == "experiments" and not tags(p) == tags(Path(tmp)/p.relative_to(ROOT)) == 1]
    if dirty: raise Failed("not clean; run nbdev-clean: " + ", ".join(dirty))
    if untagged: raise Failed("not exactly one cell tagged 'parameters', before and after nbdev-clean: " + ", ".join(untagged))


def readme():
    "README.md is what the index says, and its links into the repository lead somewhere."
    must(sys.executable, ROOT/".ci/readme.py", "--check")
    text = (ROOT/"README.md").read_text(encoding="utf-8")
    links = [a or b for a, b in re.findall(r"""\]\(([^)\s]+)|(?:src|href)=["']([^"']+)""", text)]
    files = {p.relative_to(ROOT).as_posix() for p in tracked()}
    inside = [l.split("#")[0].rstrip("/") for l in links if not re.match(r"[a-z]+:|#", l)]
    dead = [l for l in inside if not any(f == l or f.startswith(l + "/") for f in files)]
    if dead: raise Failed("README.md links to what is not in the repository: " + ", ".join(dead))


def portable():
    "No file names a place on somebody's machine."
    place = re.compile(rb"(?<![\w.}/:\-])/(?:home|root|Users|work|mnt|tmp|var/folders)/[\w.~-]+|[A-Z]:\\\\?Users\\")
    found = [f"{p.relative_to(ROOT)}: {m[0].decode(errors='replace')}" for p in tracked() for m in [place.search(p.read_bytes())] if m]
    if found: raise Failed("paths of a machine:\n" + "\n".join(found))


def pickles():
    "No pickle is stored, and none is loaded."
    ends, found = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".bin"}, []
    for p in tracked():
        data = p.read_bytes()
        if p.suffix in ends or re.match(rb"\x80[\x02-\x05].*\.$", data, re.S): found.append(f"{p.relative_to(ROOT)} is a pickle")
        if p.suffix == ".npy" and re.search(rb"'descr': '\|O'", data[:256]): found.append(f"{p.relative_to(ROOT)} is an array of pickles")
        if p.suffix in (".npz", ".zip"):
            with zipfile.ZipFile(p) as z:
                for n in z.namelist():
                    with z.open(n) as f: head = f.read(256)
                    if n.endswith(".pkl") or re.search(rb"'descr': '\|O'", head): found.append(f"{p.relative_to(ROOT)} contains the pickle {n}")
        if p.suffix in (".py", ".ipynb") and ROOT/".ci" not in p.parents:
            code = data.decode() if p.suffix == ".py" else "\n".join("".join(c["source"]) for c in cells(p) if c["cell_type"] == "code")
            for line in code.splitlines():
                if re.search(r"\bpickle\.loads?\(|allow_pickle *= *True|weights_only *= *False", line) or ("torch.load(" in line and "weights_only=True" not in line):
                    found.append(f"{p.relative_to(ROOT)}: {line.strip()}")
    if found: raise Failed("\n".join(found))


def run_table():
    "Every run of settings.ini fits its notebook, in every profile, and every experiment is the notebook of some run."
    from bayesflow.runs import read_runs
    profiles = re.findall(r"^\[profile\.(.+)\]", (ROOT/"settings.ini").read_text(encoding="utf-8"), re.M)
    for p in profiles: must(BIN/"bayesflow-run", "--all", "--dry-run", "--profile", p)
    used = {r.notebook.name for r in read_runs(ROOT/"settings.ini").values()}
    unused = [p.name for p in (ROOT/"nbs/experiments").glob("*.ipynb") if p.name not in used]
    if unused: raise Failed("no run of settings.ini executes " + ", ".join(unused))


def shell():
    "run_all.sh refuses what it does not know."
    code, out = run("bash", "run_all.sh", "tset")
    if code != 2 or "Usage" not in out: raise Failed(f"./run_all.sh tset: exit code {code}\n{out}")


# Bad input: a command and a word of the one sentence that it has to answer with.
BAD = [
    ("bayesflow-run no-such-run", "no-such-run"),
    ("bayesflow-run --profile huge", "huge"),
    ("bayesflow-run --settings none.ini", "none.ini"),
    ("bayesflow-train --dataset CIFAR", "CIFAR"),
    ("bayesflow-train --method magic", "magic"),
    ("bayesflow-generate --model nobody", "nobody"),
    ("bayesflow-generate --sampler ddim", "ddim"),
    ("bayesflow-generate --labels 3,12", "12"),
    ("bayesflow-generate --steps 0", "steps"),
    ("bayesflow-uncertainty --propagation bayes", "bayes"),
    ("bayesflow-uncertainty --rank 34", "33"),
    ("bayesflow-train --epochs 0", "epochs"),
    ("bayesflow-train --resume --out no-such-folder", "resume"),
]


def bad(command, word):
    name, *args = command.split()
    code, out = run(BIN/name, *args)
    lines = [l for l in out.splitlines() if l.strip()]
    if code == 0 or "Traceback" in out or not lines or word not in lines[-1] or len(lines[-1]) < 20:
        raise Failed(f"exit code {code}; expected another one than 0 and a sentence with '{word}', and no traceback:\n{out}")


def first_of_a_kind(names):
    "Of runs that differ in the data set alone, such as mnist-flow-quality and fashion-flow-quality, the first. (That every bundled model loads is a test of nbs/11.)"
    return list({re.sub(r"^(mnist|fashion)-", "", n): n for n in reversed(list(names))}.values())[::-1]


def steps():
    "(name, function, arguments) of everything, the long ones first."
    from bayesflow.runs import read_runs
    res = [("package equals notebooks", package), ("notebooks clean", clean), ("README equals index", readme), ("no machine paths", portable),
           ("no pickles", pickles), ("run table", run_table), ("run_all.sh usage", shell)]
    res += [(f"nbs/{p.name}", notebook, p) for p in sorted((ROOT/"nbs").glob("*.ipynb"))]
    res += [(f"smoke run {n}", must, BIN/"bayesflow-run", n, "--profile", "smoke", "--force") for n in first_of_a_kind(read_runs(ROOT/"settings.ini", "smoke"))]
    res += [(f"bad input: {c}", bad, c, word) for c, word in BAD]
    return res


def do(step):
    "Do one step and say how it went."
    name, f, *args = step
    start = time.perf_counter()
    try: f(*args)
    except Failed as e: error = str(e)
    except Exception as e: error = f"{type(e).__name__}: {e}"
    else: error = None
    tail = "".join(f"\n    {l}" for l in error.rstrip().splitlines()[-40:]) if error else ""
    print(f"{'FAIL' if error else 'pass'}  {name}  ({time.perf_counter() - start:.1f} s){tail}", flush=True)
    return name, not error


def main(words):
    try: todo = steps()
    except Exception as e:  # a package that cannot be imported, a table that cannot be read
        print(f"FAIL  {type(e).__name__}: {e}\n0 passed, 1 failed")
        return 1
    todo = [s for s in todo if not words or any(w in s[0] for w in words)]
    with ThreadPoolExecutor(WORKERS) as pool: results = list(pool.map(do, todo))
    failed = [n for n, ok in results if not ok]
    if failed: print("failed: " + "; ".join(failed))
    if not results: print("nothing has " + " or ".join(words) + " in its name")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed or not results else 0


if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
