"""LSTM layers over sentences laid out step by step, for torch, with the gradient written out in NumPy.

torch's own LSTM reads padding too and, at the few and short sentences of a tagger's batch, mostly waits for itself. The
same equations as gatewise.runtime.cell; `advance` is the step that answers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gatewise.runtime.network import Layout

Floats = npt.NDArray[Any]


class _Read(torch.autograd.Function):
    """The states of one direction, [N, H], of vectors, [N, E], both in the layout's order."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, rows: Layout, backward: bool
    ) -> Tensor:
        sums = torch.addmm(bias, vectors, weight_ih.t())
        if backward:
            sums = sums.index_select(0, torch.from_numpy(rows.turned))
        gates, cells, squashed, states = _forward(sums.numpy(), weight_hh.numpy(), rows)
        ctx.kept = gates, cells, squashed, states, rows, backward
        ctx.save_for_backward(vectors, weight_ih, weight_hh)
        found = torch.from_numpy(states)
        return found.index_select(0, torch.from_numpy(rows.turned)) if backward else found.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        vectors, weight_ih, weight_hh = ctx.saved_tensors
        gates, cells, squashed, states, rows, backward = ctx.kept
        turned = torch.from_numpy(rows.turned)
        if backward:
            gradient = gradient.index_select(0, turned)
        slopes = _backward(gradient.contiguous().numpy(), gates, cells, squashed, weight_hh.numpy(), rows)
        firsts = int(rows.counts[0])
        begins = np.cumsum(rows.counts) - rows.counts
        step = np.repeat(np.arange(len(rows.counts)), rows.counts)
        owners = np.arange(len(step)) - begins[step]
        before = begins[step[firsts:] - 1] + owners[firsts:]
        d_sums = torch.from_numpy(slopes)
        d_hh = d_sums[firsts:].t() @ torch.from_numpy(states[before])
        if backward:
            d_sums = d_sums.index_select(0, turned)
        return d_sums @ weight_ih, d_sums.t() @ vectors, d_hh, d_sums.sum(0), None, None


def _forward(sums: Floats, recurrent: Floats, rows: Layout) -> tuple[Floats, Floats, Floats, Floats]:
    """Run the cell; give gates, [N, 4H], cell states, their tanh and states, [N, H]; `sums` become the gates."""
    size = recurrent.shape[1]
    cells, squashed, states = (np.empty((len(sums), size), sums.dtype) for _ in range(3))
    into = np.ascontiguousarray(recurrent.T)
    sums[:, : 2 * size] *= 0.5  # a gate is (1 + tanh(x / 2)) / 2, so one tanh serves all four parts
    sums[:, 3 * size :] *= 0.5
    into[:, : 2 * size] *= 0.5
    into[:, 3 * size :] *= 0.5
    at = last = 0
    for count in rows.counts.tolist():
        gates, here = sums[at : at + count], slice(at, at + count)
        if at:
            gates += states[last : last + count] @ into
        np.tanh(gates, out=gates)
        for part in (gates[:, : 2 * size], gates[:, 3 * size :]):
            part += 1
            part *= 0.5
        np.multiply(gates[:, :size], gates[:, 2 * size : 3 * size], out=cells[here])
        if at:
            cells[here] += gates[:, size : 2 * size] * cells[last : last + count]
        np.tanh(cells[here], out=squashed[here])
        np.multiply(gates[:, 3 * size :], squashed[here], out=states[here])
        last, at = at, at + count
    return sums, cells, squashed, states


def _backward(
    gradient: Floats, gates: Floats, cells: Floats, squashed: Floats, recurrent: Floats, rows: Layout
) -> Floats:
    """Give the slopes of the sums, [N, 4H], of the slopes of the states, [N, H]."""
    size, texts = recurrent.shape[1], int(rows.counts[0])
    slopes = np.empty_like(gates)
    i, f, g, o = (gates[:, part * size : (part + 1) * size] for part in range(4))
    # all that is known before going back: what a slope of state or cell is multiplied with, for each part of the sums
    to_cell = o * (1 - squashed * squashed)
    by_output = squashed * o * (1 - o)
    by_input, by_candidate = g * i * (1 - i), i * (1 - g * g)
    by_forget = np.zeros_like(f)
    begins = np.cumsum(rows.counts) - rows.counts
    for at, before, count in zip(begins[1:].tolist(), begins.tolist(), rows.counts[1:].tolist(), strict=False):
        np.multiply(f[at : at + count], 1 - f[at : at + count], out=by_forget[at : at + count])
        by_forget[at : at + count] *= cells[before : before + count]
    d_state, d_cell = np.zeros((texts, size), gates.dtype), np.zeros((texts, size), gates.dtype)
    for at, count in zip(begins[::-1].tolist(), rows.counts[::-1].tolist(), strict=True):
        here, state, cell = slice(at, at + count), d_state[:count], d_cell[:count]
        state += gradient[here]
        cell += state * to_cell[here]
        own = slopes[here]
        np.multiply(cell, by_input[here], out=own[:, :size])
        np.multiply(cell, by_forget[here], out=own[:, size : 2 * size])
        np.multiply(cell, by_candidate[here], out=own[:, 2 * size : 3 * size])
        np.multiply(state, by_output[here], out=own[:, 3 * size :])
        np.matmul(own, recurrent, out=state)
        cell *= f[here]
    return slopes


_read: Callable[..., Tensor] = _Read.apply


def read(lstm: nn.LSTM, vectors: Tensor, rows: Layout, *, backward: bool) -> Tensor:
    """Give one direction's states, [N, H], of vectors, [N, E], in the layout's order."""
    weight_ih, weight_hh, bias_ih, bias_hh = lstm.parameters()
    with torch.autocast(vectors.device.type, enabled=False):  # NumPy has no bfloat16
        return _read(vectors.to(weight_ih.dtype), weight_ih, weight_hh, bias_ih + bias_hh, rows, backward)
