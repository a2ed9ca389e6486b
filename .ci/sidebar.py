"""The order of the pages on the site: tutorials first, then pages, then the rooms of the house from top to bottom.

    python .ci/sidebar.py          write nbs/sidebar.yml, which the workflow of the pages does
"""
from tools import ROOT, Failed

FIRST = {      # folder -> the notebooks that come first in it, in this order; the others follow by name
    "tutorials": "first_map reading_a_map expected_error your_own_model latent_dit train_your_own explore what_maps_can_tell extend",
    "pages": "results models gallery what_works faq glossary",
    ".": "index core stored folders pixels data sampling"}
ROOMS = "tutorials pages . processes models training posteriors propagation plots study runs experiments".split()


def notebooks(folder):
    "Paths of the notebooks of a folder, in their order."
    first = FIRST.get(folder, "").split()
    place = lambda p: (first.index(p.stem) if p.stem in first else len(first), p.name)
    return [p.relative_to(ROOT/"nbs").as_posix() for p in sorted((ROOT/"nbs"/folder).glob("*.ipynb"), key=place)]


def sections():
    "[(title, paths)] of all notebooks; `Failed` for a folder without a place."
    there = {p.parent.relative_to(ROOT/"nbs").as_posix() for p in (ROOT/"nbs").rglob("*.ipynb")}
    there = {f for f in there if ".ipynb_checkpoints" not in f}
    if there != set(ROOMS): raise Failed(f"give each folder a place in .ci/sidebar.py: {sorted(there ^ set(ROOMS))}")
    return [("foundations" if folder == "." else folder, notebooks(folder)) for folder in ROOMS]


def text():
    "The sidebar in Quarto's form."
    lines = ["website:", "  sidebar:", "    contents:", "      - index.ipynb"]
    for title, paths in sections():
        lines += [f"      - section: {title}", "        contents:"]
        lines += [f"          - {p}" for p in paths if p != "index.ipynb"]
    return "\n".join(lines) + "\n"


def steps(): return [("sidebar of the site", sections)]


if __name__ == "__main__": (ROOT/"nbs/sidebar.yml").write_text(text(), encoding="utf-8")
