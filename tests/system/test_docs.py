"""What the pages say of the project is so: rooms, modules, commands, translations; and a figure has one place."""

import re
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest
import typer.main

from gatewise.cli.main import app

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gatewise"
DOCS = ROOT / "docs"
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md")]
PAGES = [page for page in PAGES if page.name != "experiments.md"]  # a log: it calls things what they were called then


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_docs_the_readme_draws_what_stands() -> None:
    drawn = re.search(r"```text\nsrc/gatewise/\n(.*?)\ntests/", text_of(ROOT / "README.md"), re.DOTALL)
    assert drawn
    folders = set(re.findall(r"(\w+)/", drawn[1]))
    assert {path.parent.name for path in SOURCE.glob("**/*/__init__.py")} <= folders
    assert folders <= {path.name for path in SOURCE.rglob("*") if path.is_dir()}
    assert set(re.findall(r"\w+\.py", drawn[1])) <= {path.name for path in SOURCE.rglob("*.py")}


def test_docs_contributing_names_every_room_that_may_import() -> None:
    contributing = text_of(ROOT / "CONTRIBUTING.md").split("## Who may import whom")[1].split("\n## ")[0]
    assert [room for room in ROOMS if f"`{room}`" not in contributing] == []


def stands(path: str) -> bool:
    """Say whether a dotted path leads to a module of ours, or to a name in one."""
    try:
        return resolve_name(path) is not None
    except (ImportError, AttributeError):
        return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs_the_modules_that_a_page_names_stand(page: Path) -> None:
    dotted = set(re.findall(r"\bgatewise(?:\.[A-Za-z_]\w*)+", text_of(page)))
    assert [path for path in dotted if not stands(path)] == []
    files = set(re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w/]+)(?:\.pyi?)?`", text_of(page)))
    assert [path for path in files if not list(SOURCE.glob(f"{path}*"))] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CONTRIBUTING.md"], ids=str)
def test_docs_links_lead_somewhere(page: Path) -> None:
    """Those of the pages under docs/ are checked by `make docs`."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text_of(page)):
        place = page.parent / target if target else page
        assert place.exists(), target
        headings = re.findall(r"^#+ (.*)$", text_of(place), re.MULTILINE) if place.suffix == ".md" else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings]


@pytest.mark.parametrize("page", ["command-line.md", "zh.md"])
def test_docs_every_command_is_told(page: str) -> None:
    assert [command for command in commands() if f"gatewise {command}" not in text_of(DOCS / page)] == []


def commands() -> list[str]:
    there = typer.main.get_command(app).commands
    groups = ("tag", "forecast", "lab")
    return [*(name for name in there if name not in groups)] + [
        f"{group} {name}" for group in groups for name in there[group].commands
    ]


def test_docs_the_chinese_page_counts_the_commands_and_tells_what_is_translated() -> None:
    zh = text_of(DOCS / "zh.md")
    tens, ones = divmod(len(commands()), 10)
    assert f"全部{'十' * tens}{'零一二三四五六七八九'[ones]}条命令" in zh
    translated, english = zh.split("## 哪些有中文")[1].split("| 页面 |")
    pages = {page.name for page in DOCS.glob("*.md")} - {"zh.md", "index.md"}
    chinese = {name for name in pages if re.search(r"^zh-|-zh\.md$", name)}
    twins = {
        "lab.md", "how-an-lstm-decides.md", "tagging.md", "forecasting-data.md", "forecasting.md", "ship-it.md",
        "how-an-lstm-crf-reads.md",
    }  # fmt: skip
    assert set(re.findall(r"\(([\w-]+\.md)\)", translated)) == chinese
    assert set(re.findall(r"\(([\w-]+\.md)\)", english)) == pages - chinese - twins
    assert len(twins) == len(chinese)


def test_docs_say_both_installs_first() -> None:
    for page in ("README.md", "README.zh.md"):
        screen = "\n".join(text_of(ROOT / page).splitlines()[:24])
        assert "`pip install .`" in screen and "`pip install '.[train]'`" in screen


@pytest.mark.parametrize("figure", ["94.22", "87.7", "--resume"])
def test_docs_a_figure_stands_on_one_page(figure: str) -> None:
    pages = [page.name for page in PAGES if figure in text_of(page) and page.name != "CHANGELOG.md"]
    assert len(pages) == 1


def test_docs_chinese_pages_say_that_they_are_chinese(tmp_path: Path) -> None:
    """Build a page of each kind with the settings of the docs."""
    pytest.importorskip("furo")
    for name in ("index", "zh", "zh-lab", "cell-zh"):
        (tmp_path / f"{name}.md").write_text(f"---\norphan: true\n---\n# {name}\n", encoding="utf-8")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-c", DOCS, tmp_path, tmp_path / "out"]
    subprocess.run(build, check=True, timeout=120)
    languages = {}
    for name in ("index", "zh", "zh-lab", "cell-zh"):
        languages[name] = re.findall(r'<html[^>]* lang="([^"]*)"', text_of(tmp_path / "out" / f"{name}.html"))
    assert languages == {"index": ["en"], "zh": ["zh-CN"], "zh-lab": ["zh-CN"], "cell-zh": ["zh-CN"]}
