"""Counts of what makes code hard to read, and of figures that do not say where they come from. They may only go down.

    .venv/bin/python .ci/ratchet.py               the counts; exit code 1 when one is over its limit or grew
    .venv/bin/python .ci/ratchet.py --list lines  where it is, for the counts with one of these words in their name
    .venv/bin/python .ci/ratchet.py --write       write the counts that went down to ratchet.json

`ratchet.json` holds the counts that were reached, and the imports from a lower room that are allowed.
"""
import ast, json, re, sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = ROOT/".ci/ratchet.json"
# A room imports from the rooms before it, never from those behind it.
ROOMS = ("core stored seeds ranges arguments env_file folders origin pixels data processes models sampling training posteriors "
         "propagation plots study runs __main__").split()
# What no change may go beyond, whatever ratchet.json says.
LIMITS = {"lines over 120 in modules": 0, "lines over 120 in notebooks": 0, "functions over 60 lines": 0,
          "exported cells over 60 lines": 0, "modules over 300 lines": 0, "imports from a room below": 0,
          "lines of settings.ini": 499}
GROWS = {"lines of settings.ini"}            # with the number of runs, so only the limit holds


def modules():
    "name -> (path, text) of every module that a notebook exports, such as \"models.unet\""
    files = [p for p in sorted((ROOT/"bayesflow").rglob("*.py")) if p.name not in ("__init__.py", "_modidx.py")]
    return {".".join(p.relative_to(ROOT/"bayesflow").with_suffix("").parts): (p, p.read_text(encoding="utf-8"))
            for p in files}


def notebooks():
    "path below the root -> its cells, each (number, type, text)"
    files = [p for p in sorted((ROOT/"nbs").rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    read = lambda p: json.loads(p.read_text(encoding="utf-8"))["cells"]
    return {p.relative_to(ROOT).as_posix(): [(i, c["cell_type"], "".join(c["source"])) for i, c in enumerate(read(p))]
            for p in files}


def long_lines(text, prose=False):
    """Numbers of the lines over 120 characters.

    In prose, tables, formulas and links may be longer; in a module, nbdev writes `__all__` in lines of 160."""
    free = re.compile(r"^\s*[|<]|\$|\]\(|https?://")
    if not prose: text = re.sub(r"^__all__ = \[.*?\]$", lambda m: "\n" * m[0].count("\n"), text, flags=re.M | re.S)
    return [i for i, line in enumerate(text.splitlines(), 1) if len(line) > 120 and not (prose and free.search(line))]


def functions(text):
    "(name, lines) of the functions and methods of a module, those inside others included"
    kinds = ast.FunctionDef, ast.AsyncFunctionDef
    return [(n.name, n.end_lineno - n.lineno + 1) for n in ast.walk(ast.parse(text)) if isinstance(n, kinds)]


def exported_cells(cells):
    "(number, lines) of the cells that go into a module, without their directives"
    lines = lambda text: [l for l in text.strip().splitlines() if not l.startswith("#|")]
    return [(i, len(lines(text))) for i, kind, text in cells
            if kind == "code" and re.match(r"(#\|.*\n)*#\| *exporti?\b", text.lstrip())]


def imports(name, text, known):
    "The modules of this package that a module imports, anywhere in it"
    package, found = name.split(".")[:-1], set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".") if node.module else []
            if node.level: parts = package[:len(package) + 1 - node.level] + parts
            elif parts[:1] == ["bayesflow"]: parts = parts[1:]
            else: continue
            own = ".".join(parts)
            found |= {own} if own in known else {f"{own}.{a.name}".strip(".") for a in node.names} & known
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix("bayesflow.") for a in node.names if a.name.startswith("bayesflow.")} & known
    return found - {name}


def backward(graph):
    "\"a -> b\" of imports that lead to a room below, or in a circle inside a room"
    def reached(start):
        seen, todo = set(), [start]
        while todo:
            new = graph[todo.pop()] - seen
            seen |= new
            todo += new
        return seen
    room = lambda name: ROOMS.index(name.split(".")[0])
    return sorted(f"{a} -> {b}" for a, targets in graph.items() for b in targets
                  if room(b) > room(a) or room(a) == room(b) and a in reached(b))


def names_without_use(mods, nbs):
    "\"module: name\" of what a module offers although no other chapter, no script and no public name needs it"
    door = (ROOT/"bayesflow/__init__.py").read_text(encoding="utf-8")
    rest = door + (ROOT/"pyproject.toml").read_text(encoding="utf-8")
    rest += "".join(p.read_text(encoding="utf-8") for p in sorted((ROOT/".ci").glob("*.py")))
    words = {nb: set(re.findall(r"\w+", "\n".join(text for _, kind, text in cells if kind == "code")))
             for nb, cells in nbs.items()}
    count, found = Counter(w for of_one in words.values() for w in of_one), []
    count.update(set(re.findall(r"\w+", rest)))
    for name, (_, text) in mods.items():
        own = words.get(f"nbs/{name.replace('.', '/')}.ipynb", set())
        stated = re.search(r"^__all__ = (\[.*?\])", text, re.M | re.S)
        found += [f"{name}: {n}" for n in (ast.literal_eval(stated[1]) if stated else []) if count[n] <= (n in own)]
    return found


def without(mark, suffix):
    "The stored figures of a kind that lack some bytes"
    files = sorted((ROOT/"figures").rglob(f"*{suffix}"))
    return [p.relative_to(ROOT).as_posix() for p in files if mark not in p.read_bytes()]


def places():
    "name of a count -> where it is; the count is how many places there are"
    mods, nbs, at = modules(), notebooks(), lambda p: p.relative_to(ROOT).as_posix()
    lengths = {at(p): len(text.splitlines()) for p, text in mods.values()}
    long = [(f"{at(p)}: {name}", n) for p, text in mods.values() for name, n in functions(text)]
    cells = [(f"{nb} cell {i}", n) for nb, of_one in nbs.items() for i, n in exported_cells(of_one)]
    over = lambda pairs, most: [f"{where}, {n} lines" for where, n in pairs if n > most]
    graph = {name: imports(name, text, mods.keys()) for name, (_, text) in mods.items()}
    uses = [f"{at(p)}:{i}" for p, text in mods.values() for i, line in enumerate(text.splitlines(), 1)
            if re.search(r"\bhasattr\(", line)]
    door = ROOT/"bayesflow/__init__.py"                # written by hand
    return {
        "lines over 120 in modules": [f"{at(p)}:{i}" for p, text in [*mods.values(), (door, door.read_text())]
                                      for i in long_lines(text)],
        "lines over 120 in notebooks": [f"{nb} cell {i}, line {n}" for nb, of_one in nbs.items()
                                        for i, kind, text in of_one for n in long_lines(text, kind == "markdown")],
        "functions over 40 lines": over(long, 40), "functions over 60 lines": over(long, 60),
        "exported cells over 30 lines": over(cells, 30), "exported cells over 60 lines": over(cells, 60),
        "modules over 250 lines": over(lengths.items(), 250), "modules over 300 lines": over(lengths.items(), 300),
        "lines of the longest module": [max(lengths, key=lengths.get)] * max(lengths.values()),
        "imports from a room below": [i for i in backward(graph) if i not in written().get("allowed imports", [])],
        "names that only their own chapter uses": names_without_use(mods, nbs),
        "uses of hasattr": uses,
        "PNG figures without origin": without(b"tEXtorigin\0", ".png"),
        "PDF figures without origin": without(b"/Keywords (", ".pdf"),
        "lines of settings.ini": (ROOT/"settings.ini").read_text(encoding="utf-8").splitlines(),
    }


def written():
    "What ratchet.json says"
    return json.loads(WRITTEN.read_text()) if WRITTEN.exists() else {}


def compare(counts):
    "The table of the counts as text, and what is wrong with them, a sentence each"
    known, wrong, rows = written().get("counts", {}), [], []
    for name, count in counts.items():
        most = LIMITS[name] if name in GROWS else min(known.get(name, count), LIMITS.get(name, count))
        rows.append(f"{count:6d} {'of ' + str(most) if most != count else '':8s} {name}")
        if count > most: wrong.append(f"{name}: {count}, and at most {most} are allowed")
    return "\n".join(rows), wrong


def write(counts):
    "Lower the written counts to those that were reached"
    known = written()
    old = known.get("counts", {})
    known = {"allowed imports": [], **known, "counts": {name: min(n, old.get(name, n)) for name, n in counts.items() if name not in GROWS}}
    WRITTEN.write_text(json.dumps(known, indent=1) + "\n")


def main(args):
    found = places()
    counts = {name: len(where) for name, where in found.items()}
    if "--list" in args:
        words = [a for a in args if a != "--list"]
        for name, where in found.items():
            if any(w in name for w in words) and "lines of" not in name: print(name, *sorted(where), sep="\n    ")
        return 0
    if "--write" in args: write(counts)
    table, wrong = compare(counts)
    print(table)
    if wrong: print(*wrong, f"see where: .venv/bin/python {Path(__file__).relative_to(ROOT)} --list WORD", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__": sys.exit(main(sys.argv[1:]))
