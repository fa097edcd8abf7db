"""From unlabelled text to a pretrained encoder: what pretraining.py learns, with its tokenizer, as a folder.

An encoder is where `gatewise train --pretrained` starts from.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from gatewise.base.errors import ConfigError
from gatewise.base.files import remove_folder
from gatewise.base.settings import AnySettings, Storage
from gatewise.data.reading import Dataset
from gatewise.nets.encoder import EMBEDDING_STD
from gatewise.nets.language import LanguageModel
from gatewise.nets.vectors import word_vectors
from gatewise.runtime import folder
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.tokenizer import PAD_ID
from gatewise.tasks.classify.prepare import Corpus, prepare_corpus
from gatewise.tasks.pretrain.settings import PretrainingSettings
from gatewise.training.loop import METRICS, Event, train
from gatewise.training.session import Report, opened, settle


def pretrain_encoder(
    dataset: Dataset,
    out: Path | str,
    *,
    settings: PretrainingSettings | None = None,
    start: PretrainedEncoder | None = None,
    storage: Storage = "float32",
    resume: bool = False,
    overwrite: bool = False,
    report: Report = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
) -> PretrainedEncoder:
    """Train a language model on a data set's text, labels unseen, and leave an encoder folder at `out`.

    With `start`, an encoder goes on learning: its tokenizer, weights and shape are taken. While it runs, the folder
    `out`.training keeps what a resumed run needs. Raises GatewiseError before anything is written or lost.
    """
    started, out = time.perf_counter(), Path(out)
    defaults = shaped_as(start, PretrainingSettings()) if start else PretrainingSettings()
    settings = settle(out, settings, defaults, resume=resume, overwrite=overwrite)
    if start and shaped_as(start, settings) != settings:
        raise ConfigError("The encoder to go on from has another shape; leave out the options that shape the network.")
    corpus = prepare_corpus(dataset, settings, start.tokenizer if start else None)
    with opened(out, settings, resume=resume) as (run_folder, resume):
        report(Event("prepared", time.perf_counter() - started, 0, 0.0, corpus.notes))
        threads = torch.get_num_threads()
        with torch.random.fork_rng(devices=[]):
            try:
                torch.set_num_threads(settings.training.threads or threads)
                torch.manual_seed(settings.training.seed)
                network = language_model(corpus, settings, start, fresh=not resume)
                guessing = (1 + settings.pretraining.ahead) * float(np.log(corpus.tokenizer.vocab_size))
                events = train(
                    network, corpus.train, corpus.dev, settings.training, baseline=guessing,
                    folder=run_folder, resume=resume,
                    fingerprint=corpus.fingerprint() + " backward" * network.backward_alone,
                    used_seconds=time.perf_counter() - started, stopped=stopped,
                )  # fmt: skip
                for event in events:
                    report(event)
            finally:
                torch.set_num_threads(threads)
        log = {METRICS: (run_folder / METRICS).read_bytes()}
    facts = corpus.notes | {
        "trained_seconds": round(event.seconds, 1), "trained_tokens": event.values["tokens"], "steps": event.step,
        "epochs": round(event.epoch, 3), "dev_perplexity": round(float(np.exp(-event.values["best"])), 2),
        "settings": settings.flat(),
    }  # fmt: skip
    if adds_backward(start, settings):
        facts["learnt"] = "the backward direction alone"
    if start:
        facts["started_from"] = {name: value for name, value in start.facts.items() if name != "settings"}
    weights = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    encoder = PretrainedEncoder(corpus.tokenizer, settings.network, weights, facts)
    folder.save_encoder(encoder, out, overwrite=overwrite or resume, storage=storage, extra=log)
    if not stopped():
        remove_folder(run_folder)
    return encoder


def shaped_as(encoder: PretrainedEncoder, settings: AnySettings) -> AnySettings:
    """Give the settings with the shape of an encoder's network; raise ConfigError when they ask for another.

    A classifier may read in one direction where the encoder can in both; a forward encoder may learn the other too.
    """
    names = ("embedding_dim", "hidden_size", "num_layers", "bidirectional")
    shape = {name: getattr(encoder.network, name) for name in names}
    usual, both, asked_both = type(settings)().network, encoder.network.bidirectional, settings.network.bidirectional
    shape["bidirectional"] = both or asked_both if isinstance(settings, PretrainingSettings) else both and asked_both
    for name, value in shape.items():
        asked = getattr(settings.network, name)
        if asked not in (value, getattr(usual, name)):
            raise ConfigError(
                f"{name} is {asked!r} and the encoder, of another shape, has {value!r}; leave that option out."
            )
    return dataclasses.replace(settings, network=dataclasses.replace(settings.network, **shape))


def adds_backward(start: PretrainedEncoder | None, settings: PretrainingSettings) -> bool:
    """Say whether a one-directional encoder is to learn the backward direction too."""
    return start is not None and settings.network.bidirectional and not start.network.bidirectional


def language_model(
    corpus: Corpus, settings: PretrainingSettings, start: PretrainedEncoder | None, *, fresh: bool
) -> LanguageModel:
    """Build the network with its first weights: an encoder's, or new ones with word vectors in the embedding."""
    vocab_size = corpus.tokenizer.vocab_size
    counts = np.bincount(corpus.train.steps, minlength=vocab_size).astype(np.float64)
    network = LanguageModel(settings.network, settings.pretraining, counts)
    if start:
        weights = {name: torch.from_numpy(array) for name, array in start.weights.items()}
        network.load_state_dict(weights, strict=not adds_backward(start, settings))
        if adds_backward(start, settings):
            network.add_backward()
    elif settings.training.word_vectors and fresh:
        shape = network.embedding.weight.shape
        vectors = word_vectors([corpus.train], *shape, std=EMBEDDING_STD, seed=settings.training.seed)
        vectors[PAD_ID] = 0
        network.embedding.weight.data.copy_(torch.from_numpy(vectors))
    return network
