"""What a person meets in a browser: the report from disk, notebooks in JupyterLab, the explorer by Voila."""

import json
import shutil

import made_up
import nbformat
import numpy as np
import pytest
import soundfile
from browser import PATIENCE_MS, WIDTHS, Watched, chromium, explorer, lab, needs_browser, voila
from waiting import wait_until

from lib import stages
from lib.files import PROJECT
from lib.report import report
from lib.representations import names

pytestmark = [pytest.mark.slow, needs_browser]
HOSTILE = "<img src=x onerror=alert(1)>"
NOTEBOOKS = ("01_representations", "06_explorer")  # those with something to touch; the others run without a browser


@pytest.fixture(scope="session")
def home(finished, tmp_path_factory):
    """A copy of the home of the finished study planted-tiny: what happens here, happens to nobody else."""
    copy = tmp_path_factory.mktemp("browser")
    for name in ("runs/planted-tiny", "figures/planted-tiny", "data"):
        shutil.copytree(finished.home / name, copy / name, ignore=shutil.ignore_patterns(".snakemake", ".*.lock"))
    return copy


@pytest.fixture
def at_home(home, monkeypatch):
    monkeypatch.setenv("STUDY_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def watched(browser):
    """Pages by width, closed at the end."""
    opened = []

    def open_page(width=1280):
        opened.append(Watched(browser, width))
        return opened[-1]

    yield open_page
    for one in opened:
        one.close()


# The report


@pytest.fixture
def report_file(at_home):
    """The finished study's report, written once."""
    folder = at_home / "runs" / "planted-tiny"
    path = folder / "report.html"
    return path if path.exists() else report.write(folder)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_opens_from_disk_asks_nothing_and_nothing_overlaps(report_file, watched, width):
    seen = watched(width)
    seen.page.goto(report_file.as_uri(), wait_until="networkidle")
    assert [url for url in seen.requests if not url.startswith("data:")] == [report_file.as_uri()]
    assert seen.errors == [] and seen.dialogs == []
    assert seen.too_wide_by <= 0
    assert seen.page.evaluate(OVERLAPS) == []
    assert seen.page.evaluate(NOT_LOADED) == []
    assert seen.page.locator("section").count() == len(report.SECTIONS)
    seen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert seen.too_wide_by <= 0
    assert seen.page.evaluate(OVERLAPS) == []


OVERLAPS = """() => [...document.querySelectorAll("section, article")].flatMap(part => {
  const shown = [...part.children].filter(one => one.getBoundingClientRect().height > 0);
  return shown.slice(1).filter((one, i) =>
    one.tagName != "ARTICLE" && one.getBoundingClientRect().top < shown[i].getBoundingClientRect().bottom - 1
  ).map(one => one.outerHTML.slice(0, 80));
})"""
NOT_LOADED = "() => [...document.images].filter(one => !one.naturalWidth || !one.alt.trim()).map(one => one.alt)"


def test_players_hold_the_sound_and_play_it(report_file, watched):
    seen = watched()
    seen.page.goto(report_file.as_uri())
    players = seen.page.locator("audio")
    assert players.count() >= 3
    lengths = seen.page.evaluate(LENGTHS)
    assert all(0.3 <= length <= 3.5 for length in lengths), lengths
    for number in range(players.count()):
        player = players.nth(number)
        player.focus()
        seen.page.keyboard.press("Space")
        seen.page.wait_for_function("one => one.currentTime > 0.05", arg=player.element_handle())
    assert seen.errors == []


LENGTHS = """() => Promise.all([...document.querySelectorAll("audio")].map(one => new Promise(resolve => {
  if (one.readyState > 0) resolve(one.duration);
  one.addEventListener("loadedmetadata", () => resolve(one.duration));
  setTimeout(() => resolve(-1), PATIENCE_MS);
})))""".replace("PATIENCE_MS", str(PATIENCE_MS))


def test_every_control_of_the_report_is_reached_by_keyboard(report_file, watched):
    seen = watched()
    seen.page.goto(report_file.as_uri())
    seen.page.evaluate("document.addEventListener('focusin', event => { event.target.dataset.reached = 1 })")
    controls = seen.page.locator("a[href], summary, audio, .scroll:visible")
    for _ in range(8 * controls.count()):  # a player has several stops inside
        seen.page.keyboard.press("Tab")
        if not seen.page.evaluate(LEFT_OUT):
            break
    assert seen.page.evaluate(LEFT_OUT) == []


LEFT_OUT = """() => [...document.querySelectorAll("a[href], summary, audio, .scroll, pre")]
  .filter(one => one.checkVisibility() && !one.dataset.reached).map(one => one.outerHTML.slice(0, 80))"""


def test_text_stands_out_from_what_is_behind_it(report_file, watched):
    seen = watched()
    seen.page.goto(report_file.as_uri())
    assert seen.page.evaluate(FAINT) == []


# contrast as WCAG has it, against the nearest background that is not see-through; 4.5 is its demand on small text
FAINT = """() => {
  const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = one => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const own = one => [...one.childNodes].some(node => node.nodeType == 3 && node.textContent.trim());
  return [...document.body.querySelectorAll("*")].filter(own).filter(one => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map(one => one.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="session")
def hostile_study(home):
    """Beside it a study of own sounds whose labels, files and reasons are markup: trained and scored, its tables made up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_HOME", str(home))
        study = made_up.short_study(made_up.SHORT, hostile_corpus(home), corpus="table")
        for name in names():
            stages.train(study, name, 0)
        stages.score(study)
        made_up.finish(made_up.asked(study), HOSTILE)
    return study


@pytest.fixture
def hostile_report(hostile_study, at_home):
    """Its report."""
    return report.write(hostile_study.folder)


def hostile_corpus(folder):
    """A table of ten short sounds, one of them broken, all with markup for names."""
    lines = ["path,labels,role,group"]
    for number in range(10):
        name = f"{number}{HOSTILE}.wav"
        soundfile.write(folder / name, 0.3 * np.sin(np.arange(20_000) * (0.05 + 0.01 * number)), 16_000)
        label = (HOSTILE, "<b>plain</b>")[number % 2]
        lines.append(f"{name},{label},{'test' if number > 4 else 'train'},{HOSTILE}{number}")
    (folder / f"0{HOSTILE}.wav").write_bytes(b"no sound")
    (folder / "sounds.csv").write_text("\n".join(lines) + "\n")
    return folder / "sounds.csv"


def test_labels_and_file_names_that_are_markup_do_nothing(hostile_report, watched):
    seen = watched()
    seen.page.goto(hostile_report.as_uri(), wait_until="networkidle")
    assert seen.dialogs == [] and seen.errors == []
    assert seen.page.locator("img:not([src^='data:'])").count() == 0
    assert seen.page.locator("[onerror], script, section b").count() == 0
    text = seen.page.inner_text("main")
    assert f"labels: {HOSTILE}" in text
    assert f"0{HOSTILE}.wav" in seen.page.inner_text("#rejected")
    assert seen.page.locator("audio").count() >= 2
    assert seen.too_wide_by <= 0


# JupyterLab


@pytest.fixture(scope="session")
def jupyterlab(home, small_corpus, tmp_path_factory):
    """JupyterLab on a copy of the notebooks whose parameters mean the finished study."""
    folder = tmp_path_factory.mktemp("lab")
    for name in NOTEBOOKS:
        set_parameters(PROJECT / "notebooks" / f"{name}.ipynb", folder / f"{name}.ipynb", root=str(small_corpus))
    log, ipython = folder.with_name("lab.txt"), tmp_path_factory.mktemp("ipython")
    first = ipython / "profile_default" / "startup" / "quick_figures.py"
    first.parent.mkdir(parents=True)
    first.write_text(QUICK_FIGURES)
    with lab(folder, log, STUDY_HOME=str(home), MPLBACKEND="", IPYTHONDIR=str(ipython)) as address:
        yield address, folder


# what every kernel begins with: as conftest.quick_figures
QUICK_FIGURES = """
from lib.display import figures
figures.UNDATED = {"png": {}}
figures.STYLE["savefig.dpi"] = 50
"""


def set_parameters(source, target, **values):
    """Copy a notebook with these and the toy scale in its parameters cell."""
    notebook = nbformat.read(source, as_version=4)
    (cell,) = (one for one in notebook.cells if "parameters" in one.metadata.get("tags", []))
    values = {"preset": "tiny", "device": "cpu"} | values
    cell.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in values.items())
    nbformat.write(notebook, target)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_in_jupyterlab_from_top_to_bottom(jupyterlab, watched, name):
    address, folder = jupyterlab
    seen = watched()
    seen.page.goto(f"{address}/lab/tree/{name}.ipynb?reset", wait_until="domcontentloaded")
    seen.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    wait_for_kernel(seen.page, address, f"{name}.ipynb")
    seen.page.get_by_role("menuitem", name="Run", exact=True).click()
    seen.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    assert end_of_run(seen.page, address, folder / f"{name}.ipynb") == []
    assert seen.dialogs == []
    seen.page.screenshot(path=folder.with_name(f"{name}.png"))


def kernel_idle(page, address, name):
    """Whether the page is connected with the notebook's kernel, and that has nothing to do."""
    sessions = page.request.get(f"{address}/api/sessions").json()
    kernels = [session["kernel"] for session in sessions if session["path"] == name]
    return any(kernel["connections"] and kernel["execution_state"] == "idle" for kernel in kernels)


def wait_for_kernel(page, address, name):
    """Wait for the notebook's kernel: asked to run before, the page would ask which one."""
    wait_until(lambda: kernel_idle(page, address, name))


def end_of_run(page, address, path):
    """Wait until all code cells have run, or one failed: the errors."""

    def cells_that_ran():
        if not kernel_idle(page, address, path.name):
            return []
        page.keyboard.press("Control+s")
        try:
            notebook = json.loads(path.read_text())
        except json.JSONDecodeError:  # JupyterLab is just writing it
            return []
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        failed = [cell for cell in cells if [out for out in cell["outputs"] if out["output_type"] == "error"]]
        return failed or (cells if all(cell["execution_count"] for cell in cells) else [])

    outputs = [out for cell in wait_until(cells_that_ran, every_s=1) for out in cell["outputs"]]
    return [f"{out['ename']}: {out['evalue']}" for out in outputs if out["output_type"] == "error"]


# The explorer


SCORES = "table:has(caption:text-matches('^Scores by'))"


@pytest.fixture(scope="session")
def whole_explorer(home, hostile_study, browser, tmp_path_factory):
    """`make explorer` on the finished study with all of its views shown: one page for several tests, as it takes its time
    to open. What it asks for, and what it says, is noted from the first to the last of them."""
    log = tmp_path_factory.mktemp("explorer") / "log.txt"
    with explorer("planted-tiny", log, STUDY_HOME=str(home)) as address:
        seen = Watched(browser)
        seen.open_served(address, ".study-map canvas")
        seen.page.wait_for_selector(SCORES)
        yield seen
        seen.close()


@pytest.fixture
def open_explorer(whole_explorer):
    """That page at rest: what a click of the test before has started would go on beside what this one does."""
    at_rest(whole_explorer.page)
    return whole_explorer


def at_rest(page):
    """Wait until nothing is drawn anew: what is, is dimmed from before the clip's name is there."""
    page.wait_for_function("!document.querySelector('.study-working')")


def test_the_explorer_shows_no_code_and_asks_nothing_of_the_network(open_explorer):
    assert_no_code(open_explorer)
    assert open_explorer.outside == []
    assert open_explorer.dialogs == []


def test_a_switch_changes_the_answer_at_once(open_explorer):
    page = open_explorer.page
    before = page.inner_text(SCORES)
    page.get_by_label("Pitch", exact=True).uncheck()
    page.wait_for_selector("caption:text('Scores by Timbre + Neuralogram + Waveform')")
    assert page.inner_text(SCORES) != before
    page.get_by_label("Pitch", exact=True).check()
    page.wait_for_selector("caption:text('Scores by Pitch + Timbre + Neuralogram + Waveform')")
    taken_ms = page.evaluate(CLICK_TO_CHANGE)
    assert min(taken_ms) < 100, taken_ms  # the fastest, as other work of the machine only slows it


# milliseconds from a click on a switch to the changed page, eleven times
CLICK_TO_CHANGE = """async () => {
  const switches = [...document.querySelectorAll("input[type=checkbox]")];
  const place = [...document.querySelectorAll("caption")].find(one => one.textContent.startsWith("Scores by")).closest(".widget-html");
  const taken = [];
  for (let i = 0; i < 11; i++) {
    const start = performance.now();
    const changed = new Promise(done => new MutationObserver((_, watcher) => {
      watcher.disconnect();
      done(performance.now() - start);
    }).observe(place, { subtree: true, childList: true, characterData: true }));
    switches[i % switches.length].click();
    taken.push(await changed);
    await new Promise(done => setTimeout(done, 150));
  }
  return taken;
}"""


def test_a_click_on_the_map_turns_to_another_clip_and_plays_it(open_explorer):
    page = open_explorer.page
    canvas = page.locator(".study-map canvas")
    canvas.scroll_into_view_if_needed()
    for x, y in places_of_points(page)[:40]:
        before = page.inner_text("h3")
        canvas.click(position={"x": x, "y": y})
        told = page.inner_text(".study-map .message").split(", from")[0]
        if told != before:
            break
    assert told != before
    page.wait_for_function("told => document.querySelector('h3').textContent === told", arg=told)
    start_s = float(page.inner_text(".study-map .message").split(", from ")[1].split()[0])
    second = page.get_by_label("second", exact=True).element_handle()
    # Chunks are of a second, so the n-th begins at n seconds.
    page.wait_for_function("([one, start_s]) => one.selectedIndex == start_s", arg=[second, start_s])
    # played from its chunk; none of these clips is longer than the five seconds shown
    page.wait_for_function(
        "start_s => document.querySelector('.study-player audio').currentTime > start_s", arg=start_s
    )


def places_of_points(page):
    """Pixels of the canvas that are coloured: where points are."""
    return page.evaluate("""() => {
      const canvas = document.querySelector(".study-map canvas");
      const [pen, ratio] = [canvas.getContext("2d"), canvas.width / canvas.clientWidth];
      const { data, width, height } = pen.getImageData(0, 0, canvas.width, canvas.height);
      const found = [];
      for (let y = 0; y < height; y += 7) for (let x = 0; x < width; x += 7)
        if (data[4 * (y * width + x) + 3] > 200) found.push([x / ratio, y / ratio]);
      return found;
    }""")


def test_the_map_is_walked_with_the_keyboard(open_explorer):
    page = open_explorer.page
    page.locator(".study-map canvas").focus()
    told = []
    for key in ("ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
        told.append(page.inner_text(".study-map .message"))
    assert len(set(told)) > 1
    page.keyboard.press("Enter")
    page.wait_for_function("told => told.startsWith(document.querySelector('h3').textContent)", arg=told[-1])


def test_the_sound_has_a_length_and_the_cursor_goes_with_it(open_explorer):
    page = open_explorer.page
    player = page.locator(".study-player audio")
    page.wait_for_function("document.querySelector('.study-player audio').duration > 0.3")
    assert player.evaluate("one => one.duration") < 6.5
    # From the start: what was chosen before may have been played to its end, and beyond that no cursor goes.
    player.evaluate(
        "one => new Promise(there => { one.pause(); one.onseeked = there; one.currentTime = 0; }).then(() => 0)"
    )
    before = page.locator(".study-picture .cursor").evaluate("one => one.offsetLeft")
    player.evaluate("one => one.play()")
    page.wait_for_function("document.querySelector('.study-player audio').currentTime > 0.2")
    page.wait_for_function(f"document.querySelector('.study-picture .cursor').offsetLeft > {before}")
    player.evaluate("one => one.pause()")
    picture = page.locator(".study-picture")
    wide = picture.bounding_box()["width"]
    at_s = []
    for x in (0.4 * wide, 0.7 * wide):  # a click in the picture sends the sound there, and the cursor goes with it
        picture.click(position={"x": x, "y": 50})
        page.wait_for_function(
            "x => Math.abs(document.querySelector('.study-picture .cursor').offsetLeft - x) < 4", arg=x
        )
        at_s.append(player.evaluate("one => one.currentTime"))
    assert 0 < at_s[0] < at_s[1]


def test_a_recording_and_a_file_of_ones_own_are_answered(open_explorer, tmp_path):
    page = open_explorer.page
    page.get_by_role("button", name="Record a sound").click()
    page.wait_for_function(
        f"[...document.querySelectorAll('.study-own span')].some(one => {RECORDED}.test(one.textContent))"
    )
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("h3:text('own sound (recording.wav)')")
    soundfile.write(tmp_path / f"mine {HOSTILE.replace('/', '')}.wav", 0.3 * np.sin(np.arange(30_000) * 0.1), 16_000)
    choose_file(page, tmp_path / f"mine {HOSTILE.replace('/', '')}.wav")
    page.wait_for_selector("h3:has-text('mine')")
    assert HOSTILE in page.inner_text("h3") and open_explorer.dialogs == []
    soundfile.write(tmp_path / "long.wav", np.zeros(6_000_000), 16_000)  # 12 MB: a connection takes 10 unless told
    choose_file(page, tmp_path / "long.wav")
    page.wait_for_selector("h3:has-text('long.wav')")
    page.wait_for_selector("text=long.wav: silence")
    (tmp_path / "words.wav").write_text("no sound")
    choose_file(page, tmp_path / "words.wav")
    page.wait_for_selector("text=words.wav: not a sound file")
    assert "long.wav" in page.inner_text("h3")


RECORDED = r"/^[1-9]\d*\.\d s$/"  # a second or more


def choose_file(page, path):
    """Choose a file as a person does, by the button."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a sound file").click()
    chooser.value.set_files(path)


def test_what_each_encoder_is_given_is_heard(open_explorer):
    page = open_explorer.page
    page.get_by_role("button", name="hear it").click()
    page.wait_for_selector("text=its peaks as sine tones")
    lengths = page.evaluate(LENGTHS)
    assert len(lengths) > 5 and all(0.3 <= length <= 6.5 for length in lengths), lengths


def test_every_control_of_the_explorer_is_reached_by_keyboard_and_every_image_has_words(open_explorer):
    page = open_explorer.page
    page.evaluate("document.addEventListener('focusin', event => { event.target.dataset.reached = 1 })")
    page.evaluate("document.querySelector('select').focus()")
    for _ in range(400):  # a player has several stops inside
        if not page.evaluate(NOT_REACHED):
            break
        page.keyboard.press("Tab")
    assert page.evaluate(NOT_REACHED) == []
    assert page.evaluate(NOT_LOADED) == []


NOT_REACHED = """() => [...document.querySelectorAll("#rendered_cells :is(select, input, button, audio, canvas)")]
  .filter(one => one.checkVisibility() && one.type != "file" && !one.disabled && !one.dataset.reached)
  .map(one => one.outerHTML.slice(0, 80))"""


def test_a_family_of_labels_is_chosen_beside_the_other_filters(open_explorer):
    page = open_explorer.page
    family, show = (page.get_by_label(name, exact=True) for name in ("family", "show"))
    offered = [text.replace("\xa0", " ") for text in family.locator("option").all_inner_texts()]
    assert offered == ["any family", "pitch", "timbre", "gesture"]
    show.select_option("only mistakes")
    family.select_option("timbre")
    page.wait_for_selector("text=with a label of the family timbre, judged by the classes of this family alone")
    of_timbre = page.locator("select[size] option, select[multiple] option").count()
    family.select_option("any family")
    page.wait_for_function("n => document.querySelectorAll('select[size] option').length > n", arg=of_timbre)
    show.select_option("all clips")
    page.wait_for_function("!document.body.innerText.includes('of the family')")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_explorer_fits_the_window(open_explorer, width):
    page = open_explorer.page
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(
        f"innerWidth == {width} && document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    inside = page.evaluate("""() => [...document.querySelectorAll("h3, .study-player, .study-picture, .study-map, select, td, td audio")]
      .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 60))""")
    assert inside == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_player_and_the_scores_stay_in_view(open_explorer, width):
    page = open_explorer.page
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_role("button", name="next").click()  # of silence there are no scores
    page.wait_for_selector(SCORES)
    for place in ("0", "document.scrollingElement.scrollHeight / 2", "document.scrollingElement.scrollHeight"):
        page.evaluate(f"scrollTo(0, {place})")
        for shown in ("h3", ".study-player audio", f"{SCORES} tbody tr:first-child"):
            wait_until(lambda shown=shown: in_view(page, shown))
            # Beside the picture where there is room.
            assert width < 1000 or wait_until(page.locator(shown).first.bounding_box)["x"] > width / 2


def in_view(page, selector):
    """Whether all of an element is on the screen."""
    box = page.locator(selector).first.bounding_box()  # None while it is drawn anew
    return box is not None and box["y"] >= 0 and 0 < box["height"] <= page.viewport_size["height"] - box["y"]


# a page that still moves from the key before would undo what the next one does
TO_THE_TOP = """async () => {
  for (let still = 0; still < 5; still = scrollY ? 0 : still + 1) {
    scrollTo(0, 0);
    await new Promise(done => setTimeout(done, 100));
  }
}"""


@pytest.mark.parametrize("key", ["PageDown", "Space", "End"])
def test_keys_scroll_the_page(open_explorer, key):
    page = open_explorer.page
    page.evaluate("document.activeElement.blur()")
    page.evaluate(TO_THE_TOP)
    page.keyboard.press(key)
    page.wait_for_function("document.scrollingElement.scrollTop > 300")


@pytest.mark.parametrize("x", [3, 400, 1100, 1277])
def test_the_wheel_scrolls_the_page_wherever_it_is_turned(open_explorer, x):
    page = open_explorer.page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate(TO_THE_TOP)
    page.mouse.move(x, 350)
    page.mouse.wheel(0, 400)
    page.wait_for_function("document.scrollingElement.scrollTop > 300")


def test_the_heading_is_the_studys_name_and_no_link_leads_nowhere(open_explorer):
    page = open_explorer.page
    assert page.inner_text("h1") == "planted-tiny" == page.title().removeprefix("Explorer: ")
    links = page.evaluate(
        "[...document.querySelectorAll('#rendered_cells a[href]')].map(one => one.getAttribute('href'))"
    )
    assert all(link.startswith("#") for link in links), links


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(open_explorer, tmp_path):
    page = open_explorer.page
    before = page.inner_text("h3")
    with open(tmp_path / "large.wav", "wb") as file:
        file.truncate(100_000_001)
    choose_file(page, tmp_path / "large.wav")
    page.wait_for_selector("text=large.wav was not sent: it has 100 MB, and 100 MB are the most that is taken")
    assert page.inner_text("h3") == before
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(20_000) * 0.1), 16_000)
    choose_file(page, tmp_path / "tone.wav")  # the page goes on
    page.wait_for_selector("text=tone.wav: 1 chunk; every view now shows it")
    page.wait_for_selector("text=your sound, where its nearest chunks lie")


@pytest.fixture
def hostile_explorer(open_explorer, hostile_study):
    """The explorer, turned to that study and back again."""
    turn_to(open_explorer.page, hostile_study.folder.name)
    yield open_explorer
    turn_to(open_explorer.page, "planted-tiny")


def turn_to(page, study):
    """Choose another study, and wait until every view shows it."""
    page.get_by_label("study", exact=True).select_option(study)
    page.wait_for_selector(f"h1:text-is('{study}')")
    at_rest(page)


def test_labels_that_are_markup_do_nothing_in_the_explorer(hostile_explorer):
    page = hostile_explorer.page
    page.get_by_role("button", name="next").click()
    page.get_by_role("button", name="hear it").click()
    page.wait_for_selector("text=its peaks as sine tones")
    page.locator(".study-map canvas").hover(position={"x": 100, "y": 100})
    page.wait_for_load_state("networkidle")
    assert HOSTILE in page.inner_text("h3") or "<b>plain</b>" in page.inner_text("h3")
    assert hostile_explorer.dialogs == [] and hostile_explorer.outside == []
    assert page.locator("[onerror], img[src=x]").count() == 0
    assert HOSTILE in page.inner_text(SCORES)


def assert_no_code(seen):
    assert seen.page.locator(".jp-CodeCell .jp-InputArea, .cm-editor, .highlight").count() == 0
    assert "import " not in seen.page.inner_text("body")


SMALL = '''import anywidget, ipywidgets, traitlets

class Count(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
      const button = document.createElement("button");
      const show = () => { button.textContent = `clicked ${model.get("n")}`; };
      button.className = "count"; show(); model.on("change:n", show);
      button.onclick = () => { model.set("n", model.get("n") + 1); model.save_changes(); };
      el.append(button);
    } }"""
    n = traitlets.Int(0).tag(sync=True)

ipywidgets.VBox([Count(), ipywidgets.Button(description="play", icon="play"), ipywidgets.Dropdown(options=["a", "b"])])'''


def test_a_page_of_widgets_by_voila_works_without_a_network(watched, tmp_path):
    cells = [nbformat.v4.new_markdown_cell("# A page\n\nWith mathematics: $x^2$"), nbformat.v4.new_code_cell(SMALL)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "small.ipynb")
    seen = watched()
    with voila(tmp_path / "small.ipynb", tmp_path / "log.txt") as address:
        seen.open_served(address, ".count")
        seen.page.click(".count")
        seen.page.wait_for_selector("text=clicked 1")
        seen.page.wait_for_load_state("networkidle")
        assert_no_code(seen)
        assert seen.outside == []
        assert seen.errors == []
        assert seen.page.evaluate("document.documentElement.lang") == "en"
        seen.page.goto("about:blank")  # whoever leaves the page ends its kernel, which holds a gigabyte
        wait_until(lambda: "Kernel shutdown" in (tmp_path / "log.txt").read_text())
