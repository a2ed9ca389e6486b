"Write README.md from nbs/index.ipynb; with --check, only compare the two and exit with 1 when they differ."
import os, posixpath, re, shutil, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def from_root(link):
    "A link of a notebook in nbs/ as a link of the README in the root; other addresses stay as they are."
    return link if re.match(r"[a-z]+:|[#/]", link) else posixpath.normpath(posixpath.join("nbs", link))


def rewrite(text):
    "Relative links and images of Markdown and HTML, outside of fenced code."
    link = re.compile(r"""(\]\()([^)\s]+)|((?:src|href)=["'])([^"']+)""")
    parts = re.split(r"(^```.*?^```)", text, flags=re.M | re.S)
    moved = lambda text: link.sub(lambda m: (m[1] or m[3]) + from_root(m[2] or m[4]), text)
    return "".join(p if p.startswith("```") else moved(p) for p in parts)


def readme():
    "The text of README.md, from a copy of the index, because nbdev leaves its _proc folder beside pyproject.toml."
    from nbconvert import MarkdownExporter
    from nbdev.serve import proc_nbs
    from traitlets.config import Config
    # cells that only write a table show the table
    tables = Config(TagRemovePreprocessor=dict(enabled=True, remove_input_tags={"remove_input"}))
    with tempfile.TemporaryDirectory() as tmp:
        (Path(tmp)/"nbs").mkdir()
        shutil.copy(ROOT/"nbs/index.ipynb", Path(tmp)/"nbs")
        left_out = shutil.ignore_patterns("assets", "__pycache__")
        shutil.copytree(ROOT/"bayesflow", Path(tmp)/"bayesflow", ignore=left_out)
        # the title stays text, and names in backticks do not link to pages of an API site that does not exist
        more = '[tool.nbdev]\nskip_procs = "FrontmatterProc,add_links"'
        toml = (ROOT/"pyproject.toml").read_text().replace("[tool.nbdev]", more)
        (Path(tmp)/"pyproject.toml").write_text(toml)
        here = os.getcwd()
        os.chdir(tmp)
        try: text, resources = MarkdownExporter(config=tables).from_filename(str(proc_nbs(n_workers=0)/"index.ipynb"))
        finally: os.chdir(here)
    if resources["outputs"]:
        sys.exit("nbs/index.ipynb has pictures in its outputs, which README.md cannot show; link to figures/ instead.")
    return re.sub(r"\n{3,}", "\n\n", rewrite(text)).strip() + "\n"


if __name__ == "__main__":
    path, text = ROOT/"README.md", readme()
    if "--check" not in sys.argv: path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        sys.exit("README.md differs from nbs/index.ipynb; write it again with: .venv/bin/python .ci/readme.py")
