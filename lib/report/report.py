"""runs/<study>/report.html: a study in one file that opens from disk, in the order in which a colleague reads it.

Everything comes from the tables, figures and scores that the run left; nothing is computed anew. Where something is
missing, the page says so and names what makes it. Sounds need the corpus; without it the page has none and says why.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lib import controls, files
from lib.display.screen import counted, measure_name
from lib.evaluation import claims, metric_choices, predictions, probe_sentences
from lib.evaluation import sentences as findings
from lib.evaluation.readable import model_name
from lib.evaluation.results import SHARED, headline
from lib.evaluation.sentences import number
from lib.explorer import html_media
from lib.files import PlainError, digests
from lib.report import examples, page_elements
from lib.report.page_elements import Block, Section, of_frame, says, table
from lib.report.reported import PICTURES, TABLES, Run, intervals, told, with_interval
from lib.study import StudyError

CLIPS = 8  # to listen to
ROWS = 200  # of a table at most; the file has all


def write(folder: Path) -> Path:
    """Write the report of the run in this folder, and give its path."""
    run = Run.of(folder)
    text = page_elements.page(
        "report.html.j2", slug=run.study.slug, facts=facts(run), made=time.strftime("%Y-%m-%d %H:%M"),
        lacking=run.lacking, sections=[section(run, *each) for each in SECTIONS],
    )  # fmt: skip
    with files.whole(folder / "report.html") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return folder / "report.html"


Maker = Callable[[Run], Iterable[Block]]


def section(run: Run, anchor: str, title: str, opening: str, *makers: Maker) -> Section:
    """A section of what its makers show; a note, once, for what is missing."""
    found: list[Block] = []
    for make in makers:
        try:
            found += make(run)
        except (StudyError, digests.Damaged) as missing:
            note = page_elements.Note(f"Not there yet: {missing}.")
            found += [] if note in found else [note]
    return Section(anchor, title, opening, tuple(found) or (page_elements.Note("This run has left nothing of it."),))


def picture(stem: str) -> Maker:
    """The picture of this stem, nothing where it is not shown."""

    def make(run: Run) -> Iterator[Block]:
        if stem in run.pictures:
            yield page_elements.Picture(*PICTURES[stem], html_media.data_url(run.pictures[stem], "image/png"))

    return make


def facts(run: Run) -> dict[str, str]:
    """What was run, in a few words each."""
    asked = run.study.request
    told = {"corpus": run.study.title, "preset": asked.preset, "seeds": ", ".join(run.seeds) or "none yet"}
    told |= {"test folds": ", ".join(str(part.request.fold) for part in run.parts)} if asked.fold else {}
    paths = [part.folder / "scores" / "test.npz" for part in run.parts]
    if all(path.exists() for path in paths):
        tests = [digests.read(path, digests.load_arrays) for path in paths]
        told["tested on"] = (
            f"{counted(sum(len(set(test['clip'])) for test in tests), 'clip')}, "
            f"{counted(sum(len(test['clip']) for test in tests), 'chunk')} of {run.study.settings.chunking.length_s:g} s, "
            f"{counted(len(tests[0]['classes']), 'class')}"
        )
    return told


# What was found


def remarks(run: Run) -> Iterator[Block]:
    """What is to be known of the corpus before any number is read; nothing of a run from before that was noted."""
    there = [part for part in run.parts if (part.folder / "tables" / "remarks.csv").exists()]
    lines = [line for part in there for line in part.table("remarks", TABLES["remarks"])["remark"]]
    if lines:
        yield says(*dict.fromkeys(lines))


def who_contributes(run: Run) -> Iterator[Block]:
    """The conclusion at each level, as notebook 04 ends."""
    shared = [
        run.table(name).query("measure == @SHARED") for name in ("contributions", "marginals", "best_subsets", "tests")
    ]
    there = (run.study.folder / "tables" / "branches.csv").exists()
    others = [run.table("simultaneous"), *([run.table("branches")] if there and _has_rows(run, "branches") else ())]
    for level in reversed(run.levels):
        wanted = [one[(one["level"] == level) & (one["head"] == run.head)] for one in (*shared, *others)]
        yield says(claims.conclusion(*wanted[:5], run.study.title, *wanted[5:]))


def beside_the_paper(run: Run) -> Iterator[Block]:
    """The order, and what is more than chance, as notebook 05 ends."""
    differences = run.table("differences")
    against = [findings.all_against(differences, other) for other in ("neuralogram", "waveform")]
    chances = [findings.significance(differences, level) for level in run.levels]
    yield says(findings.order(run.table("table1")), *against, *chances)


def limits(run: Run) -> Iterator[Block]:
    """How much hangs on the definition, and on how many classes the numbers stand."""
    subsets = run.table("subsets").query("control == ''")
    yield says(metric_choices.definitions_sentence(run.table("definitions")), findings.left_out(subsets))


def where_known(run: Run) -> Iterator[Block]:
    """Whether the planted truth is found, on the embedded corpus alone."""
    if run.study.request.corpus == "planted":
        shares = findings.planted_shares(run.table("contributions"), run.head)
        yield says(*shares, *findings.constructed(run.table("copies"), run.table("xor")))


# Numbers


def first_table(run: Run) -> Iterator[Block]:
    """Table 1 by the headline measure, the other measures folded."""
    rows = run.table("table1")
    measure = headline(run.study)
    first = rows[rows["measure"] == measure]
    ends = ", ".join(
        f"{name} {number(first[column].iloc[0], measure)}"
        for name, column in (("chance", "chance"), ("constant predictor", "constant"), ("the best possible", "oracle"))
    )
    papers = {"published (FSD50K)": told(first["published"], measure)} if first["published"].notna().any() else {}
    yield table(f"Table 1: {measure_name(measure)} of chunks in percent ({ends})", {
        "encoder": first["row"].map(model_name), **papers,
        "own classifier": told(first["own"], measure), "fresh head": told(first["retrained"], measure),
        "95 % interval": intervals(first),
    })  # fmt: skip
    shown = rows["own"].fillna(rows["retrained"])
    values = [number(value, name) for value, name in zip(shown, rows["measure"], strict=True)]
    wide = rows.assign(shown=values).pivot(index="measure", columns="row", values="shown")[list(first["row"])]
    wide = wide.loc[rows["measure"].unique()].reset_index()
    by_measure = rows.drop_duplicates("measure").set_index("measure")["chance"]
    wide["chance"] = [number(by_measure[name], name) for name in wide["measure"]]
    wide["measure"] = wide["measure"].map(measure_name)
    wide = wide.rename(columns=dict(zip(first["row"], first["row"].map(model_name), strict=True)))
    yield of_frame("The same by every measure", wide, folded=True)


def share_table(run: Run) -> Iterator[Block]:
    """What each encoder brings alone, its share, and what it adds last, with intervals at both levels."""
    tables = [run.table(name) for name in ("contributions", "marginals", "best_subsets")]
    shown = claims.side_by_side(*tables[:2])
    for level in reversed(run.levels):
        rows = shown[(shown["level"] == level) & (shown["head"] == run.head)].drop(columns=["level", "head"])
        groups = tables[2].query("level == @level")["groups"].max()
        title = f"Points of {measure_name(SHARED)} of {level}s ({run.head} head), with 95 % intervals over {counted(groups, 'group')} of clips"
        yield of_frame(title, rows.assign(encoder=rows["encoder"].map(model_name)))
    yield says(*(claims.shares(*tables, level, run.head) for level in reversed(run.levels)))


def subset_table(run: Run) -> Iterator[Block]:
    """Every subset with one head at both levels, and what follows."""
    subsets = run.table("subsets").query("control == ''")
    measure = headline(run.study)
    rows = subsets.query("measure == @measure and seed == 'mean'")
    rows = rows[(rows["head"] == run.head) | (rows["n_encoders"] == 0)]
    clips, chunks = (rows[rows["level"] == level].set_index("subset") for level in ("clip", "chunk"))
    chunks = chunks.loc[clips.index]
    best = run.table("best_subsets")
    yield says(*(claims.best_subset(best, measure, level, run.head) for level in run.levels))
    yield says(*(findings.heads(subsets, measure, level) for level in run.levels))
    yield table(f"All subsets: {measure_name(measure)} in percent, with 95 % intervals ({run.head} head)", {
        "subset": clips.index.map(model_name), "clips": with_interval(clips, "value"), "chunks": with_interval(chunks, "value"),
    })  # fmt: skip


def owners(run: Run) -> Iterator[Block]:
    """How many classes are owned, and which by whom."""
    yield says(*claims.owned(run.table("owned"), "clip", run.head))


def control_games(run: Run) -> Iterator[Block]:
    """What the controls say, and their numbers."""
    beside = run.table("controls") if _has_rows(run, "controls") else pd.DataFrame()
    titles = {name: one.title for name, one in controls.CONTROLS.items()}
    sentences = claims.controls(beside, run.table("contributions"), titles, run.head, run.levels)
    yield says(*sentences, *claims.not_run(titles, beside, run.table("controls_left_out")))
    if len(beside):
        yield table(f"Controls beside the study: {measure_name(SHARED)} in percent", {
            "control": [titles.get(name, name) for name in beside["control"]], "level": beside["level"],
            "head": beside["head"], "control's": told(beside["value"]), "study's": told(beside["study"]),
            "study less control": with_interval(beside, "difference", "+"),
            "p after Holm": ["" if pd.isna(p) else f"{p:.3f}" for p in beside["p_holm"]],
        }, folded=True)  # fmt: skip


def known(run: Run) -> Iterator[Block]:
    """What probes read off each embedding, and what of one can be had from others."""
    probed = run.table("probes")
    yield says(*probe_sentences.known_best(probed), *probe_sentences.checked(probed))
    yield says(*probe_sentences.similarity(run.table("similarity")))


def _has_rows(run: Run, name: str) -> bool:
    """Whether the table has rows; StudyError where it is missing. Without rows a table has no header to read."""
    try:
        return len(run.table(name)) > 0
    except pd.errors.EmptyDataError:
        return False


def definition_rows(run: Run) -> Iterator[Block]:
    """Every definition's value, and the careless protocols."""
    rows = run.table("definitions")
    columns = {name: told(rows[name]) for name in ("value", "chance", "constant", "oracle")}
    yield table("One model's scores under every definition, percent", {"definition": rows["definition"], **columns}, folded=True)  # fmt: skip
    careless = run.table("careless")
    yield table("Do not do this: what careless protocols would have given, percent", {
        "protocol": careless["protocol"], "by the rule": told(careless["careful"]),
        "without it": told(careless["careless"]), "why it is wrong": careless["warning"],
    })  # fmt: skip


# Sounds


def listen(run: Run) -> Iterator[Block]:
    """A few test clips with what was said of them."""
    yield from played(lambda: examples.examples(run.parts[0], CLIPS))


def played(clips: Callable[[], list[examples.Heard]]) -> Iterator[Block]:
    """Clips with their players; a note where their sounds cannot be had."""
    try:
        found = clips()
    except PlainError as error:
        found = []
        yield page_elements.Note(f"No players: the sounds of this run are not at hand. {error}")
    if found:
        yield page_elements.Clips(tuple(found))


def confusions(run: Run) -> Iterator[Block]:
    """How many labels are named right, and which are taken for which."""
    yield says(*predictions.sentences(run.table("predictions"), run.table("confusion")))


def clearest_mistakes(run: Run) -> Iterator[Block]:
    """The clearest mistakes of all four, to be heard."""
    table = run.table("mistakes")
    yield from played(lambda: examples.mistakes(run.parts, table, CLIPS))


# What it rests on


def the_ledger(run: Run) -> Iterator[Block]:
    """Claim by claim."""
    rows = run.table("ledger")
    if not len(rows):
        yield says("The paper's claims are about FSD50K: nothing of them can be held against a study of other sounds.")
        return
    yield table("The paper's claims, and what was obtained, percent", {
        "claim": rows["claim"], "published": told(rows["published"]), "obtained": told(rows["obtained"]),
        "95 % interval": intervals(rows), "deviation": told(rows["deviation"], sign="+"), "reason": rows["reason"],
    })  # fmt: skip


def second_table(run: Run) -> Iterator[Block]:
    """Beside other systems."""
    rows = run.table("table2")
    if not len(rows):
        return
    yield table("Table 2: mAP in percent, beside other systems", {
        "system": rows["row"], "extra data": rows["extra_data"], "published": told(rows["published"]),
        "obtained": told(rows["obtained"]), "95 % interval": intervals(rows), "source": rows["source"],
    }, folded=True)  # fmt: skip


def decision_rows(run: Run) -> Iterator[Block]:
    """Open points of the paper."""
    yield of_frame("Open points, as this run settled them", run.table("decisions"))


def rejected_rows(run: Run) -> Iterator[Block]:
    """Files that were left out; of all folds together."""
    tables = [part.table("rejected", TABLES["rejected"]) for part in run.parts]
    rows = pd.concat(tables, ignore_index=True).drop_duplicates()
    if not len(rows):
        yield says("No file was left out.")
        return
    names = [Path(str(path)).name for path in rows["path"]]
    more = f", the first {ROWS}; tables/rejected.csv has all" if len(rows) > ROWS else ""
    shown = rows.assign(file=names)[["clip", "file", "reason"]].head(ROWS)
    yield of_frame(f"{len(rows)} left out{more}", shown)


def times(run: Run) -> Iterator[Block]:
    """Seconds of each stage."""
    rows = run.table("timing")
    yield table("How long each stage took as it was last run", {
        "stage": rows["stage"], "seconds": [f"{value:.1f}" for value in rows["seconds"]], "items": rows["items"],
        "unit": rows["unit"], "items a second": rows["per_s"], "memory (MB)": rows["peak_mb"],
    })  # fmt: skip


def provenance(run: Run) -> Iterator[Block]:
    """What made the numbers: versions, machine, commit, corpus, seeds; the settings folded."""
    path = run.parts[0].folder / "study.json"
    if not path.exists():
        raise StudyError("study.json is missing: make study with this run's variables writes it")
    stored = digests.read(path, digests.load_json)
    rows = {
        "started": stored["started"], "commit": stored["commit"] or "unknown", "corpus hash": stored["corpus_hash"],
        "seeds": ", ".join(map(str, stored["seeds"])), **_flat(stored["machine"]), **_flat(stored["versions"]),
    }  # fmt: skip
    yield table("Made with", {"what": rows.keys(), "value": map(str, rows.values())})
    yield page_elements.Folded("All settings", json.dumps(stored["settings"], indent=2))


def _flat(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def elsewhere(run: Run) -> Iterator[Block]:
    """Where all the rest lies."""
    stems = sorted({path.stem for part in (run.study, *run.parts) for path in part.figures.glob("*.png")})
    rest = [stem for stem in stems if stem not in run.pictures]
    slug = run.study.slug
    yield says(
        f"Every figure as PDF, SVG and PNG: `figures/{slug}/`. Not on this page: {', '.join(rest) or 'none'}.",
        f"Every number as a fraction: `runs/{slug}/tables/`. Scores of every subset: `runs/{slug}/scores/`.",
        f"The executed notebooks: `runs/{slug}/notebooks/`.",
    )


SECTIONS: tuple[tuple[Any, ...], ...] = (
    ("found", "What was found", "Made from this run's numbers. Numbers are percent, in brackets 95 % intervals.",
     remarks, who_contributes, beside_the_paper, where_known, limits),
    ("table1", "Table 1: each encoder, and all of them",
     "An encoder's own classifier, and a fresh head on the same embedding, which is what all four together have. The "
     "interval belongs to the own classifier, for all four to the fresh head. The paper's numbers stand beside FSD50K alone.",
     first_table, picture("table1"), picture("overview"), picture("01_representations")),
    ("contributions", "Who contributes what",
     "A share is what an encoder adds to the others, averaged over all orders in which the four can be added; the four "
     "shares sum to what all four have above chance. Added last is what it adds to the three others. Even an exact copy "
     "of another encoder gets a positive share, but adds nothing last.",
     share_table, picture("contributions"), picture("marginals"), picture("lattice"), picture("redundancy")),
    ("subsets", "All fifteen subsets", "The same head on every subset of the embeddings.",
     subset_table, picture("subsets"), picture("heads")),
    ("classes", "By class",
     "An encoder owns a class where its share is significantly above that of every other; among the owned classes about "
     "5 % at most are owned by chance.", owners, picture("classes"), picture("branches"), picture("class")),
    ("known", "What each embedding knows",
     "A linear probe reads a property of the sound off each frozen embedding; it learns on training clips and is tested "
     "on test clips.", known, picture("probes"), picture("similarity")),
    ("controls", "Controls: what could refute it", "A control plays a game of its own on the same clips.",
     control_games, picture("controls"), picture("curves")),
    ("definitions", "How far a definition alone moves a number",
     "The same stored scores by every definition that the paper leaves open, and by protocols that break a rule.",
     picture("definitions"), definition_rows, picture("careless")),
    ("listen", "Listen",
     "Test clips spread over the classes, the first of each; none was picked by how it was answered. Beside each, what "
     "every encoder and all four said: the three classes with the highest scores; ✓ marks those that the clip has.", listen),
    ("mistakes", "What is taken for what",
     "All four with one head name as many labels of a test clip as it has, those with the highest scores. To hear: the "
     "clearest mistakes, where a label that the clip has not lies farthest above one that it has, each kind once.",
     confusions, picture("confusion"), clearest_mistakes),
    ("ledger", "The ledger", "What the paper claims, what was obtained, and what of the conditions is not the paper's.",
     the_ledger, second_table),
    ("decisions", "What the paper leaves open", "What this run took, what else is offered, and why the point is open.",
     decision_rows),
    ("rejected", "Files that were left out", "A file that cannot be used never stops a run.", rejected_rows),
    ("timing", "How long it took", "Seconds of each stage, and the most memory that its process had so far.", times),
    ("provenance", "What made these numbers", "The same versions, machine and seeds give the same numbers.", provenance),
    ("elsewhere", "Where the rest lies", "This page shows a part; the run's folders hold all of it.", elsewhere),
)  # fmt: skip
