"""The four presets: what each takes in place of the paper's values, by dotted name."""

from typing import Any

# The four presets by dotted name; `paper` is the paper exactly, so it overrides nothing. In each preset all encoders train
# for the same number of epochs of the same chunks, so the same number of steps. What `laptop` takes of the points that the
# paper leaves open (and its dropout) was chosen once, on training clips of one fold of ESC-10: figures/record/laptop_choice.csv.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "laptop": {
        "training.epochs": 24,
        "training.lr": 1e-3,
        "training.batch": 32,
        "training.optimiser": "adamw",
        "training.weight_decay": 1.0,
        "body.dropout": 0.5,
        "body.head_width": 8,
        "schedules.mobilenet.epochs": 5,
        "schedules.mobilenet.batch": 256,
        "schedules.head.epochs": 30,
        "schedules.head.batch": 64,
        "schedules.head.optimiser": "adam",
        "schedules.head.weight_decay": 0.0,
        "representations.neuralogram.map": "keep_time",
    },
    "quick": {
        "training.epochs": 16,
        "training.lr": 1e-3,
        "training.batch": 64,
        "body.head_width": 8,
        "schedules.mobilenet.epochs": 3,
        "schedules.mobilenet.batch": 256,
        "schedules.head.epochs": 20,
        "representations.neuralogram.map": "keep_time",
        "controls": ("noise",),
    },
    "tiny": {
        "training.epochs": 2,
        "training.lr": 1e-3,
        "training.batch": 16,
        "body.head_width": 4,
        "body.heads": 2,
        "body.mlp": 32,
        "heads.hidden": 32,
        "scoring.resamples": 50,
        "schedules.mobilenet.epochs": 1,
        "schedules.mobilenet.batch": 256,
    },
}
