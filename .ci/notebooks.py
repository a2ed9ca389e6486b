"""The tests of notebooks, each in a process of its own.

A notebook needs a second to start, and torch with its companions several more. So one process imports them once, and
every test begins as a fork of it. That process runs nothing else, so no test sees what another one did.
"""
import multiprocessing, os, resource, sys, tempfile, threading
from multiprocessing.connection import wait
from pathlib import Path

from tools import ENV, ROOT, Failed, spend

IMPORTED = ("nbdev.test torch torchvision matplotlib.pyplot seaborn scipy.stats laplace accelerate diffusers sklearn "
            "papermill nbclient ipykernel execnb.shell").split()
forks = multiprocessing.get_context("forkserver")
# `start` also asks for the exit codes of earlier children. A code can be read once: without a lock, a thread that asks
# at the same moment reads 255.
exit_codes = threading.Lock()


def prepare():
    "Name what is imported once, and set the environment of all tests."
    for name in os.environ.keys() - ENV.keys(): del os.environ[name]
    # laplace-torch's imports cause the first, a test that was killed the second, after the last line of the checks
    quiet = "ignore::FutureWarning,ignore::UserWarning:multiprocessing.resource_tracker"
    os.environ.update(ENV, PYTHONWARNINGS=quiet)
    forks.set_forkserver_preload(IMPORTED)


def logged(log, f, args):
    "In the fork: call f, with its output in a file, and write beside it how many seconds of a processor it took."
    out = os.open(log, os.O_WRONLY)
    for stream in 1, 2: os.dup2(out, stream)
    os.chdir(ROOT)
    try: f(*args)
    finally:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        log.with_name("seconds").write_text(str(sum(u.ru_utime + u.ru_stime for u in used)))


def forked(f, *args, timeout=900):
    "The output of a function of a module, called in a fork. It has to succeed."
    with tempfile.TemporaryDirectory() as tmp:
        (log := Path(tmp)/"log").touch()
        child = forks.Process(target=logged, args=(log, f, args))
        with exit_codes: child.start()
        late = not wait([child.sentinel], timeout)
        with exit_codes:
            if late: child.kill()
            child.join()
        out = log.read_text(encoding="utf-8", errors="replace")
        if (seconds := log.with_name("seconds")).exists(): spend(float(seconds.read_text()))
    if late: raise Failed(f"no end after {timeout} s\n{out}")
    if child.exitcode: raise Failed(f"exit code {child.exitcode}\n{out}")
    return out


def execute(path):
    "Run the notebook's cells as nbdev-test does."
    from nbdev.test import nbdev_test
    nbdev_test(str(path), n_workers=0, do_print=True)


def notebook(path):
    "The notebook's own tests. nbdev-test accepts a notebook without tests, so its output has to name the notebook."
    out = forked(execute, path)
    if f"Completed {path}" not in out: raise Failed(f"nbdev-test did not execute it.\n{out}")


def execute_into(path, to):
    "Run the cells that nbdev-test runs, and write the notebook with their outputs to another file."
    from execnb.shell import CaptureShell
    from fastcore.nbio import read_nb, write_nb
    from nbdev.config import get_config
    from nbdev.test import nb_test_cells
    os.environ["IN_TEST"] = "1"
    os.chdir(path.parent)
    run, nb = {c.id for c in nb_test_cells(path, get_config().tst_flags)}, read_nb(path)
    if not run: raise Failed(f"{path} has no cell to run.")
    shell = CaptureShell(path, mpl_format="png")
    try: shell.run_all(nb, exc_stop=True, preproc=lambda c: c.id not in run)
    except Exception: sys.exit(shell.prettytb(fname=path))
    write_nb(nb, to)


def execute_all_into(path, to):
    "Execute every cell as a kernel does, and write the notebook with their outputs to another file."
    import nbformat
    from shell import Shell
    os.chdir(path.parent)
    nb, here = nbformat.read(path, 4), Shell.instance()
    for cell in nb.cells:
        if cell.cell_type == "code" and not here.execute(cell): sys.exit("\n".join(cell.outputs[-1].traceback))
    nbformat.write(nb, to)
