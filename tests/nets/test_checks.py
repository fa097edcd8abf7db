"""Every network here passes what every Learner must, and the NumPy engine what every engine must."""

import numpy as np
import pytest
import torch
from tests.checks import LEARNER_CHECKS, check_engine, check_resumed

from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.nets.classify import TextLSTM, arrays_of
from gatewise.nets.language import LanguageModel
from gatewise.runtime.batches import Sequences, offsets_of
from gatewise.runtime.engine import logits_of
from gatewise.tasks.pretrain.settings import PretrainingConfig

WORDS = 20
LENGTHS = np.array([7, 1, 12, 3, 7, 2, 9, 5, 5, 1, 30, 4, 8, 2])
FORMS = [(layers, both) for layers in (1, 2) for both in (False, True)]


def texts(targets: int) -> Sequences:
    random = np.random.default_rng(0)
    steps = random.integers(2, WORDS, LENGTHS.sum()).astype(np.uint16)
    return Sequences(steps, offsets_of(LENGTHS), random.integers(0, targets, len(LENGTHS)))


def classifier(layers: int = 1, both: bool = True, pooling: tuple[str, ...] = POOLINGS, weighed: bool = False):
    shape = {"embedding_dim": 6, "hidden_size": 5, "num_layers": layers, "bidirectional": both, "pooling": pooling}

    def make(seed: int) -> TextLSTM:
        torch.manual_seed(seed)
        network = TextLSTM(NetworkConfig(**shape), WORDS, 3)
        with torch.no_grad():
            for parameter in network.parameters():  # the second bias, zero at the start, must count too
                parameter.add_(torch.randn_like(parameter) * 0.2)
        network.class_weights, network.label_smoothing = torch.tensor([0.5, 1.0, 3.0]) if weighed else None, 0.1
        return network

    return make


def reader(both: bool, *, ahead: float = 1.0, backward_alone: bool = False):
    def make(seed: int) -> LanguageModel:
        torch.manual_seed(seed)
        counts = np.array([0.0, 3.0, *range(60, 60 - 3 * (WORDS - 2), -3)])
        config = PretrainingConfig(sampled_words=16, ahead=ahead, ahead_words=3, function_words=2)
        network = LanguageModel(NetworkConfig(embedding_dim=5, hidden_size=7, bidirectional=both), config, counts)
        if backward_alone:
            network.add_backward()
        return network

    return make


LEARNERS = {
    "one way": classifier(both=False), "both ways, weighed": classifier(weighed=True), "two layers": classifier(2),
    "the end alone": classifier(2, pooling=("last",)), "a reader": reader(False), "a reader both ways": reader(True),
    "a reader of next words": reader(False, ahead=0.0), "a reader backward": reader(True, backward_alone=True),
}  # fmt: skip


@pytest.mark.parametrize("check", LEARNER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", LEARNERS)
def test_nets_pass_what_every_learner_must(check, name, tmp_path):
    check(LEARNERS[name], texts(3), tmp_path)


@pytest.mark.parametrize("name", ["both ways, weighed", "a reader both ways", "a reader backward"])
def test_nets_resume_with_the_same_bits_on_several_cores(name, tmp_path):
    torch.set_num_threads(3)
    check_resumed(LEARNERS[name], texts(3), tmp_path)


@pytest.mark.parametrize("pooling", [*((name,) for name in POOLINGS), POOLINGS, ("last", "max")])
@pytest.mark.parametrize(("layers", "both"), FORMS)
def test_nets_are_answered_by_the_numpy_engine_as_by_torch(layers, both, pooling):
    check_engine(
        lambda network, some: logits_of(arrays_of(network), some), classifier(layers, both, pooling)(1), texts(3)
    )
