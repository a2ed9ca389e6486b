"""The runs of settings.ini in their smallest form, each in a fork that has imported everything.

`bayesflow-run` and the kernel that papermill starts both import torch and its companions: ten seconds for a run of
three. Here the command works in a fork, and an engine of papermill executes the cells in the same process, in a
namespace of their own. Everything else is the command's own work: the table, the checks, the parameters, the executed
notebook, its errors, the figures, the stamp. Runs that start and kill processes have a real command and a real kernel.
"""
import os, re, sys

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


def shell():
    "An IPython shell that shows pictures as a kernel does, and leaves reporting an error to the engine."
    from IPython.core.interactiveshell import InteractiveShell
    class Shell(InteractiveShell):
        error = None
        def enable_gui(self, gui=None): pass
        def showtraceback(self, exc_tuple=None, *args, **kwargs):
            kind, value, trace = exc_tuple or sys.exc_info()
            lines = self.InteractiveTB.structured_traceback(kind, value, trace)
            self.error = dict(ename=kind.__name__, evalue=str(value), traceback=lines)
        showsyntaxerror = lambda self, *args, **kwargs: self.showtraceback()
    made = Shell.instance()
    made.history_manager.enabled = False
    made.enable_matplotlib("inline")
    return made


def outputs(shell, cell, number):
    "Execute a cell; its outputs as a notebook holds them. An error is the last of them."
    from IPython.utils.capture import capture_output
    from nbformat.v4 import new_output
    shell.error, cell.execution_count = None, number
    with capture_output() as c: shell.run_cell(cell.source, store_history=True)
    found = [new_output("stream", name=n, text=t) for n, t in (("stdout", c.stdout), ("stderr", c.stderr)) if t]
    found += [new_output("display_data", data=o.data, metadata=o.metadata or {}) for o in c.outputs]
    return found + ([new_output("error", **shell.error)] if shell.error else [])


def run_here(*words):
    "In the fork: the command `bayesflow-run` with these words, whose notebook is executed by this process."
    from bayesflow.runs.run_command import main
    from papermill.engines import Engine, papermill_engines
    class Here(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **options):
            here = shell()
            for i, cell in enumerate(nb_man.nb.cells):
                nb_man.cell_start(cell, i)
                if cell.cell_type == "code": cell.outputs = outputs(here, cell, here.execution_count)
                if here.error: nb_man.cell_exception(cell, i)
                nb_man.cell_complete(cell, i)
                if here.error: break
    papermill_engines.register(None, Here)
    sys.argv = ["bayesflow-run", *words]
    main()


def smoke(name):
    "Execute a run anew, in its smallest form."
    words = name, "--profile", "smoke", "--force"
    if name in KERNEL: must(BIN/"bayesflow-run", *words)
    else: notebooks.forked(run_here, *words)


def steps():
    "One run of each kind; whole table: `bayesflow-run --all --profile smoke`."
    from bayesflow.runs.table import read_runs
    return [(f"smoke run {n}", smoke, n) for n in one_of_a_kind(read_runs(ROOT/"settings.ini", "smoke"))]
