"""The language model names the right words, never sees them, and its fast softmax is the slow one's equal."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gatewise.base.errors import ConfigError
from gatewise.base.settings import NetworkConfig, PretrainingConfig, TrainingConfig
from gatewise.nets.language import LanguageModel, Naming, WordSampler, next_words, words_ahead
from gatewise.runtime.batches import Sequences, collate, offsets_of
from gatewise.runtime.shapes import language_shapes
from gatewise.training.loop import train
from gatewise.training.session import Session

VOCABULARY = 12


def model(*, bidirectional: bool = False, ahead: float = 1.0, noise: float = 0.0, draws: int = 4096) -> LanguageModel:
    torch.manual_seed(0)
    network = NetworkConfig(
        embedding_dim=5, hidden_size=7, bidirectional=bidirectional, dropout=noise, embedding_dropout=noise
    )
    counts = np.array([0.0, 3.0, *range(40, 40 - 3 * (VOCABULARY - 2), -3)])
    config = PretrainingConfig(sampled_words=draws, ahead=ahead, ahead_words=3, function_words=2)
    return LanguageModel(network, config, counts)


def batch(texts: int = 4, seed: int = 0):
    random = np.random.default_rng(seed)
    lengths = np.sort(random.integers(1, 8, texts))[::-1]
    sequences = Sequences(random.integers(1, VOCABULARY, lengths.sum()), offsets_of(lengths), np.full(texts, -1))
    return collate(sequences, np.arange(texts))


# ---------------------------------------------------------------- the sampled softmax


def slow_loss(naming: Naming, states, words, weight, sample):
    """Sum the cross-entropy over the right word and the sample, one prediction after the other."""
    total = torch.zeros(())
    for state, word in zip(naming.maps[0](states), words, strict=True):
        scores = [state @ weight[word] + naming.bias[word]]
        others = [other for other in sample if other != word]
        scores += [state @ weight[place] + naming.bias[place] - naming.sampler.log_chances[place] for place in others]
        total = total + torch.logsumexp(torch.stack(scores), 0) - scores[0]
    return total


@pytest.mark.parametrize("rows", [1, 9, 600])  # more than a slice at the end
def test_pretraining_fused_softmax_equals_the_slow_one_with_every_gradient(rows):
    torch.manual_seed(1)
    naming = Naming(np.arange(1.0, VOCABULARY + 1), 7, 5, 1, 6)
    weight = nn.Parameter(torch.randn(VOCABULARY, 5))
    states = torch.randn(rows, 7, requires_grad=True)
    words = torch.randint(VOCABULARY, (rows,))
    sample = torch.tensor([0, 3, 4, 8, 11])
    inputs = [states, weight, *naming.parameters()]
    fast = naming.loss({0: (states, words)}, weight, torch.arange(VOCABULARY), sample)
    slow = slow_loss(naming, states, words, weight, sample)
    assert fast.item() == pytest.approx(slow.item(), rel=1e-5)
    for mine, theirs in zip(torch.autograd.grad(3 * fast, inputs), torch.autograd.grad(3 * slow, inputs), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_pretraining_with_the_whole_vocabulary_drawn_is_the_full_softmax():
    torch.manual_seed(1)
    naming = Naming(np.ones(VOCABULARY), 7, 5, 1, 10**6)  # each chance is 1
    weight, states, words = torch.randn(VOCABULARY, 5), torch.randn(30, 7), torch.randint(VOCABULARY, (30,))
    everything = torch.arange(VOCABULARY)
    full = functional.cross_entropy(naming.scores(0, states, weight), words, reduction="sum")
    assert naming.loss({0: (states, words)}, weight, everything, everything).item() == pytest.approx(
        full.item(), rel=1e-5
    )


def test_pretraining_sample_estimates_the_sum_over_the_vocabulary_without_bias():
    torch.manual_seed(0)
    counts = np.array([0.0, 1.0, 5.0, 10.0, 100.0, 1000.0])
    sampler, scores = WordSampler(counts, 30), torch.tensor([0.0, 3.0, -1.0, 2.0, 0.5, 1.0])
    sums = []
    for _ in range(20_000):
        sample = sampler.draw(None)
        assert (sample[1:] > sample[:-1]).all()
        sums.append(torch.exp(scores[sample] - sampler.log_chances[sample]).sum().item())
    expected = torch.exp(scores[1:]).sum().item()  # a word of no count is never drawn
    assert np.mean(sums) == pytest.approx(expected, rel=5 * np.std(sums) / math.sqrt(len(sums)) / expected)


def test_pretraining_draws_every_word_that_occurs_however_rare_and_no_other(monkeypatch):
    counts = np.array([0.0, 0.0] + [1e5] * 1000 + [2.0] * 9000)  # a hundred million tokens
    counts[[0, 500, -1]] = 0  # padding above all: by its chance its score would drown every other
    sampler, shares = WordSampler(counts, 20_000), counts / counts.sum()
    middles = (np.cumsum(shares) - shares / 2)[counts > 0]
    points = torch.from_numpy(np.concatenate([[0], middles, [1 - 2**-53]]))  # between the least and the most it gives
    monkeypatch.setattr(torch, "rand", lambda *shape, **options: points)
    assert sampler.draw(None).tolist() == np.flatnonzero(counts).tolist()


# ---------------------------------------------------------------- which word is named by which state


@pytest.mark.parametrize("directions", [1, 2])
def test_pretraining_names_the_neighbour_inside_the_text(directions):
    made = batch(5)
    inputs, lengths = torch.from_numpy(made.inputs), torch.from_numpy(made.lengths)
    time, texts = inputs.shape
    places = torch.stack([torch.arange(time).repeat(texts, 1).T, torch.arange(texts).repeat(time, 1)], 2).float()
    pairs = next_words(inputs, lengths, dict.fromkeys(range(directions), places))
    assert len(pairs) == directions
    for step, (here, words) in zip((1, -1), pairs.values(), strict=False):
        expected = [
            (t, b, int(inputs[t + step, b]))
            for t in range(time)
            for b in range(texts)
            if t + step >= 0 and max(t, t + step) < lengths[b]
        ]
        assert [(*map(int, place), int(word)) for place, word in zip(here, words, strict=True)] == expected


def test_pretraining_names_words_ahead_inside_the_text_and_only_those_wanted():
    made = batch(30, seed=4)
    inputs, lengths = torch.from_numpy(made.inputs), torch.from_numpy(made.lengths)
    time, texts = inputs.shape
    places = torch.stack([torch.arange(time).repeat(texts, 1).T, torch.arange(texts).repeat(time, 1)], 2).float()
    wanted = torch.arange(VOCABULARY) % 2 == 0
    distances = [set(), set()]
    for _ in range(50):
        pairs = words_ahead(inputs, lengths, {0: places, 1: places}, 3, wanted, None)
        for sign, found, (here, words) in zip((1, -1), distances, pairs.values(), strict=True):
            assert wanted[words].all()
            for (t, b), word in zip(here.long().tolist(), words.tolist(), strict=True):
                near = [d for d in (1, 2, 3) if 0 <= t + sign * d < lengths[b] and inputs[t + sign * d, b] == word]
                assert t < lengths[b] and near
                found.update(near if len(near) == 1 else ())
    assert distances == [{1, 2, 3}, {1, 2, 3}]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_pretraining_no_state_has_seen_the_word_it_names(bidirectional):
    network = model(bidirectional=bidirectional).eval()
    made = batch(3)
    lengths = torch.from_numpy(made.lengths)
    changed_at = int(made.lengths[0]) // 2
    other = made.inputs.copy()
    other[changed_at, 0] = 1 + other[changed_at, 0] % (VOCABULARY - 1)
    table = network.embedding.weight
    before = network.read(torch.from_numpy(made.inputs), lengths, table)
    after = network.read(torch.from_numpy(other), lengths, table)
    assert torch.equal(before[0][:changed_at, 0], after[0][:changed_at, 0])  # these name words up to the changed one
    assert not torch.equal(before[0][changed_at, 0], after[0][changed_at, 0])
    if bidirectional:
        behind = slice(changed_at + 1, int(made.lengths[0]))
        assert torch.equal(before[1][behind, 0], after[1][behind, 0])


def test_pretraining_refuses_a_second_layer_that_would_see_both_directions():
    network = NetworkConfig(embedding_dim=5, hidden_size=7, num_layers=2)
    with pytest.raises(ConfigError, match="use one layer"):
        LanguageModel(network, PretrainingConfig(), np.ones(VOCABULARY))


# ---------------------------------------------------------------- the whole


@pytest.mark.parametrize("bidirectional", [False, True])
def test_pretraining_loss_is_the_score_when_everything_is_drawn(bidirectional):
    network = model(bidirectional=bidirectional, ahead=0.0, draws=10**6)
    network.eval()
    made = batch(6)
    with torch.no_grad():
        total, count = network.loss(made)
        points, loss, named = network.score(made)
    assert (count, points) == (named, -loss)
    assert total.item() == pytest.approx(loss, rel=1e-3)  # words without a count are in the score alone
    assert named == (1 + bidirectional) * (made.lengths - 1).sum()


def slow_model_loss(network: LanguageModel, made, seed: int):
    """Name the neighbours and the words ahead over the whole vocabulary, place by place, with the whole table."""
    torch.manual_seed(seed)
    for task in (network.next_words, network.ahead_words):
        task.sampler.draw(None)  # so that the distances are drawn from where the fast one draws them
    inputs, lengths = torch.from_numpy(made.inputs), torch.from_numpy(made.lengths)
    states = network.read(inputs, lengths, network.embedding.weight)
    losses = {"next": [], "ahead": []}
    for direction in states:
        sign = -1 if direction else 1
        distances = torch.randint(1, network.config.ahead_words + 1, inputs.shape)
        for name, task in (("next", network.next_words), ("ahead", network.ahead_words)):
            known = task.sampler.occurs.nonzero().squeeze(1)
            for t in range(len(inputs)):
                for b in range(len(lengths)):
                    aim = t + sign * (1 if name == "next" else int(distances[t, b]))
                    if t >= lengths[b] or not 0 <= aim < lengths[b] or (word := inputs[aim, b]) not in known:
                        continue
                    scores = task.maps[direction](states[direction][t, b]) @ network.embedding.weight.T + task.bias
                    losses[name].append(functional.cross_entropy(scores[known], (known == word).nonzero()[0, 0]))
    count = len(losses["next"])
    ahead = torch.stack(losses["ahead"]).mean() * count
    return torch.stack(losses["next"]).sum() + network.config.ahead * ahead, count


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("ahead", [1.0, 0.3])
def test_pretraining_loss_equals_a_slow_one_with_every_gradient(bidirectional, ahead):
    network = model(bidirectional=bidirectional, ahead=ahead, draws=10**5).train()
    made = batch(6, seed=2)
    torch.manual_seed(4)
    fast, weight = network.loss(made)
    slow, count = slow_model_loss(network, made, 4)
    assert (fast.item(), weight) == (pytest.approx(slow.item(), rel=1e-5), count)
    parameters = dict(network.named_parameters())
    mine = torch.autograd.grad(fast, list(parameters.values()))
    theirs = torch.autograd.grad(slow, list(parameters.values()))
    for name, one, other in zip(parameters, mine, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4), name


def test_pretraining_adds_a_backward_direction_that_alone_learns():
    """It begins as the forward one, so it says of a text turned around what that says of the text."""
    network = model(bidirectional=True, draws=10**5).train()
    network.add_backward()
    made = batch(5, seed=3)
    torch.manual_seed(4)
    fast, weight = network.loss(made)
    network.backward_alone = False
    inputs, lengths = torch.from_numpy(made.inputs), torch.from_numpy(made.lengths)
    both = network.read(inputs, lengths, network.embedding.weight)
    network.backward_alone = True
    [(direction, states)] = network.read(inputs, lengths, network.embedding.weight).items()
    assert direction == 1 and torch.equal(states, both[1])
    turned = made.inputs.copy()
    for column, length in enumerate(made.lengths):
        turned[:length, column] = turned[:length, column][::-1]
    network.backward_alone = False
    forward = network.read(torch.from_numpy(turned), lengths, network.embedding.weight)[0]
    for column, length in enumerate(made.lengths):
        assert torch.allclose(forward[:length, column].flip(0), states[:length, column], atol=1e-6)
    network.backward_alone = True
    slow, count = slow_model_loss(network, made, 4)
    assert (fast.item(), weight) == (pytest.approx(slow.item(), rel=1e-5), count)
    [group] = network.parameter_groups()
    learns = {id(parameter) for parameter in group}
    names = {name for name, parameter in network.named_parameters() if id(parameter) in learns}
    assert names == {name for name in network.state_dict() if ".lstms.1." in name or ".maps.1." in name}
    mine, theirs = (torch.autograd.grad(loss, group) for loss in (fast, slow))
    for name, one, other in zip(sorted(names), mine, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4), name


def test_pretraining_gives_no_gradient_to_padding_and_takes_texts_of_one_word():
    network = model(noise=0.2).train()
    total, _ = network.loss(batch(6))
    total.backward()
    assert network.embedding.weight.grad[0].abs().sum() == 0
    lonely = collate(Sequences(np.array([4, 5]), offsets_of([1, 1]), np.full(2, -1)), np.arange(2))
    total, count = network.loss(lonely)
    assert (total.item(), count) == (0.0, 1.0)
    total.backward()


def test_pretraining_shapes_are_those_of_the_network():
    for bidirectional in (False, True):
        network = model(bidirectional=bidirectional)
        found = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        assert found == language_shapes(network.network, VOCABULARY)


@pytest.mark.parametrize("threads", [1, 2])
def test_pretraining_learns_a_language_in_which_each_word_tells_the_next(threads):
    torch.set_num_threads(threads)
    random = np.random.default_rng(0)
    starts = random.integers(2, VOCABULARY, 60)
    ids = np.concatenate([2 + (start - 2 + np.arange(10)) % (VOCABULARY - 2) for start in starts])
    texts = Sequences(ids, offsets_of([10] * 60), np.full(60, -1))
    network = model(bidirectional=True, noise=0.1, draws=64)
    config = TrainingConfig(epochs=60, learning_rate=0.02, batch_texts=16, averaging=0.9, precision="float32")
    event = train(network, texts, texts.select(np.arange(10)), config, Session(), baseline=10.0)
    assert event.kind == "end"
    assert math.exp(-event.values["best"]) < 1.5  # guessing among ten words has a perplexity of 10
