"""Tables on the screen: the names that readers know, text at the left, numbers at the right. On disk they keep the short names."""

import re

import pandas as pd
from pandas.io.formats.style import Styler

from lib.display.screen import measure_name
from lib.encoders.titles import title
from lib.sounds.chunks import titles_of_levels

MODELS = ("row", "subset", "encoder", "model", "first", "second", "representation")  # columns that name encoders
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?( \(.*\))?|nan|")  # 43.2, or 43.2 (40.1 to 46.3), or nothing


def clips_once(frame: pd.DataFrame) -> pd.DataFrame:
    """A table without the rows of chunks where clips have the very same: there each clip is one chunk, and its level says so."""
    if "level" not in frame or len(titles_of_levels(frame)) == frame["level"].nunique():
        return frame
    return frame[frame["level"] == "clip"].replace({"level": {"clip": "clip, one chunk each"}})


def table(frame: pd.DataFrame, precision: int = 3) -> Styler:
    """A table for a notebook's cell; an index without a name is left out, `precision` is that of what is not text yet."""
    frame = clips_once(frame)
    shown = frame.reset_index() if any(frame.index.names) else frame.reset_index(drop=True)
    if shown.columns.nlevels > 1:
        shown.columns = [", ".join(filter(None, map(str, name))) for name in shown.columns]
    shown.columns.name = None
    for column in shown:
        if column == "measure":
            shown[column] = shown[column].map(measure_name)
        elif column in MODELS and not pd.api.types.is_numeric_dtype(shown[column]):
            shown[column] = shown[column].map(title, na_action="ignore")
    columns = [shown.iloc[:, place] for place in range(shown.shape[1])]
    numeric = [
        pd.api.types.is_numeric_dtype(own) or all(NUMBER.fullmatch(str(cell)) for cell in own) for own in columns
    ]
    sides = [
        {"selector": f"td.col{place}, th.col{place}", "props": f"text-align: {'right' if own else 'left'}"}
        for place, own in enumerate(numeric)
    ]
    return shown.style.format(precision=precision, na_rep="", escape="html").hide().set_table_styles(sides)
