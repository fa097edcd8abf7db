"""The colours that mean something differ for every kind of eye, in both schemes, and can be seen on their paper."""

import itertools
import re
from importlib import resources

import numpy as np
import pytest

# What a colour becomes for who lacks one kind of cones (Machado, Oliveira & Fernandes 2009, severity 1), in linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
GATES = ("--forget-gate", "--input-gate", "--candidate", "--output-gate")
MEANINGS = {
    "explain": ("--for", "--against", *GATES), "report": ("--right", "--wrong"), "tagging": ("--right", "--wrong"),
}  # fmt: skip
APART = 15  # in CIELAB, where 2 is just seen side by side


def colours(name: str, scheme: str) -> dict[str, np.ndarray]:
    """Give the variables of page.css and another style in a scheme, linear RGB."""
    folder = resources.files("gatewise.pages").joinpath("css")
    found: dict[str, np.ndarray] = {}
    for file in ("page", name):
        plain, *dark = folder.joinpath(f"{file}.css").read_text(encoding="utf-8").split("prefers-color-scheme: dark", 1)
        roots = [plain] + [part[: part.index("}\n}") if "}\n}" in part else part.index("} }")] for part in dark]
        for text in roots if scheme == "dark" else roots[:1]:
            for variable, value in re.findall(r"(--[\w-]+): #([0-9a-f]{3,6});", text):
                parts = np.array(
                    [int(part * (2 // len(part)), 16) for part in re.findall(".." if len(value) == 6 else ".", value)]
                )
                found[variable] = np.where(parts <= 10, parts / 255 / 12.92, ((parts / 255 + 0.055) / 1.055) ** 2.4)
    return found


def lab(linear: np.ndarray) -> np.ndarray:
    x, y, z = (np.cbrt(part) if part > 0.008856 else 7.787 * part + 16 / 116
               for part in TO_XYZ @ np.clip(linear, 0, 1) / np.array([0.95047, 1, 1.08883]))  # fmt: skip
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", MEANINGS)
def test_palette_colours_differ_for_every_eye(page: str, scheme: str, eye: str) -> None:
    known = colours(page, scheme)
    seen = {name: lab(np.array(EYES[eye]) @ known[name]) for name in (*MEANINGS[page], "--ink", "--soft")}
    near = {(a, b): float(np.linalg.norm(seen[a] - seen[b])) for a, b in itertools.combinations(seen, 2)}
    assert min(near.values()) >= APART, min(near, key=lambda pair: near[pair])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", MEANINGS)
def test_palette_colours_stand_out_from_the_paper(page: str, scheme: str) -> None:
    known = colours(page, scheme)
    light = {name: float((TO_XYZ @ linear)[1]) for name, linear in known.items()}
    for name, least in {**dict.fromkeys(MEANINGS[page], 3), "--ink": 7, "--soft": 4.5}.items():
        low, high = sorted((light[name], light["--paper"]))
        assert (high + 0.05) / (low + 0.05) >= least, name  # WCAG 2: graphics 3, text 4.5


@pytest.mark.parametrize("page", MEANINGS)
def test_palette_is_of_named_variables_only(page: str) -> None:
    """No rule has a colour of its own: what has one has it by its meaning."""
    for file in ("page", page):
        text = resources.files("gatewise.pages").joinpath("css", f"{file}.css").read_text(encoding="utf-8")
        bare = re.sub(r":root \{[^}]*\}|/\*.*?\*/", "", text, flags=re.DOTALL)
        assert re.findall(r"#[0-9a-f]{3,8}\b(?![\w-]* [{.:~>])|rgba?\(|hsla?\(", bare) == []
        assert set(re.findall(r"var\((--[\w-]+)\)", bare)) <= {
            *colours(page, "dark"),
            "--share",
            "--tint",
            "--own",
            "--bar",
        }
