"""The sections of the report: what each one shows of a run, from its tables, figures and scores."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lib import controls
from lib.display.screen import counted, measure_name
from lib.encoders.titles import title as model_name
from lib.evaluation import claims, metric_choices, paper, predictions, probe_sentences, robustness_sentences
from lib.evaluation import sentences as findings
from lib.evaluation.claims import with_intervals
from lib.evaluation.readable import clips_once
from lib.evaluation.results import SHARED, headline
from lib.evaluation.sentences import between, number
from lib.explorer import html_media
from lib.files import PlainError, digests
from lib.files.cells import rows_with
from lib.plots.definitions import without_twins
from lib.report import examples
from lib.report.page_elements import Element, note, of_frame, sentences, table
from lib.report.pictures import PICTURES
from lib.report.run import TABLES, Run
from lib.study import StudyError

CLIPS = 8  # to listen to
ROWS = 200  # of a table at most; the file has all

Maker = Callable[[Run], Iterable[Element]]


def picture(stem: str) -> Maker:
    """The picture of this stem, nothing where it is not shown."""

    def make(run: Run) -> Iterator[Element]:
        if stem in run.pictures:
            title, alternative = PICTURES[stem]
            source = html_media.data_url(run.pictures[stem], "image/png")
            yield Element("picture", title, {"alternative": alternative, "source": source})

    return make


def says(make: Callable[[Run], Iterable[str]]) -> Maker:
    """Sentences about a run."""
    return lambda run: [sentences(*make(run))]


def shows(caption: str, name: str, columns: Callable[[pd.DataFrame], Mapping[str, Any]], folded: bool = False) -> Maker:
    """A table of the run, by its name, with these columns."""
    return lambda run: [table(caption, columns(run.table(name)), folded)]


def percents(values: Iterable[float], measure: str = "", sign: str = "") -> list[str]:
    """Fractions in percent, empty where there is none."""
    return ["" if pd.isna(value) else number(value, measure, sign) for value in pd.Series(values).astype(float)]


def intervals(rows: pd.DataFrame) -> list[str]:
    """low to high of each row; empty where there is none."""
    measures = rows["measure"] if "measure" in rows else [""] * len(rows)
    each = zip(rows["low"].astype(float), rows["high"].astype(float), measures, strict=True)
    ends = [between(low, high, measure)[1:-1] for low, high, measure in each]
    return ["" if end == "no interval" else end for end in ends]


def _has_rows(run: Run, name: str) -> bool:
    """Whether the table has rows; StudyError where it is missing. Without rows a table has no header to read."""
    try:
        return len(run.table(name)) > 0
    except pd.errors.EmptyDataError:
        return False


# What was found


def remarks(run: Run) -> Iterator[Element]:
    """What is to be known of the corpus before any number is read; nothing of a run from before that was noted."""
    there = [part for part in run.parts if (part.folder / "tables" / "remarks.csv").exists()]
    lines = [line for part in there for line in part.table("remarks", TABLES["remarks"])["remark"]]
    if lines:
        yield sentences(*dict.fromkeys(lines))


def who_contributes(run: Run) -> Iterator[Element]:
    """The conclusion at each level, as notebook 04 ends."""
    names = ["contributions", "marginals", "best_subsets", "tests", "simultaneous"]
    if (run.study.folder / "tables" / "branches.csv").exists() and _has_rows(run, "branches"):
        names.append("branches")
    tables = {name: run.table(name) for name in names}
    yield from (
        sentences(*claims.conclusion(tables, level, run.head, run.study.title)) for level in reversed(run.levels)
    )


def beside_the_paper(run: Run) -> list[str]:
    """The order, and what is more than chance, as notebook 05 ends."""
    differences = run.table("differences")
    against = [findings.all_against(differences, other) for other in ("neuralogram", "waveform")]
    chances = [findings.significance(differences, level) for level in run.levels]
    return [findings.order(run.table("table1")), *against, *chances]


def limits(run: Run) -> list[str]:
    """How much hangs on the definition, and on how many classes the numbers stand."""
    subsets = rows_with(run.table("subsets"), control="")
    return [metric_choices.definitions_sentence(run.table("definitions")), findings.left_out(subsets)]


def planted(run: Run) -> Iterator[Element]:
    """Whether the planted truth is found, on the embedded corpus alone."""
    if run.study.request.corpus == "planted":
        shares = findings.planted_shares(run.table("contributions"), run.head)
        yield sentences(*shares, *findings.constructed(run.table("copies"), run.table("xor")))


# Numbers


def first_table(run: Run) -> Iterator[Element]:
    """Table 1 by the headline measure, the other measures folded."""
    rows, measure = run.table("table1"), headline(run.study)
    first = rows_with(rows, measure=measure)
    names = {"chance": "chance", "constant predictor": "constant", "the best possible": "oracle"}
    ends = ", ".join(f"{name} {number(first[column].iloc[0], measure)}" for name, column in names.items())
    columns = {"encoder": first["row"].map(model_name)}
    if first["published"].notna().any():
        columns["published (FSD50K)"] = percents(first["published"], measure)
    what = f"Table 1: {measure_name(measure)} of chunks in percent, with {run.certainty} intervals ({ends})"
    yield table(what, columns | paper.own_and_fresh(first))
    wide = {"measure": rows["measure"].unique()}
    for name in first["row"]:
        own = rows_with(rows, row=name)
        each = zip(own["own"].fillna(own["retrained"]), own["measure"], strict=True)
        wide[model_name(name)] = [number(value, measure) for value, measure in each]
    wide["chance"] = [number(value, measure) for value, measure in zip(own["chance"], own["measure"], strict=True)]
    whose = "encoders by their own classifiers, all four by the fresh head"
    yield table(
        f"The same by every measure: {whose}", wide | {"measure": map(measure_name, wide["measure"])}, folded=True
    )


def share_table(run: Run) -> Iterator[Element]:
    """What each encoder brings alone, its share, and what it adds last, with intervals at both levels."""
    tables = [run.table(name) for name in ("contributions", "marginals", "best_subsets")]
    shown = claims.side_by_side(*tables[:2])
    for level in reversed(run.levels):
        rows = rows_with(shown, level=level, head=run.head).drop(columns=["level", "head"])
        groups = counted(rows_with(tables[2], level=level)["groups"].max(), "group")
        what = f"Points of {measure_name(SHARED)} of {run.level_title(level)} ({run.head} head)"
        rows["encoder"] = rows["encoder"].map(model_name)
        yield of_frame(f"{what}, with {run.certainty} intervals over {groups} of clips", rows)
    yield sentences(*(claims.shares(*tables, level, run.head) for level in reversed(run.levels)))


def subset_table(run: Run) -> Iterator[Element]:
    """Every subset with one head, of clips and of chunks where they differ, and what follows."""
    subsets, best, measure = rows_with(run.table("subsets"), control=""), run.table("best_subsets"), headline(run.study)
    rows = rows_with(subsets, measure=measure, seed="mean")
    rows = rows[(rows["head"] == run.head) | (rows["n_encoders"] == 0)]
    of_level = {level: rows_with(rows, level=level).set_index("subset") for level in reversed(run.levels)}
    order = of_level["clip"].index
    yield sentences(*(claims.best_subset(best, measure, level, run.head) for level in run.levels))
    yield sentences(*(findings.heads(subsets, measure, level) for level in run.levels))
    columns = {"subset": order.map(model_name)}
    columns |= {run.level_title(level): with_intervals(each.loc[order]) for level, each in of_level.items()}
    yield table(
        f"All subsets: {measure_name(measure)} in percent, with {run.certainty} intervals ({run.head} head)", columns
    )


def control_games(run: Run) -> Iterator[Element]:
    """What the controls say, their numbers and their picture, which without one would show the study alone."""
    beside = run.table("controls") if _has_rows(run, "controls") else pd.DataFrame()
    titles = {name: one.title for name, one in controls.CONTROLS.items()}
    each = claims.controls(beside, run.table("contributions"), titles, run.head, run.levels)
    yield sentences(*each, *claims.not_run(titles, beside, run.table("controls_left_out")))
    if len(beside := clips_once(beside)):
        yield table(f"Controls beside the study: {measure_name(SHARED)} in percent", {
            "control": [titles.get(name, name) for name in beside["control"]], "level": beside["level"],
            "head": beside["head"], "control's": percents(beside["value"]), "study's": percents(beside["study"]),
            "study less control": with_intervals(beside, "difference", "+"),
            "p after Holm": ["" if pd.isna(p) else f"{p:.3f}" for p in beside["p_holm"]],
        }, folded=True)  # fmt: skip
        yield from picture("controls")(run)


def withstands(run: Run) -> Iterator[Element]:
    """What breaks the study and how long it must listen; nothing where that was not asked for."""
    if (run.study.folder / "tables" / "robustness.csv").exists():
        each = {name: run.table(f"robustness_{name}") for name in ("half", "features", "length")}
        first = [robustness_sentences.robust(each["features"], "clip", run.head)] if len(each["features"]) else []
        yield sentences(*first, *robustness_sentences.breaks(each["half"], "clip", run.head))
        yield sentences(*robustness_sentences.heard(each["length"], run.head))


def probes(run: Run) -> Iterator[Element]:
    """What probes read off each embedding, and what of one can be had from others."""
    probed = run.table("probes")
    yield sentences(*probe_sentences.known_best(probed), *probe_sentences.checked(probed))
    yield sentences(*probe_sentences.similarity(run.table("similarity")))


def definition_columns(rows: pd.DataFrame) -> dict[str, Any]:
    """Every definition's value, beside chance, the constant predictor and the oracle."""
    rows = without_twins(rows)
    numbers = {name: percents(rows[name]) for name in ("value", "chance", "constant", "oracle")}
    return {"definition": rows["definition"], **numbers}


# Sounds


def played(clips: Callable[[Run], list[examples.Example]]) -> Maker:
    """Clips with their players; a note where their sounds cannot be had."""

    def make(run: Run) -> Iterator[Element]:
        try:
            found = clips(run)
        except PlainError as error:
            found = []
            yield note(f"No players: the sounds of this run are not at hand. {error}")
        if found:
            yield Element("examples", body=tuple(found))

    return make


# What it rests on


def the_ledger(run: Run) -> Iterator[Element]:
    """Claim by claim."""
    rows = run.table("ledger")
    if not len(rows):
        yield sentences("The paper's claims are about FSD50K: a study of other sounds says nothing of them.")
        return
    yield table("The paper's claims, and what was obtained, percent", {
        "claim": rows["claim"], "published": percents(rows["published"]), "obtained": percents(rows["obtained"]),
        f"{run.certainty} interval": intervals(rows), "deviation": percents(rows["deviation"], sign="+"),
        "seeds": [f"{n:.0f}" if n == n else "" for n in rows["seeds"]], "reason": rows["reason"],
    })  # fmt: skip


def second_table(run: Run) -> Iterator[Element]:
    """Beside other systems."""
    rows = run.table("table2")
    if len(rows):
        yield table("Table 2: mAP in percent, beside other systems", {
            "system": rows["row"], "extra data": rows["extra_data"], "published": percents(rows["published"]),
            "obtained": percents(rows["obtained"]), f"{run.certainty} interval": intervals(rows), "source": rows["source"],
        }, folded=True)  # fmt: skip


def rejected_files(run: Run) -> Iterator[Element]:
    """Files that were left out; of all folds together."""
    tables = [part.table("rejected", TABLES["rejected"]) for part in run.parts]
    rows = pd.concat(tables, ignore_index=True).drop_duplicates()
    if not len(rows):
        yield sentences("No file was left out.")
        return
    more = f", the first {ROWS}; tables/rejected.csv has all" if len(rows) > ROWS else ""
    shown = rows.assign(file=[Path(str(path)).name for path in rows["path"]]).head(ROWS)
    yield of_frame(f"{len(rows)} left out{more}", shown, ["clip", "file", "reason"])


def provenance(run: Run) -> Iterator[Element]:
    """What made the numbers: versions, machine, commit, corpus, seeds; the settings folded."""
    path = run.parts[0].folder / "study.json"
    if not path.exists():
        raise StudyError("study.json is missing: make study with this run's variables writes it")
    stored = digests.read(path, digests.load_json)
    rows = {"started": stored["started"], "commit": stored["commit"] or "unknown", "corpus hash": stored["corpus_hash"]}
    rows |= {"seeds": ", ".join(map(str, stored["seeds"])), **stored["machine"], **stored["versions"]}
    yield table("Made with", {"what": rows.keys(), "value": map(str, rows.values())})
    yield Element("text", "All settings", json.dumps(stored["settings"], indent=2))


def elsewhere(run: Run) -> list[str]:
    """Where all the rest lies."""
    stems = sorted({path.stem for part in (run.study, *run.parts) for path in part.figures.glob("*.png")})
    rest = [stem for stem in stems if stem not in run.pictures]
    slug = run.study.slug
    return [
        f"Every figure as PDF, SVG and PNG: `figures/{slug}/`. Not on this page: {', '.join(rest) or 'none'}.",
        f"Every number as a fraction: `runs/{slug}/tables/`. Scores of every subset: `runs/{slug}/scores/`.",
        f"The executed notebooks: `runs/{slug}/notebooks/`.",
    ]


SECTIONS: tuple[tuple[Any, ...], ...] = (
    ("found", "What was found", "Made from this run's numbers. Numbers are percent, in brackets their intervals.",
     remarks, who_contributes, says(beside_the_paper), planted, says(limits)),
    ("table1", "Table 1: each encoder, and all of them",
     "An encoder's own classifier, and a fresh head on the same embedding, which is what all four together have: all four "
     "and one encoder are compared by the fresh head. The paper's numbers stand beside FSD50K alone.",
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
     "5 % at most are owned by chance.",
     says(lambda run: claims.owned(run.table("owned"), "clip", run.head)), picture("classes"), picture("branches"), picture("class")),
    ("known", "What each embedding knows",
     "A linear probe reads a property of the sound off each frozen embedding; it learns on training clips and is tested "
     "on test clips.", probes, picture("probes"), picture("similarity")),
    ("controls", "Controls: what could refute it", "A control plays a game of its own on the same clips.",
     control_games, picture("curves"), withstands, picture("robustness"), picture("robustness_half"),
     picture("robustness_length")),
    ("definitions", "How far a definition alone moves a number",
     "The same stored scores by every definition that the paper leaves open, and by protocols that break a rule.",
     picture("definitions"),
     shows("One model's scores under every definition, percent", "definitions", definition_columns, folded=True),
     shows("Do not do this: what careless protocols would have given, percent, of the first fold and seed", "careless", lambda rows: {
         "protocol": rows["protocol"], "by the rule": percents(rows["careful"]),
         "without it": percents(rows["careless"]), "why it is wrong": rows["warning"],
     }), picture("careless")),
    ("listen", "Listen",
     "Test clips spread over the classes, the first of each; none was picked by its predictions. Beside each, the three "
     "classes that every encoder and all four score highest; ✓ marks those that the clip has.",
     played(lambda run: examples.examples(run.parts[0], CLIPS))),
    ("mistakes", "What is taken for what",
     "All four with one head name as many labels of a test clip as it has, those with the highest scores; as many of each "
     "family where every clip has labels of several. To hear: the clearest mistakes, where a label that the clip does not "
     "have lies farthest above one that it has, each kind once.",
     says(lambda run: predictions.sentences(run.table("predictions"), run.table("confusion"), len(run.seeds))), picture("confusion"),
     played(lambda run: examples.mistakes(run.parts, run.table("mistakes"), CLIPS))),
    ("ledger", "The ledger", "What the paper claims, what was obtained, and what of the conditions is not the paper's.",
     the_ledger, second_table),
    ("decisions", "What the paper leaves open", "What this run took, what else is offered, and why the point is open.",
     shows("Open points, as this run settled them", "decisions", dict)),
    ("rejected", "Files that were left out", "A file that cannot be used never stops a run.", rejected_files),
    ("timing", "How long it took", "Seconds of each stage, and the most memory that its process had so far.",
     shows("How long each stage took as it was last run", "timing", lambda rows: {
         "stage": rows["stage"], "seconds": [f"{value:.1f}" for value in rows["seconds"]], "items": rows["items"],
         "unit": rows["unit"], "items a second": rows["per_s"], "memory (MB)": rows["peak_mb"],
     })),
    ("provenance", "What made these numbers", "The same versions, machine and seeds give the same numbers.", provenance),
    ("elsewhere", "Where the rest lies", "This page shows a part; the run's folders hold all of it.", says(elsewhere)),
)  # fmt: skip
