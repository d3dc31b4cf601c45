"""Training steps against plain ones: the body and the MobileNet."""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from bench.case import N_CLASSES, Case
from lib.encoders import training
from lib.encoders.transformer import Transformer, classifier
from lib.representations import make
from lib.representations.neuralogram import PieceClassifier
from lib.settings import Settings, Training


class PlainAttention(nn.Module):
    """Explicit softmax attention with torch's dropout, float32."""

    def __init__(self, attention: nn.Module, rate: float) -> None:
        super().__init__()
        self.heads, self.rate = attention.heads, rate
        self.query_key_value, self.out = copy.deepcopy(attention.query_key_value), copy.deepcopy(attention.out)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.query_key_value(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5, dim=-1)
        weights = nn.functional.dropout(weights, self.rate, self.training)
        return self.out((weights @ value).transpose(1, 2).flatten(2))


def plain_body(body: Transformer, rate: float) -> Transformer:
    """The same body with the same weights, written plainly."""
    plain = copy.deepcopy(body)
    for block in plain.blocks:
        block.attention = PlainAttention(block.attention, rate)
        block.mlp[2], block.mlp[4] = nn.Dropout(rate), nn.Dropout(rate)
    return plain


def training_step(
    model: nn.Module, inputs: Tensor, targets: Tensor, schedule: Training, fused: bool
) -> Callable[[], float]:
    """A call that trains one step and gives the loss."""
    plain = torch.optim.Adam(model.parameters(), lr=schedule.lr)
    optimiser = training.make_optimiser(model, schedule) if fused else plain

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        loss = training.loss_of(model(inputs), targets, schedule)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    return step


def step_case(
    name: str, peer: str, mine: nn.Module, theirs: nn.Module, inputs: Tensor, settings: Settings, agreement: str
) -> Case:
    """A training step of two models on the same inputs and targets: ours with the study's optimiser, theirs torch's."""
    targets = (torch.rand(len(inputs), N_CLASSES) < 0.05).float()
    ours, plain = (training_step(model, inputs, targets, settings.training, model is mine) for model in (mine, theirs))
    return Case(name, peer, ours, plain, (len(inputs), len(inputs)), lambda: agreement)


def encoder_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """One step of the Transformer with a ready representation, batch 256, dropout on."""
    torch.manual_seed(0)
    tokens = torch.randn(256, 40, settings.body.width)
    body, rate = Transformer(settings.body), settings.body.dropout
    head = classifier("paper", settings.body.width, N_CLASSES, settings.heads.hidden)
    mine = nn.Sequential(body, head)
    plain = nn.Sequential(plain_body(body, rate), copy.deepcopy(head))
    with torch.no_grad():
        apart = float((mine.eval()(tokens) - plain.eval()(tokens)).abs().max())
    mine.train(), plain.train()
    agreement = f"{apart:.0e} between the outputs of the same weights; dropout {256 * rate:.0f}/256 against {rate}"
    yield step_case("encoder_step", "plain attention, float32", mine, plain, tokens, settings, agreement)


def mobilenet_cases(chunks: Tensor, settings: Settings) -> Iterator[Case]:
    """One step on 256 pieces, against timm's model as it comes."""
    import timm

    torch.manual_seed(0)
    mine = PieceClassifier(make("neuralogram", settings).network, N_CLASSES)
    theirs = copy.deepcopy(mine)
    theirs.network.body = timm.create_model("mobilenetv1_100", in_chans=1, num_classes=0)
    theirs.network.body.load_state_dict(mine.network.body.state_dict())
    theirs.network.layout = torch.contiguous_format
    pieces = chunks.reshape(-1, 1600)[:256]
    targets = (torch.rand(256, N_CLASSES) < 0.05).float()
    with torch.no_grad():
        losses = [float(training.loss_of(model(pieces), targets, settings.training)) for model in (mine, theirs)]
    agreement = f"losses {losses[0]:.6f} and {losses[1]:.6f}"
    yield step_case("mobilenet_step", "timm mobilenetv1_100 as it comes", mine, theirs, pieces, settings, agreement)
