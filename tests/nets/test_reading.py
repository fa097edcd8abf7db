"""The LSTM written out in NumPy equals torch's own, states and gradients, for sentences of all lengths."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.base.settings import NetworkConfig
from gatewise.nets.encoder import Encoder
from gatewise.nets.reading import read
from gatewise.runtime.network import layout


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 99))
@pytest.mark.parametrize("both", [False, True])
def test_reading_equals_torch(both, lengths, seed):
    torch.manual_seed(seed)
    encoder = Encoder(NetworkConfig(embedding_dim=3, hidden_size=4, bidirectional=both)).double()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    lengths = np.sort(lengths)[::-1].copy()
    rows = layout(lengths)
    step = np.repeat(np.arange(len(rows.counts)), rows.counts)
    owner = np.arange(len(step)) - (np.cumsum(rows.counts) - rows.counts)[step]
    cells = torch.from_numpy(step * len(lengths) + owner)
    vectors = torch.randn(len(step), 3, dtype=torch.float64, requires_grad=True)

    def by_torch() -> torch.Tensor:
        padded = vectors.new_zeros(len(rows.counts) * len(lengths), 3).index_copy(0, cells, vectors)
        states = encoder(padded.view(len(rows.counts), len(lengths), 3), torch.from_numpy(lengths))
        return states.flatten(0, 1)[cells]

    def by_numpy() -> torch.Tensor:
        lstms = encoder.layers()[0]
        return torch.cat([read(lstm, vectors, rows, backward=bool(place)) for place, lstm in enumerate(lstms)], 1)

    weights = torch.randn(len(step), 4 * (1 + both), dtype=torch.float64)
    found = []
    for states_of in (by_torch, by_numpy):
        encoder.zero_grad()
        vectors.grad = None
        states = states_of()
        (states * weights).sum().backward()
        found.append([states.detach(), vectors.grad, *(parameter.grad for parameter in encoder.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
