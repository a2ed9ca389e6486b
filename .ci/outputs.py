"""The outputs that notebooks store are what their code makes.

    .venv/bin/python .ci/outputs.py WORDS              execute these notebooks and store their outputs
    .venv/bin/python .ci/outputs.py --check WORDS      execute copies, and compare

Numbers are compared to a tolerance, other text exactly, pictures by their size and their pixels. Another version of
matplotlib draws other pictures, and another one of torch rounds differently, so pictures and numbers are compared with
the versions of newest.txt only. Pictures are stored with few colours, so that a notebook stays small. Pages and
tutorials store all their outputs. The other notebooks are tests of the package as well: they run as such, and store
pictures only.
"""
import base64, io, math, re, sys, tempfile
from importlib.metadata import version
from pathlib import Path

import notebooks
from tools import BIN, ROOT, Failed, must, tracked

RTOL, ATOL = 0.05, 1e-9      # of a number in a text; another processor rounds differently, and a sampler amplifies it
PIXELS = 0.05                # root mean square difference of two pictures whose pixels are in [0, 1]
MARGIN = 6                   # pixels by which the sides of two pictures may differ
COLOURS = 256                # of a stored picture
LARGEST = 1_000_000          # bytes of a notebook
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
KEPT = "image/png", "image/gif", "text/markdown", "text/html", "text/plain"      # the first of these that is there
WIDGET = "application/vnd.jupyter.widget-view+json"


def candidates(): return [p for p in tracked() if p.suffix == ".ipynb" and "experiments" not in p.parts]

def chapter(path):
    "Is it a notebook of the package? It stores pictures only; the index, pages and tutorials store all outputs."
    return path.parent.name not in ("pages", "tutorials") and path.stem != "index"

def with_outputs():
    "The notebooks that store outputs; those of pages and tutorials all have to."
    import nbformat
    shown = lambda p: any(c.get("outputs") for c in nbformat.read(p, 4).cells)
    return [p for p in candidates() if p.parent.name in ("pages", "tutorials") or shown(p)]


def executed(path):
    "A notebook with the outputs that its code makes now."
    import nbformat
    execute = notebooks.execute_into if chapter(path) else notebooks.execute_all_into
    with tempfile.TemporaryDirectory() as tmp:
        notebooks.forked(execute, path, to := Path(tmp)/path.name)
        return nbformat.read(to, 4)


def small(data):
    "A picture in base64 with few colours."
    from PIL import Image
    out = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    picture.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def kept(output):
    "What is stored of an output: (kind, content), or None"
    if output.output_type == "stream": return None if output.name == "stderr" else ("text/plain", output.text)
    data = output.get("data", {})
    if WIDGET in data: return WIDGET, ""
    kind = next((k for k in KEPT if k in data), None)
    return kind and (kind, data[kind])


def outputs(path, nb):
    "What is stored of the outputs of each cell of a notebook"
    stored = lambda found: found and (found[0].startswith("image/") or not chapter(path))
    return [[k for o in c.get("outputs", []) if stored(k := kept(o))] for c in nb.cells]


def store(path):
    "Execute a notebook and write it with its outputs."
    import nbformat
    from nbformat.v4 import new_output
    fresh, nb = executed(path), nbformat.read(path, 4)
    for cell, found in zip(nb.cells, outputs(path, fresh)):
        if cell.cell_type != "code": continue
        pack = lambda kind, x: {kind: small(x) if kind == "image/png" else x}
        cell.execution_count = None
        cell.outputs = [new_output("display_data", pack(kind, x)) for kind, x in found if kind != WIDGET]
    nb.metadata = dict(kernelspec=dict(display_name="python3", language="python", name="python3"))
    nbformat.write(nb, path)
    must(BIN/"nbdev-clean", "--fname", path)


def same_text(a, b):
    "Are two texts the same, but for rounding in their numbers?"
    if not same_words(a, b): return False
    number = lambda t: float(t.replace(",", ""))
    return all(math.isclose(number(x), number(y), rel_tol=RTOL, abs_tol=ATOL)
               for x, y in zip(NUMBER.findall(a), NUMBER.findall(b)))


def same_picture(a, b):
    "Are two pictures nearly the same?"
    import numpy as np
    from PIL import Image
    x, y = (np.asarray(Image.open(io.BytesIO(base64.b64decode(d))).convert("RGB"), float) / 255 for d in (a, b))
    if max(abs(m - n) for m, n in zip(x.shape, y.shape)) > MARGIN: return False
    h, w = (min(m, n) for m, n in zip(x.shape[:2], y.shape[:2]))
    return float(np.square(x[:h, :w] - y[:h, :w]).mean()) ** 0.5 < PIXELS


def made_by_this(library):
    "Is this the version of a library that made the stored outputs, that of newest.txt?"
    made = re.search(rf"^{library}==(\d+\.\d+)", (ROOT/".ci/newest.txt").read_text(encoding="utf-8"), re.M)[1]
    return version(library).startswith(f"{made}.")


def same_words(a, b): return NUMBER.sub("#", a) == NUMBER.sub("#", b)


def differences(stored, fresh):
    "What differs between the outputs of the cells of two notebooks, one line for each cell."
    same = {True: same_picture if made_by_this("matplotlib") else lambda a, b: True,
            False: same_text if made_by_this("torch") else same_words}
    for i, (old, new) in enumerate(zip(stored, fresh)):
        old, new = ([o for o in s if o[0] != WIDGET] for s in (old, new))
        if [k for k, _ in old] != [k for k, _ in new]:
            yield f"cell {i} shows {[k for k, _ in new]}, and {[k for k, _ in old]} are stored"
            continue
        for (kind, a), (_, b) in zip(old, new):
            picture = kind.startswith("image/")
            if not same[picture](a, b):
                yield f"cell {i} shows another picture" if picture else f"cell {i} shows\n{b[:600]}\nand stored is\n{a[:600]}"


def check(path):
    "The stored outputs of a notebook are those that its code makes, and it is not too large."
    import nbformat
    name, size = path.relative_to(ROOT), path.stat().st_size
    if size > LARGEST: raise Failed(f"{name} has {size:,} bytes, more than {LARGEST:,}.")
    stored = nbformat.read(path, 4)
    found = list(differences(*(outputs(path, nb) for nb in (stored, executed(path)))))
    if found: raise Failed("\n".join([f"store the outputs of {name} again: .venv/bin/python .ci/outputs.py {name}", *found]))


if __name__ == "__main__":
    words = [a for a in sys.argv[1:] if a != "--check"]
    if not words and "--check" not in sys.argv: sys.exit("name the notebooks whose outputs are to be stored.")
    notebooks.prepare()
    for p in with_outputs() if "--check" in sys.argv else candidates():
        if words and not any(w in p.as_posix() for w in words): continue
        try: (check if "--check" in sys.argv else store)(p)
        except Failed as e: sys.exit(str(e))
        print(p.relative_to(ROOT))
