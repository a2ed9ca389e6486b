"How the package greets its users: the public names, the time until a command answers, and its answers to bad input."
import os, re, subprocess, sys, tempfile
from pathlib import Path

from tools import BIN, ENV, ROOT, Failed, must, run

NAMES = """
AllWeightsLaplace BayesDiff ConditioningLaplace DeepEnsemble Diffusion Draws FlowMatching GenerativeModel Independent LastLayerLaplace
Posterior Shared TrainConfig UNet explore fidelity_report list_pretrained load_dataset load_diffusers load_pretrained sample
sample_with_uncertainty train
""".split()

USE = """
import sys, bayesflow
assert "torch" not in sys.modules and bayesflow.__version__
for name in dir(bayesflow): assert getattr(bayesflow, name).__name__ == name, name
import bayesflow.training, bayesflow.runs.commands
from bayesflow import core, data
assert dir(bayesflow) == bayesflow.__all__, sorted(set(dir(bayesflow)) ^ set(bayesflow.__all__))
try: bayesflow.sample_with_uncertanty
except AttributeError as e: assert str(e).endswith("did you mean 'sample_with_uncertainty'?"), e
else: raise AssertionError("a misspelled name is found")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("import bayesflow")
shell.Completer.use_jedi = False
offered = shell.complete("bayesflow.", "bayesflow.")[1]
assert sorted(offered) == ["." + name for name in dir(bayesflow)], offered
print(*dir(bayesflow))
"""

FASTEST = 0.2          # seconds that `import bayesflow` may take
ANSWER = 1.0           # seconds of processor time until a command has answered


def python(code, *options, path=()):
    "Output of Python code in a process of its own, with more folders to import from."
    env = {**ENV, "PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, path)])}
    return must(sys.executable, *options, "-c", code, cwd=ROOT.parent, env=env)


def names():
    "`dir(bayesflow)` lists the public names and no others; each exists; a misspelled name gets the closest one."
    if (found := python(USE).splitlines()[-1].split()) != NAMES:
        raise Failed("the public names differ from .ci/door.py: " + ", ".join(sorted(set(found) ^ set(NAMES))))


def light():
    "`import bayesflow` is fast and imports no torch. The fastest of five, because other checks run beside this one."
    seconds = []
    for _ in range(5):
        lines = python("import bayesflow", "-X", "importtime").splitlines()
        heavy = any(re.search(r"\|\s+(torch|numpy)$", l) for l in lines)
        if heavy: raise Failed("import bayesflow imports torch or numpy.")
        seconds += [int(l.split("|")[1])/1e6 for l in lines if re.search(r"\| bayesflow$", l)]
    if min(seconds) > FASTEST: raise Failed(f"import bayesflow takes {min(seconds):.2f} s, more than {FASTEST} s.")


def namesake():
    "A warning when the other project of this name is installed too, and no output otherwise."
    with tempfile.TemporaryDirectory() as tmp:
        (info := Path(tmp)/"bayesflow-2.0.dist-info").mkdir()
        (info/"METADATA").write_text("Metadata-Version: 2.1\nName: bayesflow\nVersion: 2.0\n")
        alone, beside = python("import bayesflow"), python("import bayesflow", path=[tmp])
    if alone: raise Failed(f"import bayesflow says:\n{alone}")
    if beside.count("Warning:") != 1 or "environment of its own" not in beside:
        raise Failed(f"no warning, or not one, of the other bayesflow:\n{beside}")


def processor_seconds(name, *args):
    "Processor time of a command until it ends, and its exit code."
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([BIN/name, *args], cwd=ROOT, env=ENV, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, p.returncode


# What has to be answered before torch is imported, and the exit code.
QUICK = [(f"bayesflow-{name} --help", 0) for name in ("train", "generate", "uncertainty", "maps", "run")] + [
    ("bayesflow-train --dataset CIFAR", 1),
    ("bayesflow-train --epochs 0", 1),
    ("bayesflow-generate --labels three", 1),
    ("bayesflow-generate --steps two", 2),
    ("bayesflow-uncertainty --rank all", 2),
    ("bayesflow-maps --count 0", 1),
]


def quick(command, expected):
    "A command answers at once; the faster of two runs, because the first one may compile modules."
    runs = [processor_seconds(*command.split()) for _ in range(2)]
    if any(code != expected for _, code in runs): raise Failed(f"exit code {runs[0][1]}, expected {expected}")
    if (seconds := min(runs)[0]) > ANSWER: raise Failed(f"{seconds:.2f} s of processor time, more than {ANSWER} s.")


# Bad input: a command and a word of the one sentence that it has to answer with.
BAD = [
    ("bayesflow-run no-such-run", "no-such-run"),
    ("bayesflow-run --profile huge", "huge"),
    ("bayesflow-run --settings none.ini", "none.ini"),
    ("bayesflow-run --set steps=abc mnist-flow", "steps"),
    ("bayesflow-run --set no_such=1 mnist-flow", "no_such"),
    ("bayesflow-run uncertainty", "mnist-flow"),
    ("bayesflow-train --dataset CIFAR", "CIFAR"),
    ("bayesflow-train --method magic", "magic"),
    ("bayesflow-train --epochs 0", "epochs"),
    ("bayesflow-train --resume --out no-such-folder", "resume"),
    ("bayesflow-train --batch_size 3", "--batch-size"),
    ("bayesflow-train --net [1]", "JSON"),
    ("bayesflow-generate --device gpu", "cuda"),
    ("bayesflow-generate --model nobody", "nobody"),
    ("bayesflow-generate --sampler ddim", "ddim"),
    ("bayesflow-generate --labels 3,12", "12"),
    ("bayesflow-generate --labels three", "0-9"),
    ("bayesflow-generate --steps 0", "steps"),
    ("bayesflow-uncertainty --propagation bayes", "bayes"),
    ("bayesflow-uncertainty --rank 34", "33"),
    ("bayesflow-uncertainty --wandb on", "offline"),
    ("bayesflow-run --wandb offline --executor local mnist-flow", "--executor"),
    ("bayesflow-uncertainty --rank 3 --propagation ensemble", "rank"),
    ("bayesflow-maps --count 0", "count"),
    ("bayesflow-maps --exact --rank 4", "--exact"),
    ("bayesflow-maps --tolerance 2 --rank auto", "tolerance"),
]


def bad(command, word):
    "Bad input is answered by one sentence, an exit code other than 0, and no traceback."
    name, *args = command.split()
    code, out = run(BIN/name, *args)
    lines = [l for l in out.splitlines() if l.strip()]
    if code == 0 or "Traceback" in out or not lines or word not in lines[-1] or len(lines[-1]) < 20:
        raise Failed(f"exit code {code}; expected a code other than 0, a sentence with '{word}', no traceback:\n{out}")


def steps():
    "(name, function, arguments) of these checks."
    res = [("door: public names", names), ("door: import is light", light), ("door: namesake", namesake)]
    res += [(f"quick answer: {c}", quick, c, code) for c, code in QUICK]
    return res + [(f"bad input: {c}", bad, c, word) for c, word in BAD]
