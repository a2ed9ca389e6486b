"""The tutorials for Google Colab: notebooks that get and install the package first, and a button on each page.

    python .ci/colab.py OWNER/NAME FOLDER      write the notebooks to FOLDER, and the buttons into nbs/tutorials

The workflow of the pages runs this, because the address of the repository is known there. It pushes FOLDER to the
branch `colab`, which the buttons open.
"""
import os, sys, tempfile
from pathlib import Path

import documented
from tools import BIN, ENV, ROOT, must

SETUP = """# Get the repository, for its pictures, and install the package. It takes a minute.
![ -d bayesflow-uq ] || git clone --quiet --depth 1 {url} bayesflow-uq
%pip install --quiet ./bayesflow-uq
%cd -q bayesflow-uq/nbs/tutorials"""
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def tutorials(): return sorted((ROOT/"nbs/tutorials").glob("*.ipynb"))


def with_setup(path, url):
    "A tutorial whose first code gets the repository at an address and installs it."
    import nbformat
    from nbformat.v4 import new_code_cell
    nb = nbformat.read(path, 4)
    nb.cells.insert(1, new_code_cell(SETUP.format(url=url)))
    return nb


def write(repository, folder):
    "The notebooks for Colab, and the buttons that open them."
    import nbformat
    from nbformat.v4 import new_markdown_cell
    folder.mkdir(parents=True, exist_ok=True)
    for path in tutorials():
        nbformat.write(with_setup(path, f"https://github.com/{repository}.git"), folder/path.name)
        nb = nbformat.read(path, 4)
        place = f"https://colab.research.google.com/github/{repository}/blob/colab/{path.name}"
        nb.cells.insert(1, new_markdown_cell(f"[![Open in Colab]({BADGE})]({place})"))
        nbformat.write(nb, path)


def tested(names=("first_map",)):
    "A tutorial for Colab runs from top to bottom in an empty folder, with the package that it installs itself."
    import nbformat
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp).resolve()
        folder = documented.clone(tmp, figures=True)
        identity = "-c", "user.name=test", "-c", "user.email=test@localhost"
        must("git", "add", "--all", cwd=folder)
        must("git", *identity, "commit", "--quiet", "--message", "all", cwd=folder)
        # pip installs beside the environment of the tests, from what is here
        (tmp/"site").mkdir()
        pip = dict(PIP_TARGET=str(tmp/"site"), PIP_NO_DEPS="1", PIP_NO_BUILD_ISOLATION="0", PIP_NO_INDEX="1")
        env = {**ENV, **pip, "PYTHONPATH": str(tmp/"site"), "PATH": f"{BIN}{os.pathsep}{ENV['PATH']}"}
        for name in names:
            (empty := tmp/name).mkdir()
            nbformat.write(with_setup(ROOT/f"nbs/tutorials/{name}.ipynb", f"file://{folder}"), empty/"tutorial.ipynb")
            must(BIN/"jupyter", "execute", "--timeout=900", "tutorial.ipynb", cwd=empty, env=env)


def steps(): return [("tutorials in Colab", tested)]


if __name__ == "__main__":
    if len(sys.argv) != 3: sys.exit(__doc__)
    write(sys.argv[1], Path(sys.argv[2]))
