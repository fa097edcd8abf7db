"""Tables that are learnt row by row end where dense Adagrad and a dense average would, whatever a step touches."""

import copy

import pytest
import torch
from torch import nn

from gatewise.training.tables import RATE, SMALLEST, Tables


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.other = nn.Parameter(torch.randn(9, 2)), nn.Parameter(torch.randn(3))


def sparse(rows: list[int]) -> torch.Tensor:
    return torch.sparse_coo_tensor([rows], torch.randn(len(rows), 2), (9, 2))


STEPS = [[0, 3], [3], [1, 3, 8], [], [0], [2, 2, 5]]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.97])
@pytest.mark.parametrize("looks", [(), (1, 4)])
def test_tables_end_where_dense_ones_would(decay, looks):
    torch.manual_seed(0)
    network = Net()
    averaged, slow = copy.deepcopy(network), copy.deepcopy(network)
    mean, sums = slow.table.data.clone(), torch.zeros(9, 2)
    tables = Tables(network, averaged)
    for number, rows in enumerate(STEPS):
        network.table.grad = sparse(rows)
        network.other.grad = torch.ones(3)
        dense = network.table.grad.to_dense()
        taken = tables.take(list(network.parameters()))
        assert network.table.grad is None and network.other.grad is not None
        tables.step(taken, 0.01, decay)
        sums += dense**2
        slow.table.data -= RATE * 0.01 * dense / (sums.sqrt() + SMALLEST)
        mean = decay * mean + (1 - decay) * slow.table.data
        if number in looks:
            tables.settle()
            torch.testing.assert_close(averaged.table.data, mean)
    tables.settle()
    torch.testing.assert_close(network.table.data, slow.table.data)
    torch.testing.assert_close(averaged.table.data, mean)
    assert [len(part) for part in tables.others()] == [1, 1] and tables.others()[1][0] is network.other


def test_tables_go_on_from_what_was_kept():
    def stepped(tables: Tables, network: Net, rows: list[int]) -> None:
        network.table.grad = sparse(rows)
        tables.step(tables.take(list(network.parameters())), 0.01, 0.9)

    torch.manual_seed(0)
    network = Net()
    averaged = copy.deepcopy(network)
    tables = Tables(network, averaged)
    for rows in STEPS[:3]:
        stepped(tables, network, rows)
    again = copy.deepcopy(network), copy.deepcopy(averaged)
    other = Tables(*again)
    other.restore({name: tensor.clone() for name, tensor in tables.state().items()})
    for run, net in ((tables, network), (other, again[0])):
        torch.manual_seed(1)
        for rows in STEPS[3:]:
            stepped(run, net, rows)
        run.settle()
    assert torch.equal(network.table, again[0].table) and torch.equal(averaged.table, again[1].table)


def test_tables_are_none_where_gradients_are_dense():
    network = Net()
    tables = Tables(network, copy.deepcopy(network))
    network.table.grad = torch.ones(9, 2)
    assert tables.take(list(network.parameters())) == {} and tables.state() == {}
    assert network.table.grad is not None and len(tables.others()[0]) == 2
