"""The model card of a bundle: what the model is, what it was measured to do, its limits and licences."""

from typing import Any

import pandas as pd

from lib.display.screen import counted, measure_name
from lib.representations import kind
from lib.sounds import corpora
from lib.study import Study


def text(part: Study, config: dict[str, Any]) -> str:
    """The card of a part of a run as Markdown, with the lines on top that model hubs read; every number is one of the run's tables."""
    corpus, chunks = part.chunks.corpus, part.chunks
    licence, about = corpora.LICENCES[part.request.corpus]
    roles, groups = corpus.clips["role"].value_counts(), corpus.clips.query("role == 'test'")["group"].nunique()
    lines = [
        "---", f"license: {licence}", "library_name: pitch-timbre-learned", "pipeline_tag: audio-classification",
        "tags:", *(f"- {tag}" for tag in ("audio", "audio-embeddings", "audio-tagging", "ensemble")), "---",
        f"# {part.title}: {', '.join(kind(name).title for name in config['encoders'])}, and heads on every subset of them", "",
        f"{len(config['encoders'])} small Transformers, each given one representation of a second of sound, and heads that tag "
        f"{counted(len(config['classes']), 'class')} from the embeddings of any of them. Made by run `{part.slug}`, seed "
        f"{config['seed']}, commit {config['commit'] or 'unknown'}.", "",
        *(f"- {name}: {kind(name).keeps}" for name in config["encoders"]), "", "## Use", "",
        "It needs the project's code at that commit or later, with what its requirements.txt names (`make setup` there installs it), and "
        "neither the corpus nor the run.", "",
        "    from lib.model import open_model", "", '    model = open_model("this folder")',
        '    model.tag("sound.wav").highest(5)', '    model.embed("sound.wav").clip["pitch"]', "",
        "## Measured on the test clips", "", *_results(part.whole), "", "## Trained on", "",
        f"{corpora.title(part.request.corpus, part.request.root)}: {counted(int(roles.get('train', 0)), 'clip')} "
        f"({counted(len(part.train_rows), 'chunk')} of {chunks.settings.length_s:g} s), tested on "
        f"{counted(int(roles.get('test', 0)), 'clip')} in {counted(groups, 'group')}.", "",
        "## Limits", "", *_limits(part), "", "## Licences", "", about,
        "The code is under the MIT licence.", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _results(part: Study) -> list[str]:
    """Table 1 and who contributes what, as Markdown."""
    table = part.table("table1", "05_paper_figures")
    rows = table[table["measure"] == "map_macro"]
    level = f"{part.settings.scoring.level:.0%}"
    found = [
        f"| model | by | {measure_name('map_macro')} | its {level} interval | constant predictor |", "| --- | --- | --- | --- | --- |",
        *(f"| {row.row} | {_head(row)} | {_best(row):.3f} | {row.low:.3f} to {row.high:.3f} | {row.constant:.3f} |" for row in rows.itertuples()),
    ]  # fmt: skip
    shares = part.table("contributions", "04_contributions").query(
        "game == 'paper4' and group == 'all' and measure == 'map_macro'"
    )
    level_of, head = shares.iloc[0][["level", "head"]]
    mine = shares[(shares["level"] == level_of) & (shares["head"] == head)]
    each = (
        f"{row.encoder} {100 * row.share:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})"
        for row in mine.itertuples()
    )
    return [*found, "", f"Shapley contributions in points ({level_of} level, head {head}): {', '.join(each)}."]


def _head(row: Any) -> str:
    """What predicts in a row of Table 1: the number that its interval belongs to."""
    return "own classifier" if pd.notna(row.own) else "fresh head"


def _best(row: Any) -> float:
    """An encoder's own classifier, or the trained head of a subset."""
    return row.own if pd.notna(row.own) else row.retrained


def _limits(part: Study) -> list[str]:
    rule = part.settings.chunking
    of_fold = f"- This is the model of test fold {part.request.fold}; the numbers are means over all folds."
    return [
        f"- A sound is heard in chunks of {rule.length_s:g} s at {rule.rate_hz} Hz, each by itself: what unfolds over longer is not seen.",
        "- Scores rank; they are no probabilities, and no threshold was chosen on them.",
        "- It knows only these classes, as this corpus labels them, and was tested on no other sounds.",
        f"- Numbers are of {counted(len(part.request.seeds), 'seed')}; the intervals come from resampling groups of test clips.",
        "- With other versions of the libraries than config.json names, embeddings can differ a little.",
        *([of_fold] if part.request.part else []),
        *(f"- {remark}" for remark in part.chunks.remarks),
    ]
