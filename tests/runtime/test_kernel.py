"""Every path of this CPU reads as the six equations do, in any size, length and company, and writes nowhere else."""

import ctypes.util
import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.base.errors import ConfigError, ModelError
from gatewise.base.settings import NetworkConfig
from gatewise.runtime import cell, engine, network
from gatewise.runtime.batches import Sequences
from gatewise.runtime.cell import CellWeights
from gatewise.runtime.folder import load
from gatewise.runtime.kernel import cells, library, pooling
from gatewise.runtime.kernel.cells import GRU, LSTM, PackedCell, encode, pack, project, read
from gatewise.runtime.storage import in_bytes, packed

FOLDER = Path(library.__file__).parent
DRIVER = Path(__file__).parents[1] / "fixtures" / "kernel_fuzz.c"
PATHS = library.paths()
pytestmark = pytest.mark.skipif(not PATHS, reason="this gatewise was built without a C compiler")
EXACT, ROUNDED, FAST = 2e-5, 1e-3, 0.1  # how near: weights in 32 bits; in 8 bits, states in 15; states in 8 bits


def weights_of(hidden: int, inputs: int, gates: int = LSTM, *, rounded: bool = False, seed: int = 0) -> CellWeights:
    """Draw weights; rounded ones stand for int8 with a scale a row."""
    random = np.random.default_rng(seed)
    arrays = {
        "input": random.normal(size=(gates * hidden, inputs)) / np.sqrt(inputs),
        "recurrent": random.normal(size=(gates * hidden, hidden)) / np.sqrt(hidden),
    }
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    if rounded:
        stored = packed(arrays, "int8")
        arrays = {name: stored[name] * stored[f"{name}.scale"][:, None] for name in arrays}
    return CellWeights(**arrays, bias=random.normal(size=gates * hidden).astype(np.float32) * 0.5)


def gru_states(vectors: np.ndarray, weights: CellWeights, extra: np.ndarray) -> np.ndarray:
    """Cho et al. (2014) as torch has it: the reset gate acts after the product."""
    state, states = np.zeros(weights.recurrent.shape[1]), []
    for row in vectors @ weights.input.T.astype(np.float64) + weights.bias:
        r, z, n = np.split(row, 3)
        own_r, own_z, own_n = np.split(weights.recurrent.astype(np.float64) @ state, 3)
        reset, update = cell.sigmoid(r + own_r), cell.sigmoid(z + own_z)
        candidate = np.tanh(n + reset * (own_n + extra))
        state = (1 - update) * candidate + update * state
        states.append(state)
    return np.array(states).reshape(-1, len(state))


def states_of(vectors: np.ndarray, weights: CellWeights, extra: np.ndarray | None, backward: bool) -> np.ndarray:
    """Read one text by the reference, in the text's own order."""
    turned = vectors[::-1] if backward else vectors
    if not len(vectors):
        states = np.empty((0, weights.recurrent.shape[1]))
    elif extra is None:
        states = cell.run(turned.astype(np.float64), weights).states
    else:
        states = gru_states(turned.astype(np.float64), weights, extra)
    return states[::-1] if backward else states


def fall(lengths: list[int]) -> np.ndarray:
    return np.array(sorted(lengths, reverse=True), np.int32)


LENGTHS = st.lists(st.integers(0, 9), max_size=12) | st.lists(st.integers(0, 4), min_size=45, max_size=110)


@given(
    path=st.sampled_from(PATHS or ("none",)), gates=st.sampled_from([LSTM, GRU]), hidden=st.integers(1, 70),
    inputs=st.integers(1, 40), lengths=LENGTHS, kind=st.sampled_from(["floats", "rounded", "rows", "fast"]),
    backward=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_kernel_every_path_equals_the_equations(path, gates, hidden, inputs, lengths, kind, backward, seed):
    random = np.random.default_rng(seed)
    weights = weights_of(hidden, inputs, gates, rounded=kind != "floats", seed=seed)
    extra = random.normal(size=hidden).astype(np.float32) if gates == GRU else None
    own = pack(weights, path, recurrent_bias=extra)
    lengths = fall(lengths)
    rows, scale = random.normal(size=(17, inputs)).astype(np.float32), None
    if kind != "floats" and kind != "rows":  # the words of a folder in int8
        stored = packed({"w": rows}, "int8")
        rows, scale = stored["w"], stored["w.scale"]
    vectors = rows if scale is None else rows * scale[:, None]
    places = random.integers(0, 17, lengths.sum())
    states = np.full((len(places), hidden), np.nan, np.float32)
    sums = project(own, rows, scale)
    found = read(own, sums, 17, places, lengths, backward=backward, fast=kind == "fast", states=states)
    near = {"floats": EXACT if hidden * inputs > 1 else ROUNDED, "fast": FAST}.get(kind, ROUNDED)
    for text, part in enumerate(np.split(np.arange(len(places)), np.cumsum(lengths)[:-1]) if len(lengths) else []):
        expected = states_of(vectors[places[part]], weights, extra, backward)
        np.testing.assert_allclose(states[part], expected, atol=near)
        if not len(part):
            expected = np.zeros((1, hidden))
        np.testing.assert_allclose(found.highest[text], expected.max(axis=0), atol=near)
        np.testing.assert_allclose(found.mean[text], expected.mean(axis=0), atol=near)
        np.testing.assert_allclose(found.last[text], expected[0 if backward else -1], atol=near)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("rounded", "fast"), [(False, False), (True, False), (True, True)])
def test_kernel_a_text_gives_the_same_bits_in_any_company(path, rounded, fast):
    own = pack(weights_of(37, 9, rounded=rounded), path)
    random, lengths = np.random.default_rng(1), fall([*range(60), 5, 5, 5])
    places = random.integers(0, 30, lengths.sum())
    rows = random.normal(size=(30, 9)).astype(np.float32)
    together = read(own, project(own, rows), 30, places, lengths, fast=fast)
    for text, part in enumerate(np.split(places, np.cumsum(lengths)[:-1])):
        words, few = np.unique(part, return_inverse=True)  # its rows are projected in other company too
        alone = read(own, project(own, rows[words]), len(words), few, lengths[text : text + 1], fast=fast)
        for name in ("highest", "mean", "last"):
            assert getattr(alone, name)[0].tobytes() == getattr(together, name)[text].tobytes()


@pytest.mark.parametrize("path", PATHS)
def test_kernel_two_threads_do_not_disturb_each_other(path):
    own = pack(weights_of(48, 20, rounded=True), path)
    random = np.random.default_rng(0)
    rows = random.normal(size=(50, 20)).astype(np.float32)
    jobs = [(random.integers(0, 50, 60 * 40), np.full(60, 40, np.int32)) for _ in range(2)]

    def answer(places, lengths):
        return read(own, project(own, rows), 50, places, lengths).mean.tobytes()

    expected, found = [answer(*job) for job in jobs], [[], []]

    def work(number):
        for _ in range(8):
            found[number].append(answer(*jobs[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [set(part) for part in found] == [{bits} for bits in expected]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("rounded", [False, True])
def test_kernel_stacked_layers_equal_the_reference(path, rounded):
    layers = [
        [weights_of(size, width, rounded=rounded, seed=side) for side in range(2)] for size, width in ((7, 5), (9, 14))
    ]
    rows = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    lengths, places = np.array([6, 3, 1]), np.random.default_rng(1).integers(0, 6, 10)
    own = [[pack(weights, path) for weights in directions] for directions in layers]
    sides, states = encode(own, rows, None, places, lengths, wanted=True)
    for text, part in enumerate(np.split(np.arange(10), [6, 9])):
        top = np.concatenate([t.states for t in cell.encode(rows[places[part]].astype(np.float64), layers)[-1]], axis=1)
        near = ROUNDED if rounded else EXACT
        np.testing.assert_allclose(states[part], top, atol=near)
        last = np.concatenate([side.last[text] for side in sides])
        np.testing.assert_allclose(last, cell.pool(top, 9, ["last"]), atol=near)


def shape_of(name: str, **changes: int) -> library.Shape:
    return library.Shape(**{"path": library.PATHS[name], "stored": 1, "gates": 4, "hidden": 5, "inputs": 3} | changes)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [({"hidden": 0}, 1), ({"hidden": 32769}, 1), ({"inputs": -1}, 1), ({"gates": 5}, 1), ({"stored": 2}, 1),
     ({"path": 4}, 2), ({"path": -1}, 2), ({"path": 99}, 2)],
)  # fmt: skip
def test_kernel_refuses_shapes_by_a_code(changes, fault):
    own, shape = library.library(), shape_of(PATHS[0], **changes)
    assert own.gw_packed_bytes(shape) == own.gw_sums_count(shape, 1) == own.gw_scratch_bytes(shape, 1) == 0
    room = np.zeros(4096, np.uint8).ctypes.data
    assert own.gw_pack(shape, room, room, room, room, room, None, room, 4096) == fault


@pytest.mark.parametrize("path", PATHS)
def test_kernel_refuses_wrong_sizes_by_a_code_and_writes_nothing(path):
    own, made = library.library(), pack(weights_of(5, 3, rounded=True), path)
    rows, sums = np.ones((4, 3), np.float32), project(made, np.ones((4, 3), np.float32))
    places, lengths = np.array([0, 1, 2, 3, 3], np.int32), np.array([3, 2], np.int32)
    pooled, scratch = np.full((2, 5), 7, np.float32), np.empty(own.gw_scratch_bytes(made.shape, 2), np.uint8)
    good = {
        "shape": made.shape, "packed": made.weights.ctypes.data, "bytes": made.weights.nbytes,
        "sums": sums.ctypes.data, "count": sums.size, "words": 4, "places": places.ctypes.data, "tokens": 5,
        "lengths": lengths.ctypes.data, "texts": 2, "flags": 0, "highest": pooled.ctypes.data, "mean": None,
        "last": None, "stride": 5, "states": None, "states_stride": 0, "scratch": scratch.ctypes.data,
        "scratch_bytes": scratch.nbytes,
    }  # fmt: skip
    other = pack(weights_of(6, 3, rounded=True), path)
    wrong = [
        ("packed", None, 3), ("bytes", made.weights.nbytes - 1, 4), ("packed", other.weights.ctypes.data, 5),
        ("sums", None, 3), ("count", sums.size - 1, 4), ("words", 3, 7), ("words", -1, 1), ("tokens", 4, 6),
        ("tokens", -5, 1), ("lengths", np.array([2, 3], np.int32), 6), ("lengths", np.array([6, -1], np.int32), 6),
        ("texts", 1, 6), ("texts", 0, 6), ("flags", 4, 1), ("stride", 4, 1), ("states", pooled.ctypes.data, 1),
        ("scratch", None, 3), ("scratch_bytes", scratch.nbytes - 1, 4), ("places", None, 3),
        ("places", np.array([0, 1, 2, 3, -1], np.int32), 7), ("shape", shape_of(path, gates=7), 1),
    ]  # fmt: skip
    for name, value, fault in wrong:
        given = value.ctypes.data if isinstance(value, np.ndarray) else value
        assert own.gw_read(*(good | {name: given}).values()) == fault, (name, value)
    assert (pooled == 7).all()
    assert own.gw_read(*good.values()) == 0 and (pooled != 7).all()
    project_good = [made.shape, made.weights.ctypes.data, made.weights.nbytes, rows.ctypes.data, None, 4,
                    sums.ctypes.data, sums.size, scratch.ctypes.data, scratch.nbytes]  # fmt: skip
    assert own.gw_project(*project_good) == 0
    for place, value, fault in [(3, None, 3), (5, 5, 4), (5, -1, 1), (7, sums.size - 1, 4), (9, 0, 4), (6, None, 3)]:
        assert own.gw_project(*project_good[:place], value, *project_good[place + 1 :]) == fault


def test_kernel_python_refuses_what_does_not_fit_before_the_call():
    path, good = PATHS[0], weights_of(5, 3)
    for name, *size in (("bias", 19), ("input", 19, 3), ("recurrent", 20, 0), ("recurrent", 25, 5)):
        change = {name: np.zeros(size, np.float32)}
        with pytest.raises(ModelError, match="make no cell"):
            pack(dataclasses.replace(good, **change), path)
    with pytest.raises(ModelError, match="make no cell"):
        pack(good, path, recurrent_bias=np.zeros(5, np.float32))  # an LSTM has none
    for bad in (np.nan, np.inf):
        spoilt = good.recurrent.copy()
        spoilt[2, 1] = bad
        with pytest.raises(ModelError, match="no finite numbers"):
            pack(dataclasses.replace(good, recurrent=spoilt), path)
    made = pack(good, path)
    with pytest.raises(ModelError, match="do not fit a cell that reads 3"):
        project(made, np.zeros((2, 4), np.float32))
    with pytest.raises(ModelError, match="are not those of 2 steps"):
        read(made, project(made, np.zeros((1, 3), np.float32)), 1, np.zeros(2, np.int32), np.array([2], np.int32),
             states=np.zeros((3, 5), np.float32))  # fmt: skip
    with pytest.raises(ModelError, match=r"refused a call of gw_read \(place of a row\)"):
        read(made, project(made, np.zeros((1, 3), np.float32)), 1, np.ones(1, np.int32), np.ones(1, np.int32))


def test_kernel_weights_of_a_folder_in_int8_stay_int8():
    exact = weights_of(33, 9, rounded=True)
    values, scale = in_bytes(exact.recurrent)
    assert np.abs(values).max(axis=1).min() == 127
    np.testing.assert_allclose(values * scale[:, None], exact.recurrent, rtol=1e-6)
    assert pack(exact, PATHS[0]).rounded and not pack(weights_of(33, 9), PATHS[0]).rounded
    assert in_bytes(np.zeros((3, 2), np.float32))[0].tolist() == [[0, 0]] * 3


@pytest.fixture(scope="module")
def sentiment():
    model = load("sentiment-en")
    words = ["a", "fine", "film", "was", "not", "good", "at", "all", "until", "the", "end", ",", "which", "nobody"]
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(words, length)) for length in (*random.integers(1, 60, 24), 1)]
    return model.network, model.encode(texts)


@pytest.mark.parametrize("path", PATHS)
def test_kernel_a_bundled_model_answers_as_by_numpy(sentiment, path, monkeypatch):
    own, texts = sentiment
    monkeypatch.setenv(library.VARIABLE, "numpy")
    expected = engine.logits_of(own, texts)
    monkeypatch.setenv(library.VARIABLE, path)
    exact, fast = engine.logits_of(own, texts), engine.logits_of(own, texts, fast=True)
    np.testing.assert_allclose(exact, expected, atol=2e-4)
    np.testing.assert_allclose(fast, expected, atol=0.05)
    assert not np.array_equal(exact, expected)  # it was another engine indeed
    for row in (0, 24):
        alone = engine.logits_of(own, texts.select(np.array([row])), fast=True)
        np.testing.assert_allclose(alone[0], fast[row], atol=1e-5)


def small(rounded: bool = False) -> network.Network:
    config = NetworkConfig(embedding_dim=5, hidden_size=6, bidirectional=True, pooling=("last", "max"))
    random = np.random.default_rng(0)
    table = network.Table(random.normal(size=(20, 5)).astype(np.float32))
    layers = [[weights_of(6, 5, seed=seed, rounded=rounded) for seed in (1, 2)]]
    head = random.normal(size=(3, 24)).astype(np.float32)
    return network.Network(config, table, layers, head, np.zeros(3, np.float32))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("rounded", [False, True])
def test_kernel_pools_in_the_order_of_the_network(path, rounded):
    own, lengths = small(rounded), np.array([4, 4, 1])
    ids = np.array([3, 3, 9, 19, 0, 1, 2, 3, 7])
    near = ROUNDED if rounded else EXACT
    np.testing.assert_allclose(pooling.pooled(own, ids, lengths, path), network.pooled(own, ids, lengths), atol=near)


def test_kernel_packs_a_network_once_and_forgets_it_with_it():
    own = small()
    first = pooling.packed(own, PATHS[-1])
    assert pooling.packed(own, PATHS[-1]) is first
    changed = dataclasses.replace(own, layers=[[weights_of(6, 5, seed=seed) for seed in (3, 4)]])
    assert pooling.packed(changed, PATHS[-1]) is not first
    before = len(pooling._PACKED)
    del own, first
    assert len(pooling._PACKED) == before - 1


def test_kernel_leaves_weights_that_are_no_numbers_to_numpy(monkeypatch):
    own = small()
    own.layers[0][1].recurrent[0, 0] = np.nan
    monkeypatch.setenv(library.VARIABLE, PATHS[0])
    texts = Sequences(np.array([1, 2, 3]), np.array([0, 3]), np.array([-1]))
    assert pooling.path_for(own) is None and np.isnan(engine.logits_of(own, texts)).any()


def test_kernel_vectors_that_are_no_numbers_are_not_answered_as_if_they_were(monkeypatch):
    own = small()
    own.embedding.values[2] = np.nan
    monkeypatch.setenv(library.VARIABLE, PATHS[0])
    texts = Sequences(np.array([1, 2, 3, 3]), np.array([0, 3, 4]), np.array([-1, -1]))
    assert np.isnan(engine.logits_of(own, texts)[0]).all()
    assert np.isfinite(engine.logits_of(own, texts.select(np.array([1])))).all()


def test_kernel_the_engine_is_chosen_by_name(monkeypatch):
    monkeypatch.delenv(library.VARIABLE, raising=False)
    assert library.engine() == PATHS[0]
    monkeypatch.setenv(library.VARIABLE, "numpy")
    assert library.engine() == "numpy" and pooling.path_for(small()) is None
    monkeypatch.setenv(library.VARIABLE, "neom")
    with pytest.raises(ConfigError, match=r"GATEWISE_ENGINE is 'neom', which is not here; choose one of .*numpy"):
        library.engine()


@pytest.mark.parametrize("content", [None, b"no library", "libm"])
def test_kernel_a_missing_or_foreign_library_leaves_numpy(tmp_path, monkeypatch, content):
    place = tmp_path / "kernel.so"
    if isinstance(content, bytes):
        place.write_bytes(content)
    elif content:
        place = Path(ctypes.util.find_library("m") or "libm.so.6")
    monkeypatch.setattr(library, "PLACE", place)
    monkeypatch.setattr(library, "library", library.library.__wrapped__)
    monkeypatch.delenv(library.VARIABLE, raising=False)
    assert library.paths() == () and library.engine() == "numpy"


def test_kernel_faults_and_paths_have_the_numbers_of_the_header():
    header = (FOLDER / "kernel.h").read_text(encoding="utf-8")
    faults = header.split("enum { GW_OK,")[1].split("}")[0].split(",")
    assert len(faults) == len(cells.FAULTS) - 1
    names = header.split("enum { GW_PLAIN")[1].split("}")[0].replace("GW_", "").lower().split(", ")
    numbers = {name.strip(" ,"): number for number, name in enumerate(["plain", *names[1:]])}
    ours = {"c": "plain", "avx512-vnni": "avx512"}
    assert {name: numbers[ours.get(name, name)] for name in library.PATHS} == library.PATHS
    assert f"#define GW_CONTRACT {library.CONTRACT} " in header and f"GW_MOST = {cells.MOST} " in header
    assert isinstance(pack(weights_of(2, 2), PATHS[0]), PackedCell)


def compiler(*options: str) -> list[str]:
    found = next((name for name in ("gcc", "cc", "clang") if shutil.which(name)), None)
    if not found:
        pytest.skip("there is no C compiler")
    return [found, "-std=gnu11", "-Wno-psabi", "-I", str(FOLDER), *options]


def test_kernel_is_clean_under_sanitizers(tmp_path):
    """Random shapes and sizes, every buffer exactly as large as asked; benchmarks/fuzz_kernel.py does it for hours."""
    sanitized = ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    (tmp_path / "empty.c").write_text("int main(void) { return 0; }\n")
    probe = subprocess.run(
        [*compiler(*sanitized), "-o", tmp_path / "probe", tmp_path / "empty.c"], capture_output=True, check=False
    )
    if probe.returncode:
        pytest.skip("this compiler has no sanitizers")
    subprocess.run([*compiler(*sanitized), "-o", tmp_path / "fuzz", DRIVER, "-lm"], check=True, capture_output=True)
    done = subprocess.run([tmp_path / "fuzz", "7", "60"], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[0]) > 1000


def test_kernel_compiles_without_a_warning(tmp_path):
    done = subprocess.run(
        [*compiler("-O0", "-Wall", "-Wextra", "-shared", "-fPIC"), "-o", tmp_path / "kernel.so", FOLDER / "kernel.c"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_kernel_version_says_which_engine_answers():
    for name in (PATHS[-1], "numpy"):
        done = subprocess.run(
            [sys.executable, "-m", "gatewise", "--version"], env=os.environ | {library.VARIABLE: name},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.endswith(f" ({name})\n")
