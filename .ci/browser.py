"""The application of `bf.explore` in a real browser: JupyterLab without a window, driven through Chromium.

    .venv/bin/python .ci/browser.py          run all cells of nbs/tutorials/explore.ipynb, move, click, measure
    .venv/bin/python .ci/browser.py --save   and write the picture and the times to figures/explorer
"""
import contextlib, io, json, os, re, shutil, signal, subprocess, sys, tempfile, time
from importlib.util import find_spec
from pathlib import Path

from tools import ENV, ROOT, Failed

NOTEBOOK = ROOT/"nbs/tutorials/explore.ipynb"
FIGURES = ROOT/"figures/explorer"
COMMAND = ".venv/bin/python .ci/browser.py --save"
PACKAGES = "jupyterlab", "ipywidgets", "anywidget", "playwright"
BROWSERS = "chromium", "chromium-browser", "google-chrome", "chrome"      # Debian's package first
WINDOW = dict(width=1200, height=1400)
QUICK, SLOW = 30, 600        # most seconds for one change on the page, and for all cells with their fits
SETTINGS = {"notebook-extension/tracker": dict(windowingMode="none"),      # cells out of sight stay on the page
            "apputils-extension/notification": dict(fetchNews="false", checkForUpdates=False)}
ERROR = "[data-mime-type='application/vnd.jupyter.error']"
# The last cell has run, or some cell failed: then the cells after it stay without a number.
ENDED = """() => { const all = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(p => p.innerText);
  return document.querySelector("[data-mime-type='application/vnd.jupyter.error']") || /\\d/.test(all.at(-1)); }"""
PICTURES = "app => [...app.querySelectorAll('img[data-rows]')].filter(i => i.offsetParent).map(i => [i.alt, i.src])"
STATUS = """app => { window.said = [];
  new MutationObserver(() => window.said.push(app.innerText.match(/comput[^\\n]*|from kept[^\\n]*/)?.[0]))
    .observe(app, {childList: true, subtree: true, characterData: true}); }"""


def chromium(): return next(filter(None, map(shutil.which, BROWSERS)), None)


def missing():
    "What the test needs and does not find, in words; empty if everything is there."
    return [f"the package {p}" for p in PACKAGES if find_spec(p) is None] + ["the program chromium"] * (not chromium())


def install():
    "Debian's Chromium, where this process may install it."
    if chromium() or not shutil.which("apt-get") or os.geteuid(): return
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with contextlib.suppress(subprocess.TimeoutExpired, OSError):
        for command in ("apt-get update", "apt-get install -y --no-install-recommends chromium"):
            subprocess.run(command.split(), env=env, **quiet)


def tested():
    "The test, with what it needs installed where that is allowed; elsewhere it says what is missing."
    install()
    if (lacking := missing()) and "GITHUB_ACTIONS" not in os.environ:
        print(f"skip  explorer in a browser: this machine lacks {', '.join(lacking)}", flush=True)
        return
    browser()


def prepare(home):
    "The notebook without outputs, and settings, in a folder of their own."
    nb = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for c in nb["cells"]:
        if c["cell_type"] == "code": c["outputs"] = []
    (home/"copy").mkdir()
    (home/"copy"/NOTEBOOK.name).write_text(json.dumps(nb), encoding="utf-8")
    for name, values in SETTINGS.items():
        file = home/f"settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


@contextlib.contextmanager
def jupyterlab(home):
    "The address of a JupyterLab on a free port, with its files in `home`; it ends with its kernels."
    own = {f"JUPYTER_{k}_DIR": str(home/k.lower()) for k in ("CONFIG", "DATA", "RUNTIME")}
    env = {**ENV, **own, "IPYTHONDIR": str(home/"ipython"), "JUPYTERLAB_SETTINGS_DIR": str(home/"settings"),
           "JUPYTERLAB_WORKSPACES_DIR": str(home/"workspaces"), "PYTHONPATH": str(ROOT)}
    options = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": 0, "ServerApp.root_dir": home/"copy",
               "ServerApp.allow_root": True, "IdentityProvider.token": "", "LabApp.extension_manager": "readonly"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", *(f"--{k}={v}" for k, v in options.items())]
    with open(home/"log", "wb") as log:
        server = subprocess.Popen(command, cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                  start_new_session=True)
    try: yield address(server, home)
    finally: end(server)


def address(server, home, patience=120):
    "Where the server listens, from the file that it writes when it does."
    for _ in range(patience * 10):
        for file in (home/"runtime").glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError): return json.loads(file.read_text())["url"]
        if server.poll() is not None: break
        time.sleep(0.1)
    raise Failed("JupyterLab did not start.\n" + (home/"log").read_text(errors="replace"))


def end(server):
    "End the server, which ends its kernels, and kill what is left of it."
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired): server.wait(30)
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


@contextlib.contextmanager
def page_at(url, faults):
    "The notebook in Chromium. What comes from elsewhere than this machine is refused; `faults` collects what is wrong."
    from playwright.sync_api import sync_playwright
    def local_only(route):
        if re.match(r"https?://(127\.0\.0\.1|localhost)[:/]", route.request.url): return route.continue_()
        faults.append(f"the page asked for {route.request.url}")
        route.abort()
    with sync_playwright() as p:
        chrome = p.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            page = chrome.new_context(viewport=WINDOW).new_page()
            page.set_default_timeout(QUICK * 1000)
            page.on("pageerror", lambda e: faults.append(f"JavaScript: {e}"))
            page.route(re.compile("^(?!data:|blob:)"), local_only)
            page.goto(f"{url}lab/tree/{NOTEBOOK.name}?reset")
            yield page
        finally: chrome.close()


def run_all(page):
    "Run all cells and wait until both applications of the notebook show their pictures; the first of them."
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=SLOW * 1000)
    page.get_by_text(re.compile(r"\(ipykernel\) \| Idle")).wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(ENDED, timeout=SLOW * 1000)
    if errors := page.locator(ERROR).all_inner_texts(): raise Failed("\n".join(errors))
    if page.locator("img[data-rows]").count() != 16: raise Failed("There are not 16 pictures that can be clicked.")
    return page.locator(".widget-vbox").first


class Watched:
    "The first application on the page: what it shows, and how long it takes to show something else"
    def __init__(self, page, app):
        self.page, self.app, self.seconds = page, app, {}
        app.evaluate(STATUS)

    def pictures(self): return self.app.evaluate(PICTURES)

    def wait_for_change(self, what, act, of):
        "Do something, wait until the pictures called `of` of all views have changed, and note the time."
        select = lambda: [src for alt, src in self.pictures() if re.fullmatch(of, alt)]
        before, start = select(), time.perf_counter()
        act()
        while any(a == b for a, b in zip(before, select())):
            if time.perf_counter() - start > QUICK: raise Failed(f"{what} did not change the pictures called {of}")
            time.sleep(0.005)
        self.seconds.setdefault(what, []).append(time.perf_counter() - start)

    def said(self):
        "What the line above the pictures said since the last call."
        return self.page.evaluate("() => window.said.splice(0).filter(Boolean)")

    def handle(self, name):
        "The handle of a slider"
        return self.app.locator(".widget-hslider", has_text=name).locator(".noUi-handle")


def try_time(seen):
    "Ten steps back in time, one by one, change sample, map and overlay."
    for _ in range(10):
        back = lambda: seen.handle("time").press("ArrowLeft")
        seen.wait_for_change("a step of the time slider", back, "sample|map.*")
    if "t = 0.50" not in seen.app.inner_text(): raise Failed("The time slider is not where ten of twenty steps lead.")


def try_click(seen):
    "A click chooses the pixel under the mouse, in both views; the mouse alone reads a value."
    image = seen.app.locator("img[data-rows]").nth(1)
    size = image.bounding_box()
    for row, column in ((9, 12), (20, 5)):
        at = dict(x=(column + 0.5) / 28 * size["width"], y=(row + 0.5) / 28 * size["height"])
        seen.wait_for_change("a click on a pixel", lambda: image.click(position=at), "correlation.*")
        titles = [alt for alt, _ in seen.pictures() if alt.startswith("correlation")]
        if titles != [f"correlation with ({row}, {column})"] * 2: raise Failed(f"A click chose {titles}.")
    image.hover(position=dict(x=1, y=1))
    read = seen.app.locator("figure").nth(1).locator(".bayesflow-reading").inner_text()
    if not re.fullmatch(r"\(0, 0\): [\d.e-]+", read): raise Failed(f"Under the mouse it says {read!r}.")


def try_inputs(seen):
    "Other labels are computed, and the page says so; a label that was there before comes back at once."
    label, other = seen.app.locator("select").first, seen.app.get_by_label("labels", exact=True)
    now = lambda text: seen.page.wait_for_function(f"() => window.said.at(-1)?.startsWith('{text}')")
    def labels_with(views, labels):
        for y in labels:
            seen.said()
            seen.wait_for_change(f"a new label, {views}", lambda: label.select_option(y), "sample")
            now("computed in")
            if not any(s.startswith("computing") for s in seen.said()):
                raise Failed("It does not say when it computes.")
        seen.wait_for_change(f"an earlier label, {views}", lambda: label.select_option(labels[0]), "sample")
        now("from kept")
    labels_with("two views", "483")
    other.uncheck()
    seed = seen.app.get_by_role("spinbutton").first
    def another_seed():
        seed.fill("1")
        seed.press("Enter")
    seen.wait_for_change("a new seed, one view", another_seed, "sample")
    now("computed in")
    labels_with("one view", "583")
    other.check()
    now("computed in")


def pose(seen):
    "The finished sample, with its most uncertain pixel."
    seen.handle("time").press("End")
    seen.page.wait_for_function("() => document.querySelector('.widget-vbox').innerText.includes('t = 1.00')")
    image = seen.app.locator("img[data-rows]").nth(1)
    values = [float(v) for v in image.get_attribute("data-values").split(",")]
    top = values.index(max(values))
    size = image.bounding_box()
    at = dict(x=(top % 28 + 0.5) / 28 * size["width"], y=(top // 28 + 0.5) / 28 * size["height"])
    seen.wait_for_change("a click on a pixel", lambda: image.click(position=at), "correlation.*")
    seen.page.mouse.move(0, 0)


def smaller(png):
    "The same picture with at most 256 colours, and with its origin."
    from bayesflow.origin import origin_text
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo
    file, about = io.BytesIO(), PngInfo()
    about.add_text("origin", origin_text(command=COMMAND))
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True, pnginfo=about)
    return file.getvalue()


def explore_in_browser():
    "Do all of it: median seconds from an action to its last change on the page, and a picture of the application."
    faults = []
    with tempfile.TemporaryDirectory() as tmp:
        home = Path(tmp)
        prepare(home)
        with jupyterlab(home) as url, page_at(url, faults) as page:
            seen = Watched(page, run_all(page))
            for step in try_time, try_click, try_inputs, pose: step(seen)
            picture = smaller(seen.app.screenshot())
    if faults: raise Failed("\n".join(faults))
    return {what: round(sorted(v)[len(v) // 2], 3) for what, v in seen.seconds.items()}, picture


def browser():
    "The application works in JupyterLab with Chromium; `Failed` if something is missing for that."
    if lacks := missing(): raise Failed("The test in a browser needs " + " and ".join(lacks) + ".")
    from playwright.sync_api import Error
    try: return explore_in_browser()
    except Error as e: raise Failed(f"The browser: {e}") from None


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))           # so that JupyterLab ends too
    try: seconds, picture = browser()
    except Failed as e: sys.exit(str(e))
    print(json.dumps(seconds, indent=1))
    if "--save" in sys.argv:
        from bayesflow.runs.numbers import write_numbers
        write_numbers(FIGURES, "explorer", dict(seconds=seconds), command=COMMAND)
        (FIGURES/"explorer.png").write_bytes(picture)
