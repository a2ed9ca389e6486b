"Every relative link and picture of the README, the other texts and the notebooks leads to a file of the repository."
import json, posixpath, re
from pathlib import Path

from tools import ROOT, Failed, tracked

LINK = re.compile(r"""\]\(([^)\s]+)(?:\s+"[^"]*")?\)|(?:src|href)=["']([^"']+)""")


def texts(path):
    "The Markdown of a file, without its code."
    if path.suffix == ".md": return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = []
    for c in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if c["cell_type"] == "markdown": found.append("".join(c["source"]))
        for o in c.get("outputs", []): found.append("".join(o.get("data", {}).get("text/markdown", "")))
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", "\n".join(found), flags=re.M | re.S)


def dead(path, files):
    "The links of a file that lead nowhere."
    folder = path.parent.relative_to(ROOT).as_posix()
    for m in LINK.finditer(texts(path)):
        link = (m[1] or m[2]).split("#")[0]
        if not link or re.match(r"[a-z]+:|[#/{]", link): continue
        place = posixpath.normpath(posixpath.join(folder, link))
        if not any(f == place or f.startswith(place + "/") for f in files): yield f"{path.relative_to(ROOT)}: {link}"


def links():
    files = {p.relative_to(ROOT).as_posix() for p in tracked()}
    found = [line for p in map(ROOT.joinpath, sorted(files)) if p.suffix in (".md", ".ipynb") for line in dead(p, files)]
    if found: raise Failed("links to what is not in the repository:\n" + "\n".join(found))


def steps(): return [("links", links)]
