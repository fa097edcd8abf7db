"""The Python interface in one go: fit on lists, predict, save, load. Takes a few seconds."""

import tempfile
from pathlib import Path

import gatewise

GOOD = ["lovely", "wonderful", "excellent", "delightful", "perfect"]
BAD = ["dirty", "terrible", "noisy", "disappointing", "awful"]
THINGS = ["room", "breakfast", "staff", "view", "bed", "pool", "service", "lobby"]
texts = [f"The {thing} was {word}." for thing in THINGS for word in GOOD + BAD]
labels = ["good" if word in GOOD else "bad" for _ in THINGS for word in GOOD + BAD]

# Every argument is a setting, as `gatewise train --help` lists them; what is not given keeps its default. So little
# text wants small batches, rare words kept, and little noise; on real text begin with LSTMClassifier(random_state=1).
classifier = gatewise.LSTMClassifier(
    hidden_size=32, epochs=12, batch_texts=8, min_count=1, word_dropout=0.0, embedding_dropout=0.2, random_state=1
)
classifier.fit(texts, labels)

new = ["The garden was lovely.", "What an awful, noisy place."]
print("labels       ", classifier.predict(new).tolist())
print("probabilities", classifier.predict_proba(new).round(3).tolist(), "for", classifier.classes_.tolist())

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "hotel-model"
    classifier.save(path)
    print("saved        ", sorted(file.name for file in path.iterdir()))
    model = gatewise.load(path)  # a Model: arrays that NumPy answers with; no torch, no pickle

print("loaded       ", model.predict(new))
assert model.predict(new) == classifier.predict(new).tolist()
