# The study as a graph of notebooks: each run of a notebook is a job, and what has not changed is not run again.
#
# `make study` calls this with a checked plan (runs/<study>/request.json). By hand, with the names of lib.study.Request:
#     .venv/bin/snakemake --cores 2 --config corpus=planted preset=quick
#
# Executed notebooks are logs, not outputs: snakemake deletes a failed job's outputs, and the half-executed copy is what
# one wants to read. Checkpoints and caches are never named here: the library keeps them by what they were made from, so
# a job that runs again without need trains nothing: it reads the weights and embeds the chunks once more.

import json
import shlex
import sys
from pathlib import Path

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT))

from lib.cli.imports import library_of

if "plan" in config:
    PLAN = config["plan"]
else:
    from lib.cli.commands import variables
    from lib.cli.environment import Stop
    from lib.cli.study import plan
    from snakemake.exceptions import WorkflowError

    try:
        PLAN = plan(variables("study", [f"{name.upper()}={value}" for name, value in config.items()]))
    except Stop as stop:
        raise WorkflowError(str(stop)) from None

workdir: PLAN["folder"]


# A run is one place; with fold = all each fold is a place of its own below it.
FOLDS = {f"fold{fold}/": fold for fold in PLAN["folds"]}


def given(seed=None, place="", **own):
    """A notebook's parameters as JSON, so that papermill keeps their types."""
    fold = {"fold": FOLDS[place], "part": True} if place else {}
    seeds = {} if seed is None else {"seeds": str(seed), "seed": int(seed)}
    # which controls and peers are wanted concerns only the notebooks that run and read them
    request = {name: value for name, value in PLAN["request"].items() if name not in ("controls", "peers", "robust")}
    named = {{"name": "run_name", "set": "settings"}.get(name, name): value for name, value in request.items()}
    return json.dumps({**named, **fold, **seeds, **own})


def notebook(name):
    return str(PROJECT / "notebooks" / f"{name}.ipynb")


def scores(wildcards):
    """The encoders' scores of one place, or for a run over all folds the tables of its folds."""
    if FOLDS and not wildcards.place:
        return [f"{place}tables/subsets.csv" for place in FOLDS]
    return [
        f"{wildcards.place}scores/{representation}-own-seed{seed}.npy"
        for representation in PLAN["representations"]
        for seed in PLAN["seeds"]
    ]


def as_word(path):
    """A path as a word of a shell command that snakemake formats once more."""
    return shlex.quote(str(path)).replace("{", "{{").replace("}", "}}")


# What a notebook prints goes to the screen, what papermill has to say to a file. `exec`: snakemake itself is the parent
# that lib.cli.notebook looks at, and no shell in between outlives it.
def exported(gpus="", cores="{threads}"):
    """What a job finds in its environment: where lib is, its cores, and places on GPUs, of which it takes one.

    Without OMP_NUM_THREADS numpy's products would take a thread on every core in each job, and where several jobs run these
    wait for each other: a product of 0.1 ms then takes 15 ms of the processor.
    """
    of_gpu = f" STUDY_GPUS={gpus}" if gpus else ""
    of_cores = f" STUDY_CORES={cores} OMP_NUM_THREADS={PLAN['threads']}"
    return f"export PYTHONPATH={as_word(PROJECT)}${{{{PYTHONPATH:+:$PYTHONPATH}}}}{of_gpu}{of_cores}; "


NOTEBOOK = (
    f"exec {as_word(sys.executable)} -u -m lib.cli.notebook $PPID {{params.title:q}} {{params.screen}} "
    f"{{input.notebook:q}} {{log.notebook:q}} -y {{params.given:q}} --cwd {as_word(PROJECT)} 2> {{log.messages:q}}"
)
RUN = exported() + NOTEBOOK


# Jobs that train take the resource `gpu`: one for each place on a GPU. A place holds one job at a time, which sees its GPU
# alone, unless the study names one itself. Without a GPU there are no places, and jobs take none.
GPUS = PLAN.get("gpus", [])
GPU = 1 if GPUS else 0
OWN_GPU = ",".join(map(str, GPUS)) if PLAN["request"]["device"] in ("auto", "cuda") else ""
RUN_ON_GPU = exported(OWN_GPU) + NOTEBOOK


def beside_notebooks(name):
    """The command of a job beside the notebooks; the wildcard `name` says what is run."""
    return exported(OWN_GPU) + (
        f"exec {as_word(sys.executable)} -u -m lib.cli.control $PPID {{params.title:q}} {{wildcards.{name}}} {{wildcards.seed}} "
        "{output:q} {params.request:q} 2> {log.messages:q}"
    )


CONTROLS = PLAN.get("control_jobs", [])  # those that train most encoders first


def controls(wildcards):
    """What the controls of one place leave that train encoders of their own, each a job for each seed."""
    if FOLDS and not wildcards.place:
        return []
    return [
        f"{wildcards.place}logs/control-{control}-seed{seed}.json"
        for control in CONTROLS
        for seed in PLAN["seeds"]
    ]


PEERS = PLAN.get("peers", {})  # name: as it was asked for


def peers(wildcards):
    """What the jobs of all peers leave, one for each place and seed."""
    return [
        f"{place}logs/peer-{peer}-seed{seed}.json" for place in FOLDS or [""] for peer in PEERS for seed in PLAN["seeds"]
    ]


ROBUST = PLAN.get("robust", [])


def perturbations(wildcards):
    """What the jobs of all perturbations of test clips leave, one for each place and seed."""
    return [f"{place}logs/robust-{name}-seed{seed}.json" for place in FOLDS or [""] for name in ROBUST for seed in PLAN["seeds"]]


def request(wildcards, **own):
    """The study's request as JSON, of one fold where it is one of several."""
    fold = {"fold": FOLDS[wildcards.place], "part": True} if wildcards.place else {}
    return json.dumps({name: value for name, value in {**PLAN["request"], **fold}.items() if name not in ("peers", "robust")} | own)


wildcard_constraints:
    place=r"(fold\d+/)?",
    seed=r"\d+",
    control=r"[a-z0-9]+",
    peer=r"[A-Za-z_][\w.]*",
    perturbation=r"[a-z0-9]+",


rule all:
    input:
        "tables/table1.csv",
        "tables/neighbours.csv",
        f"{next(iter(FOLDS), '')}tables/parameters.csv",
        ["tables/peers.csv"] if PEERS else [],
        ["tables/robustness.csv"] if ROBUST else [],
    default_target: True


rule representations:
    input:
        scores,  # what is learned is shown, and heard, as this study has trained it
        notebook=notebook("01_representations"),
        lib=library_of(notebook("01_representations")),
    output:
        "{place}tables/parameters.csv",
    log:
        notebook="{place}notebooks/01_representations.ipynb",
        messages="{place}logs/01_representations.txt",
    params:
        given=lambda wildcards: given(place=wildcards.place),
        corpus=PLAN["corpus"],
        title="01_representations",
        screen="/dev/null",
    threads: PLAN["threads"]
    shell:
        RUN


# One rule an encoder, so that those that take longest can start first: both cores then end together.
SLOWEST_FIRST = PLAN.get("slowest_first") or PLAN["representations"]

for representation in PLAN["representations"]:

    rule:
        name:
            f"train_{representation}"
        input:
            notebook=notebook("02_train_encoder"),
            lib=library_of(notebook("02_train_encoder")),
        output:
            f"{{place}}scores/{representation}-own-seed{{seed}}.npy",
        log:
            notebook=f"{{place}}notebooks/02_train_encoder-{representation}-seed{{seed}}.ipynb",
            messages=f"{{place}}logs/02_train_encoder-{representation}-seed{{seed}}.txt",
        params:
            given=lambda wildcards, name=representation: given(**dict(wildcards.items()), representation=name),
            corpus=PLAN["corpus"],
            title=lambda wildcards, name=representation: f"{wildcards.place}02_train_encoder {name}, seed {wildcards.seed}",
            screen="-",
        threads: PLAN["threads"]
        resources:
            gpu=GPU,
        priority: 1 + (SLOWEST_FIRST[::-1].index(representation) if representation in SLOWEST_FIRST else 0)
        shell:
            RUN_ON_GPU


rule control:
    input:
        scores,
        lib=library_of(notebook("03_subsets")),
    output:
        "{place}logs/control-{control}-seed{seed}.json",
    log:
        messages="{place}logs/control-{control}-seed{seed}.txt",
    params:
        request=lambda wildcards: request(wildcards),
        corpus=PLAN["corpus"],
        title=lambda wildcards: f"{wildcards.place}control {wildcards.control}, seed {wildcards.seed}",
    threads: PLAN["threads"]
    resources:
        gpu=GPU,
    # The longest first, as with the encoders; below these, which another fold may wait for.
    priority: lambda wildcards: 1 - (CONTROLS.index(wildcards.control) + 1) / (len(CONTROLS) + 1)
    shell:
        beside_notebooks("control")


rule peer:
    input:
        scores,
        # one log-mel encoder serves all peers: it is not trained twice at once
        lambda wildcards: [path for path in controls(wildcards) if "control-logmel-" in path],
        lib=library_of(notebook("07_table2")),
    output:
        "{place}logs/peer-{peer}-seed{seed}.json",
    log:
        messages="{place}logs/peer-{peer}-seed{seed}.txt",
    params:
        request=lambda wildcards: request(wildcards, controls="", peers=PEERS[wildcards.peer]),
        corpus=PLAN["corpus"],
        title=lambda wildcards: f"{wildcards.place}peer {wildcards.peer}, seed {wildcards.seed}",
    priority: 1  # a training of half an hour may be in it: it starts before the notebooks that are ready too
    threads: PLAN["threads"]
    resources:
        gpu=GPU,
    shell:
        beside_notebooks("peer")


rule subsets:
    input:
        scores,
        controls,
        notebook=notebook("03_subsets"),
        lib=library_of(notebook("03_subsets")),
    output:
        "{place}tables/subsets.csv",
    log:
        notebook="{place}notebooks/03_subsets.ipynb",
        messages="{place}logs/03_subsets.txt",
    params:
        given=lambda wildcards: given(place=wildcards.place, controls=PLAN["request"]["controls"]),
        title=lambda wildcards: f"{wildcards.place}03_subsets",
        screen="-",
    priority: 2  # it waits for all cores, and most wait for it: not behind a peer
    threads: PLAN["threads"] if FOLDS else workflow.cores  # nothing else is ready meanwhile, but with folds others are
    resources:
        gpu=GPU,
    shell:
        RUN_ON_GPU


rule contributions:
    input:
        "tables/subsets.csv",
        notebook=notebook("04_contributions"),
        lib=library_of(notebook("04_contributions")),
    output:
        "tables/contributions.csv",
    log:
        notebook="notebooks/04_contributions.ipynb",
        messages="logs/04_contributions.txt",
    params:
        given=lambda wildcards: given(controls=PLAN["request"]["controls"]),
        title="04_contributions",
        screen="/dev/null",
    threads: PLAN["threads"]  # so that the explorer begins beside it, which is done sooner: then the other cores are free
    shell:
        exported(cores="{threads}" if workflow.remote_exec else workflow.cores) + NOTEBOOK


rule paper_figures:
    input:
        "tables/contributions.csv",  # not read: so that timing.csv has the stages of notebook 04 too
        "tables/subsets.csv",
        peers,
        notebook=notebook("05_paper_figures"),
        lib=library_of(notebook("05_paper_figures")),
    output:
        "tables/table1.csv",
        "tables/table2.csv",
        "tables/ledger.csv",
        "tables/decisions.csv",
        "tables/timing.csv",
    log:
        notebook="notebooks/05_paper_figures.ipynb",
        messages="logs/05_paper_figures.txt",
    params:
        given=lambda wildcards: given(),
        title="05_paper_figures",
        screen="/dev/null",
    threads: PLAN["threads"]
    shell:
        RUN


rule explorer:
    input:
        "tables/subsets.csv",
        notebook=notebook("06_explorer"),
        lib=library_of(notebook("06_explorer")),
    output:
        "tables/neighbours.csv",
    log:
        notebook="notebooks/06_explorer.ipynb",
        messages="logs/06_explorer.txt",
    params:
        given=lambda wildcards: given(seed=PLAN["seeds"][0], seeds=PLAN["request"]["seeds"]),
        title="06_explorer",
        screen="/dev/null",
    threads: PLAN["threads"]
    shell:
        RUN


rule table2:
    input:
        "tables/subsets.csv",
        peers,
        notebook=notebook("07_table2"),
        lib=library_of(notebook("07_table2")),
    output:
        "tables/peers.csv",
        "tables/peer_gains.csv",
    log:
        notebook="notebooks/07_table2.ipynb",
        messages="logs/07_table2.txt",
    params:
        given=lambda wildcards: given(peers=PLAN["request"]["peers"]),
        title="07_table2",
        screen="-",
    threads: PLAN["threads"]
    shell:
        RUN


rule perturbation:
    input:
        "{place}tables/subsets.csv",
        lib=library_of(notebook("09_robustness")),
    output:
        "{place}logs/robust-{perturbation}-seed{seed}.json",
    log:
        messages="{place}logs/robust-{perturbation}-seed{seed}.txt",
    params:
        request=lambda wildcards: request(wildcards, controls="", robust=wildcards.perturbation),
        corpus=PLAN["corpus"],
        title=lambda wildcards: f"{wildcards.place}robustness to {wildcards.perturbation}, seed {wildcards.seed}",
    threads: PLAN["threads"]
    resources:
        gpu=GPU,
    shell:
        beside_notebooks("perturbation")


rule robustness:
    input:
        "tables/subsets.csv",
        perturbations,
        notebook=notebook("09_robustness"),
        lib=library_of(notebook("09_robustness")),
    output:
        "tables/robustness.csv",
        "tables/robustness_half.csv",
        "tables/robustness_shares.csv",
    log:
        notebook="notebooks/09_robustness.ipynb",
        messages="logs/09_robustness.txt",
    params:
        given=lambda wildcards: given(robust=PLAN["request"]["robust"]),
        title="09_robustness",
        screen="-",
    threads: workflow.cores
    shell:
        RUN
