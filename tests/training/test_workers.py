"""Workers share one network's weights and give its gradient; the same number of workers gives the same bits."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from gatewise.base.settings import NetworkConfig
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import Sequences, collate, offsets_of
from gatewise.training.workers import Workers, sharing_weights


def network(**noise) -> TextLSTM:
    torch.manual_seed(3)
    shares = {"word_dropout": 0.0, "embedding_dropout": 0.0, "dropout": 0.0} | noise
    return TextLSTM(NetworkConfig(embedding_dim=6, hidden_size=5, **shares), 30, 3).train()


def batch(texts: int = 7):
    random = np.random.default_rng(1)
    lengths = np.sort(random.integers(1, 9, texts))[::-1]
    sequences = Sequences(random.integers(2, 30, lengths.sum()), offsets_of(lengths), random.integers(0, 3, texts))
    return collate(sequences, np.arange(texts))


def gradients(net: nn.Module) -> list[torch.Tensor]:
    return [parameter.grad.clone() for parameter in net.parameters()]


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_workers_give_the_gradient_of_the_mean_loss(count):
    net = network()
    workers = Workers(net, count)
    total, weight = workers.gradients(batch(), "float32")
    workers.close()
    found = gradients(net)
    alone = network()
    expected, expected_weight = alone.loss(batch())
    expected.backward()
    assert weight == expected_weight
    assert total == pytest.approx(float(expected.detach()), rel=1e-5)
    for mine, theirs in zip(found, gradients(alone), strict=True):
        assert torch.allclose(mine, theirs / weight, atol=1e-5)


def test_workers_of_one_number_draw_the_same_noise_again():
    found = []
    for _ in range(2):
        net = network(word_dropout=0.3, embedding_dropout=0.3, dropout=0.3)
        workers = Workers(net, 2)
        for _ in range(3):
            workers.gradients(batch(), "float32")
        found.append(gradients(net))
        workers.close()
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(*found, strict=True))


def test_workers_go_on_from_saved_random_states():
    net = network(dropout=0.5)
    workers = Workers(net, 2)
    workers.gradients(batch(), "float32")
    states = [state.clone() for state in workers.random_states()]
    workers.gradients(batch(), "float32")
    expected = gradients(net)
    workers.restore(states)
    workers.gradients(batch(), "float32")
    workers.close()
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(gradients(net), expected, strict=True))


def test_workers_see_each_step_of_the_optimiser_and_keep_gradients_of_their_own():
    net = network()
    twin = sharing_weights(net)
    net.head.bias.grad = torch.ones_like(net.head.bias)
    torch.optim.AdamW(net.parameters(), lr=0.1, fused=True).step()
    assert torch.equal(net.head.bias, twin.head.bias) and twin.head.bias.grad is None


def test_workers_leave_one_network_with_torchs_own_generator():
    net = network()
    workers = Workers(net, 1)
    assert net.random is None and not workers.random_states()
    workers = Workers(net, 2)
    assert net.random is not None
    workers.close()
    assert net.random is None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_workers_are_as_many_as_there_are_cores_each_in_a_thread_of_its_own(count):
    """Fewer copies, or no pool, would leave cores idle and every answer right."""
    workers, here = Workers(network(), count), threading.get_ident()
    assert len({id(worker) for worker in workers.networks}) == count
    met, together = [], threading.Barrier(count)

    def meet(place: int) -> int:
        together.wait(timeout=10)  # passes only where all are at work at once
        met.append(threading.get_ident())
        return place

    assert workers.map(meet, range(count)) == list(range(count))
    assert len(set(met)) == count and (here in met) == (count == 1)
    workers.close()
    assert not (set(met) - {here}) & {thread.ident for thread in threading.enumerate()}  # they have ended


@pytest.mark.parametrize("count", [1, 2, 3])
def test_workers_share_a_batch_among_all_of_them(count):
    workers = Workers(network(), count)
    met = []
    for worker in workers.networks:
        loss = worker.loss
        worker.loss = lambda part, loss=loss: met.append((threading.get_ident(), len(part.rows))) or loss(part)
    workers.gradients(batch(), "float32")
    workers.close()
    assert sorted(texts for _, texts in met) == {1: [7], 2: [3, 4], 3: [2, 2, 3]}[count]
