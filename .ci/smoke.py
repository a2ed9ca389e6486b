"""The runs of settings.ini in their smallest form, each in a fork that has imported everything.

`bayesflow-run` and the kernel that papermill starts both import torch and its companions: ten seconds for a run of
three. Here the command works in a fork, and an engine of papermill executes the cells in the same process, in a
namespace of their own. Everything else is the command's own work: the table, the checks, the parameters, the executed
notebook, its errors, the figures, the stamp. Runs that start and kill processes have a real command and a real kernel.
"""
import re, sys

import notebooks
from tools import BIN, ROOT, must

KERNEL = "first-map", "scale", "reliability"        # with a kernel: the README's Python, and runs about processes


def one_of_a_kind(names):
    """Of runs that differ in the data set, the method and the number of replicates alone, one.

    Kinds take turns, so that each data set and each method has its share. That every bundled model loads is a test of
    nbs/models/pretrained.ipynb."""
    kinds = {}
    for n in names: kinds.setdefault(re.sub(r"^(mnist|fashion)(-flow|-diffusion)?|-every-class$", "", n), []).append(n)
    return [same[k % len(same)] for k, same in enumerate(kinds.values())]


def run_here(*words):
    "In the fork: the command `bayesflow-run` with these words, whose notebook is executed by this process."
    from bayesflow.runs.run_command import main
    from papermill.engines import Engine, papermill_engines
    from shell import Shell
    class Here(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **options):
            here = Shell.instance()
            for i, cell in enumerate(nb_man.nb.cells):
                nb_man.cell_start(cell, i)
                fine = cell.cell_type != "code" or here.execute(cell)
                if not fine: nb_man.cell_exception(cell, i)
                nb_man.cell_complete(cell, i)
                if not fine: break
    papermill_engines.register(None, Here)
    sys.argv = ["bayesflow-run", *words]
    main()


def smoke(name):
    "Execute a run anew, in its smallest form."
    words = name, "--profile", "smoke", "--force"
    if name in KERNEL: must(BIN/"bayesflow-run", *words)
    else: notebooks.forked(run_here, *words)


def steps():
    "One run of each kind. That all runs fit their notebooks is another check, `run table`."
    from bayesflow.runs.table import read_runs
    return [(f"smoke run {n}", smoke, n) for n in one_of_a_kind(read_runs(ROOT/"settings.ini", "smoke"))]
