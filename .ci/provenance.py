"Every stored number is sealed, and says where it comes from."
from tools import ROOT, Failed


def numbers(figures=ROOT/"figures"):
    "Every section of figures/*/numbers.json has a checksum, which is right, and an origin."
    from bayesflow.runs.numbers import sections
    wrong = []
    for path in sorted(figures.glob("*/numbers.json")):
        try: found = sections(path.parent)
        except ValueError as e: wrong.append(str(e))
        else: wrong += [f"{path.relative_to(figures)}: {name} has no {part}" for name, own in found.items()
                        for part in ("sha256", "origin") if not own.get(part)]
    if wrong: raise Failed("\n".join(wrong))


def steps(): return [("stored numbers have seal and origin", numbers)]
