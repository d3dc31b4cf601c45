"""What breaks a study and how long it must listen, as Markdown from a record."""

from lib.encoders.heads import ALL_FOUR
from lib.evaluation import robustness_sentences as said
from lib.evaluation.sentences import bullets, number
from lib.sounds.perturb import PERTURBATIONS
from pages.recorded import HEAD, Record, encoders, markdown, with_interval

LEVEL = "clip"


def half(record: Record) -> str:
    """Where half of the gain of each encoder and of all four is gone, and what all four keep at the strongest."""
    rows = record.rows("robustness_half", level=LEVEL, head=HEAD, group="all").set_index(["perturbation", "subset"])
    models = [*encoders(subset for subset in rows.index.unique("subset") if "+" not in subset), ALL_FOUR]
    cells = [
        [
            PERTURBATIONS[name].title,
            *(str(rows.loc[(name, model), "half_at"]) for model in models),
            f"{100 * rows.loc[(name, ALL_FOUR), 'kept_at_end']:.0f} %",
        ]
        for name in rows.index.unique("perturbation")
    ]
    titles = ["all four" if model == ALL_FOUR else model for model in models]
    return markdown(["half of the gain is gone at", *titles, "all four keep at the strongest"], cells)


def breaks(record: Record) -> str:
    """Of each perturbation which encoder breaks first, and whether its part of the gain moves."""
    first = said.breaks(record.rows("robustness_half"), LEVEL, HEAD)
    moved = said.moved(record.rows("robustness_shares"), LEVEL, HEAD)
    return bullets(*first, *(line for line in moved if "significantly" not in line))


def robust(record: Record) -> str:
    """Whether pitch and timbre make the whole more robust."""
    return bullets(said.robust(record.rows("robustness_features"), LEVEL, HEAD))


def lengths(record: Record) -> str:
    """Macro mAP of all four by the seconds heard, from the start and from anywhere."""
    rows = record.rows("robustness_length", head=HEAD, subset=ALL_FOUR)
    rows = rows[rows["fill"].isin(["", "repeat"]) | rows["fill"].isna()].drop_duplicates(["place", "length_s"])
    places = {"start": "from the start", "random": "from anywhere"}
    by = {place: rows[rows["place"] == place].set_index("length_s") for place in places}
    heard = sorted(set().union(*(of.index for of in by.values())))
    cells = [
        [f"{length:g}", *(with_interval(of.loc[length]) if length in of.index else "" for of in by.values())]
        for length in heard
    ]
    return markdown(["seconds heard", *places.values()], cells)


def heard(record: Record) -> str:
    """How long one must listen, and what the MobileNet loses where it is shown its 100 ms otherwise."""
    rows = record.rows("robustness_length")
    rows["fill"] = rows["fill"].fillna("")
    return bullets(*said.heard(rows, HEAD), *said.inputs(record.rows("robustness_input"), LEVEL, HEAD))


def steepest(record: Record) -> str:
    """What all four lose at the mildest strength of each perturbation, where that is significant."""
    rows = record.rows("robustness", level=LEVEL, head=HEAD, subset=ALL_FOUR, step=1)
    sure = rows[(rows["p_holm"] < said.SIGNIFICANT) & (rows["difference"] < 0)]
    each = "; ".join(
        f"{PERTURBATIONS[row['perturbation']].title} {number(row['difference'], sign='+')}"
        for _, row in sure.iterrows()
    )
    return (
        f"- Already the mildest strength costs all four significantly, in points: {each}."
        if each
        else "- No mildest strength costs all four significantly."
    )
