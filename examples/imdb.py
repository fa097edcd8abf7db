"""The classic tutorial, working: understand the LSTM through the sentiment of film reviews, in five steps.

`python examples/imdb.py` takes all of IMDB, 25,000 reviews to learn from and 25,000 to test on; `reviews` after it, the
sample that comes with gatewise. Testing each epoch shows how learning goes. It must not choose the epoch: for that
`gatewise train` holds out a dev split of other films.
"""

import argparse
import random

import torch

import gatewise
from gatewise.data.vocabulary import train_tokenizer
from gatewise.nets.classify import TextLSTM
from gatewise.runtime.batches import collate, gather, plan

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", nargs="?", default="imdb", help="data with a train and a test part (default: imdb)")
parser.add_argument("--epochs", type=int, default=10, help="passes over the training reviews (default: 10)")
parser.add_argument("--limit", type=int, help="take only so many reviews of each part, drawn at random")
options = parser.parse_args()
torch.manual_seed(1)

# 1. Data. A data set has parts; a part is read batch by batch, in rows of text, label and group (here: the film).
dataset, texts, labels = gatewise.read(options.data), {}, {}
for name, part in (("train", dataset.train), ("test", dataset.test)):
    rows = [row for batch in part.batches() for row in batch]
    random.Random(1).shuffle(rows)  # IMDB comes sorted by label
    texts[name], labels[name] = zip(*((row.text, row.label) for row in rows[: options.limit]), strict=True)

# 2. Vocabulary. Learnt from the training reviews alone: the 10,000 most frequent words. Then every text becomes ids.
tokenizer = train_tokenizer([texts["train"]], gatewise.TokenizerConfig(vocab_size=10_000))
classes, sets = sorted(set(labels["train"])), {}
for name in texts:
    targets = [classes.index(label) for label in labels[name]]
    sets[name] = gather([tokenizer.encode_batch(texts[name])], targets, tokenizer.vocab_size)


# 3. Iterators. Reviews of near-equal length share a batch, so hardly a step is spent on padding.
def batches(name, epoch=0):
    chosen = plan(sets[name].lengths, batch_tokens=16_384, batch_texts=32, seed=1, epoch=epoch)
    return (collate(sets[name], rows) for rows in chosen)


# 4. Model. Word vectors, an LSTM in both directions, maximum and mean of its states over the real words, linear layer.
model = TextLSTM(gatewise.NetworkConfig(hidden_size=128), tokenizer.vocab_size, len(classes))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(options.epochs):  # 5. Train on all training reviews, then test on all test reviews.
    for batch in batches("train", epoch):
        total, count = model.train().loss(batch)
        optimizer.zero_grad()
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    with torch.no_grad():  # a score is: reviews judged rightly, the sum of their losses, their number
        right, loss, count = map(sum, zip(*map(model.eval().score, batches("test")), strict=True))
    print(f"Epoch: {epoch + 1}, Test Loss: {loss / count:.4f}, Test Acc: {right / count:.4f}", flush=True)
