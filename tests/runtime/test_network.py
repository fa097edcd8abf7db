"""Arrays answer as the reference cell and as torch do, in any form, length and company; what is stored stays packed."""

import numpy as np
import pytest
import torch

from gatewise.base.settings import POOLINGS, NetworkConfig
from gatewise.nets.classify import TextLSTM, arrays_of, module_of
from gatewise.runtime import cell, network
from gatewise.runtime.network import Table, from_weights, layout, logits_from, pooled, weights_of
from gatewise.runtime.storage import packed

FORMS = [(layers, both, pooling) for layers in (1, 2) for both in (False, True)
         for pooling in (*((name,) for name in POOLINGS), POOLINGS, ("last", "max"))]  # fmt: skip
LENGTHS = np.array([9, 7, 7, 4, 2, 1, 1])


def module_like(layers: int = 1, both: bool = True, pooling: tuple[str, ...] = POOLINGS) -> TextLSTM:
    config = NetworkConfig(embedding_dim=5, hidden_size=6, num_layers=layers, bidirectional=both, pooling=pooling)
    module = TextLSTM(config, vocab_size=20, num_classes=3).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.4)  # the second bias, zero at the start, must count too
    return module


def texts_of(lengths: np.ndarray) -> np.ndarray:
    return np.random.default_rng(3).integers(1, 20, int(lengths.sum()))


def by_the_cell(arrays: network.Network, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Read each text alone with the six equations."""
    rows = []
    for text in np.split(ids, np.cumsum(lengths)[:-1]):
        traces = cell.encode(arrays.embedding.rows(text).astype(np.float64), arrays.layers)
        states = np.concatenate([trace.states for trace in traces[-1]], axis=1)
        rows.append(cell.pool(states, arrays.config.hidden_size, arrays.config.pooling))
    return np.array(rows)


@pytest.mark.parametrize(("layers", "both", "pooling"), FORMS)
def test_network_equals_the_cell_and_torch(layers, both, pooling):
    module, ids = module_like(layers, both, pooling), texts_of(LENGTHS)
    arrays = arrays_of(module)
    features = pooled(arrays, ids, LENGTHS)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, by_the_cell(arrays, ids, LENGTHS), atol=1e-5)
    for text, row in zip(np.split(ids, np.cumsum(LENGTHS)[:-1]), logits_from(arrays, features), strict=True):
        with torch.no_grad():
            expected = module(torch.from_numpy(text).unsqueeze(1), torch.tensor([len(text)]))[0]
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_network_computes_nothing_for_padding():
    arrays, multiplied = arrays_of(module_like()), []

    def counting(matrix: np.ndarray):
        return lambda rows: multiplied.append(rows.shape) or rows @ matrix.T

    ids = texts_of(LENGTHS)
    pooled(arrays, ids, LENGTHS, counting)
    assert [rows for rows, size in multiplied if size == 5] == [len(set(ids.tolist()))] * 2  # a word once a direction
    again = [rows for rows, size in multiplied if size == 6]
    assert sum(again) == 2 * LENGTHS.sum()  # a token once a direction
    assert again[:9] == [7, 5, 4, 4, 3, 3, 3, 1, 1]  # a text that has ended has no row


def test_network_layout_turns_every_text_inside_its_own_length():
    rows = layout(np.array([3, 1]))
    assert rows.counts.tolist() == [2, 1, 1]
    assert rows.forward.tolist() == [0, 3, 1, 2]
    assert rows.backward.tolist() == [2, 3, 1, 0]
    assert rows.turned.tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_network_a_packed_table_gives_the_rows_of_the_whole(storage):
    values = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    arrays = packed({"w": values}, storage)
    table = Table(arrays["w"], arrays.get("w.scale"))
    ids = np.array([[3, 3], [0, 19]])
    whole = arrays["w"].astype(np.float32) * (arrays["w.scale"][:, None] if storage == "int8" else 1)
    assert table.rows(ids).dtype == np.float32 and len(table) == 20
    np.testing.assert_array_equal(table.rows(ids), whole[ids])


@pytest.mark.parametrize(("layers", "both"), [(1, True), (2, True), (2, False)])
def test_network_weights_come_back_by_their_names(layers, both):
    arrays = arrays_of(module_like(layers, both))
    again = from_weights(arrays.config, weights_of(arrays))
    assert weights_of(again).keys() == module_like(layers, both).state_dict().keys()
    for name, array in weights_of(arrays).items():
        np.testing.assert_array_equal(weights_of(again)[name], array)
    with torch.no_grad():
        answers = module_of(arrays)(torch.tensor([[3], [4]]), torch.tensor([2])).numpy()
    np.testing.assert_allclose(answers, logits_from(arrays, pooled(arrays, np.array([3, 4]), np.array([2]))), atol=1e-5)


def test_network_arrays_are_its_own():
    module = module_like()
    arrays = arrays_of(module)
    before = arrays.head.copy()
    with torch.no_grad():
        module.head.weight.add_(1)
    np.testing.assert_array_equal(arrays.head, before)
    state = torch.get_rng_state()
    assert not module_of(arrays).training
    assert torch.equal(torch.get_rng_state(), state)
