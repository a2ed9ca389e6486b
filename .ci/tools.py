"What the checks share: where things are, running a command, the files of the repository."
import json, os, signal, subprocess, sys, tempfile, threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CORES = os.cpu_count() or 1
WORKERS = min(2, CORES) + 1               # one more than computes, because each of them waits now and then
ENV = {**{k: v for k, v in os.environ.items() if k not in ("IN_TEST", "WANDB_API_KEY")},
       "OMP_NUM_THREADS": str(max(1, CORES//WORKERS)), "WANDB_MODE": "disabled"}


class Failed(Exception):
    "A check that failed; its text describes the failure."


spent = threading.local()                 # seconds of a processor that the step of this thread has used


def spend(seconds): spent.seconds = getattr(spent, "seconds", 0) + seconds


def run(*cmd, cwd=ROOT, timeout=900, env=ENV):
    "Exit code and output (both streams) of a command, without standard input."
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([str(c) for c in cmd], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        late = threading.Timer(timeout, os.kill, (p.pid, signal.SIGKILL))
        late.start()
        _, status, used = os.wait4(p.pid, 0)               # as p.wait(), which does not say what it used
        over = not late.is_alive()
        late.cancel()
        p.returncode = os.waitstatus_to_exitcode(status)
        spend(used.ru_utime + used.ru_stime)
        out.seek(0)
        text = out.read().decode(errors="replace")
    return (124, f"{text}\nno end after {timeout} s") if over and p.returncode else (p.returncode, text)


def must(*cmd, **kwargs):
    "The output of a command that has to succeed."
    code, out = run(*cmd, **kwargs)
    if code: raise Failed(f"exit code {code}: {' '.join(map(str, cmd))}\n{out}")
    return out


def tracked():
    "The files of the repository: tracked by git, or new and not ignored."
    out = must("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [ROOT/f for f in out.split("\0") if f and (ROOT/f).is_file()]


def cells(path): return json.loads(path.read_text(encoding="utf-8"))["cells"]


def code_of(path):
    "The code cells of a notebook as one text."
    return "\n".join("".join(c["source"]) for c in cells(path) if c["cell_type"] == "code")
