"""The scripts' house plan: every file is one module that says in its first line what it uses, and uses it."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewise.pages import explain, report, tag_explain

JS = Path(report.__file__).parent / "js"
PAGES = {
    "report": report.SCRIPTS,
    "file": explain.scripts(),
    "live": explain.scripts(live=True),
    "tags": tag_explain.SCRIPTS,
}
FILES = sorted({name for names in PAGES.values() for name in names})
MODULE = re.compile(
    r"const (?P<name>\w+) = \(\((?P<takes>.*?)\) => \{\n  // (?P<says>.*?)\n(?P<body>.*?)"
    r"(?:\n  return \{ (?P<gives>[^{}]*) \};)?\n\}\)\((?P<uses>[\w, ]*)\);\n",
    re.DOTALL,
)
ALONE = {"live": "asking", "prepared": "asking"}  # two ways to give one thing


@dataclass(frozen=True)
class Module:
    name: str
    uses: dict[str, dict[str, str]]  # of each module, the names taken, and what each is called here
    gives: set[str]
    body: str


def names(listed: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", listed) if name]


def module(file: str) -> Module:
    source = (JS / f"{file}.js").read_text(encoding="utf-8")
    found = MODULE.fullmatch(source)
    assert found, f"{file}.js is not one module whose first line says what it uses"
    takes = [dict(re.findall(r"(\w+)(?:: (\w+))?", inside)) for inside in re.findall(r"\{([^{}]*)\}", found["takes"])]
    taken = [{name: renamed or name for name, renamed in one.items()} for one in takes]
    return Module(
        found["name"],
        dict(zip(names(found["uses"]), taken, strict=True)),
        set(names(found["gives"] or "")),
        found["body"],
    )


@pytest.mark.parametrize("file", FILES)
def test_scripts_are_named_as_their_file_and_use_all_they_take(file: str) -> None:
    own = module(file)
    stem = file.rpartition("/")[2]
    assert own.name == ALONE.get(stem, stem)
    here = [name for taken in own.uses.values() for name in taken.values()]
    assert len(set(here)) == len(here)
    for name in here:
        assert re.search(rf"(?<![\w.]){name}\b(?!:)|\.\.\.{name}\b", own.body), (
            f"{file} takes {name} and does not use it"
        )


@pytest.mark.parametrize("page", PAGES)
def test_scripts_use_only_what_an_earlier_one_gives(page: str) -> None:
    given: dict[str, set[str]] = {}
    for file in PAGES[page]:
        own = module(file)
        assert own.name not in given, f"{own.name} is there twice"
        for used, taken in own.uses.items():
            assert used in given, f"{file} uses {used}, which is not there yet"
            assert set(taken) <= given[used], f"{used} does not give {set(taken) - given[used]} to {file}"
        given[own.name] = own.gives


def test_scripts_give_nothing_that_nobody_takes() -> None:
    modules = [module(file) for file in FILES]
    taken = {(used, name) for own in modules for used, names_ in own.uses.items() for name in names_}
    assert {(own.name, name) for own in modules for name in own.gives} - taken == {
        ("numbers", "logistic")
    }  # its own test


def test_scripts_are_all_on_some_page() -> None:
    assert {str(path.relative_to(JS).with_suffix("")) for path in JS.rglob("*.js")} == set(FILES)


@pytest.mark.parametrize("page", PAGES)
def test_scripts_call_no_name_that_they_did_not_take(page: str) -> None:
    everything = {name for file in PAGES[page] for name in module(file).gives}
    for file in PAGES[page]:
        own = module(file)
        code = re.sub(r"//.*|\"[^\"\n]*\"", "", own.body)
        here = {name for taken in own.uses.values() for name in taken.values()}
        here |= set(re.findall(r"(?:const|let|function|\[|,|\{|\() ?(\w+)", code))  # declared in some way
        called = set(re.findall(r"(?<![\w.'`])(\w+)\(", code))
        assert (called & everything) - here == set(), file


def test_scripts_stay_readable() -> None:
    for path in JS.rglob("*.js"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 150, path
        assert max(map(len, lines)) <= 160, path
