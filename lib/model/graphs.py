"""Encoders as ONNX files: a second of samples in, embedding and the encoder's own scores out, for any runtime."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from lib import files
from lib.encoders.encoder import Encoder
from lib.encoders.training import activate
from lib.model.trained import Model

OPSET = 18


class Graph(nn.Module):
    """An encoder from samples [second, sample] to embeddings [second, width] and scores [second, class]."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.tokens, self.body, self.classifier = encoder.representation.portable(), encoder.body, encoder.classifier
        self.schedule = encoder.settings.schedule(encoder.representation.name)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        embedding = self.body(self.tokens(samples))
        return embedding, activate(self.classifier(embedding), self.schedule)


def export(model: Model, folder: Path) -> list[Path]:
    """Write <encoder>.onnx of every encoder into a folder, and classes.json; the graphs.

    Input "samples" [second, sample] float32 in -1..1 at the study's rate, any number of seconds; outputs "embedding" and
    "scores". Resampling and cutting stay outside.
    """
    written = []
    for name, encoder in model.encoders.items():
        samples = torch.zeros(2, encoder.representation.n_samples)
        with files.atomic_write(folder / f"{name}.onnx") as temporary:
            torch.onnx.export(
                Graph(encoder.cpu()).eval(), (samples,), str(temporary), input_names=["samples"], opset_version=OPSET,
                output_names=["embedding", "scores"], dynamic_shapes=[{0: "second"}], external_data=False, verbose=False,
            )  # fmt: skip
        written.append(folder / f"{name}.onnx")
    (folder / "classes.json").write_text(json.dumps(list(model.classes), indent=1, ensure_ascii=False) + "\n")
    return written
