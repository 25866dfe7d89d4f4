"""What ``pip install`` gives to somebody without the checkout: the files of the wheel, its needs, and that it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from shell import Run

import playitback
from playitback.checkpoint import available_checkpoints

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "assets" / "examples" / "knocks_then_clock.wav"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
OFFLINE = ("--no-index", "--no-deps")
IN_ENVIRONMENT = Path("Scripts" if os.name == "nt" else "bin")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout, without a network, with the hatchling that is here."""
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def build(target: str, folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it needs is lent by the one that runs the tests, the checkout is not."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / IN_ENVIRONMENT / "python"
    subprocess.run([python, *PIP, "install", *OFFLINE, wheel], check=True, env=surroundings())
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(
        subprocess.run(asked, check=True, capture_output=True, text=True, env=surroundings()).stdout.strip()
    )
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))
    return folder


def surroundings() -> dict[str, str]:
    """This process's variables but those that would show Python the checkout; Hugging Face is not asked."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "HF_HUB_OFFLINE": "1", "PYTHONNOUSERSITE": "1", "PYTHONIOENCODING": "utf-8"}


# what is in it


def test_wheel_holds_the_whole_package_and_nothing_of_the_page_or_the_tests(wheel: Path) -> None:
    """Scripts, styles and the schema, too; beside the package only what says what it is."""
    package = ROOT / "playitback"
    ignored = (".pyc", ".pyi", ".d.ts")  # written by Python, by gradio; read by the checker of the scripts alone
    here = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and not path.name.endswith(ignored) and path.name != ".DS_Store"
    }
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("playitback/checkpoints/")}
    assert {name for name in held if ".dist-info/" not in name} == here
    assert {Path(name).suffix for name in here} >= {".py", ".js", ".css", ".json", ".typed"}


def test_wheel_holds_every_bundled_checkpoint_without_what_only_the_repository_shows(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("playitback/checkpoints/")}
    files = {"README.md", "RECORDINGS.md", "config.json", "model.safetensors"}
    wanted = {f"playitback/checkpoints/{name}/{file}" for name in available_checkpoints() for file in files}
    foreign = "esc50-ast"  # in transformers' own format
    assert held == wanted | {f"playitback/checkpoints/{foreign}/preprocessor_config.json"}


def test_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """As ``pip`` builds it: from a folder that has nothing but what was packed."""
    packed = build("sdist", tmp_path / "packed")
    command = [sys.executable, *PIP, "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", tmp_path, packed]
    subprocess.run(command, check=True)
    (again,) = tmp_path.glob("*.whl")
    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    """Every file's checksum, by name."""
    return {entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).infolist()}


# what it says of itself


def test_version_stands_in_one_place(metadata: Message) -> None:
    assert metadata["Version"] == playitback.__version__
    assert playitback.__version__ not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_changelog_begins_with_this_version() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if line.startswith("## "))
    assert first.split()[1] == playitback.__version__


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.txt", {"page"}),
        ("requirements-mcp.txt", {"mcp"}),
        ("requirements-train.txt", {"page", "train"}),
        ("requirements-rivals.txt", {"page", "rivals"}),
        ("requirements-hub.txt", {"page", "hub"}),
        ("requirements-corpus.txt", {"page", "corpus"}),
        ("requirements-openvino.txt", {"page", "openvino"}),
        ("requirements-dev.txt", {"dev"}),
    ],
)
def test_requirements_are_those_of_the_package_and_its_extras(metadata: Message, file: str, extras: set[str]) -> None:
    assert required(ROOT / file) == demanded(metadata, extras)


def test_every_extra_has_its_requirements(metadata: Message) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "page",
        "mcp",
        "train",
        "rivals",
        "hub",
        "corpus",
        "openvino",
        "dev",
    }


def required(file: Path) -> set[str]:
    """What a requirements file lists, with the files that it reads."""
    found: set[str] = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = line.partition("#")[0].strip()
        if entry.startswith("-r "):
            found |= required(file.parent / entry.removeprefix("-r "))
        elif entry:
            found.add(normalised(Requirement(entry)))
    return found


def demanded(metadata: Message, extras: set[str]) -> set[str]:
    """What ``pip install playitback[extras]`` asks for."""
    entries = [Requirement(entry) for entry in metadata.get_all("Requires-Dist", [])]
    return {
        normalised(entry)
        for entry in entries
        if entry.marker is None or any(entry.marker.evaluate({"extra": extra}) for extra in extras)
    }


def normalised(entry: Requirement) -> str:
    """Name, extras and versions, spelled in one way."""
    extras = f"[{','.join(sorted(entry.extras))}]" if entry.extras else ""
    return f"{entry.name.lower().replace('_', '-')}{extras}{entry.specifier}"


# what it does


def test_installed_command_explains_as_the_checkout_does(environment: Path, run: Run, tmp_path: Path) -> None:
    """From a folder of its own, with the bundled weights, number for number."""
    settings = ["--files", "json", "--playbacks", "1", "--device", "cpu", "--json"]
    apart = tmp_path / "apart"
    apart.mkdir()
    command = [environment / IN_ENVIRONMENT / "playitback", "explain", EXAMPLE, "--out", apart / "out", *settings]
    installed = subprocess.run(
        command, cwd=apart, env=surroundings(), capture_output=True, encoding="utf-8", check=False
    )
    assert (installed.returncode, installed.stderr) == (0, "")

    status, output, _ = run("explain", EXAMPLE, "--out", tmp_path / "here", *settings)
    assert status == 0
    (answer,), (expected,) = json.loads(installed.stdout), json.loads(output)
    folders = Path(answer.pop("folder")), Path(expected.pop("folder"))
    assert folders == (apart / "out" / EXAMPLE.stem, tmp_path / "here" / EXAMPLE.stem)
    assert answer == expected
    assert len(answer["hearings"]) == 2
    assert (folders[0] / "explanation.json").read_bytes() == (folders[1] / "explanation.json").read_bytes()


def test_installed_package_is_the_wheel_and_not_the_checkout(environment: Path, tmp_path: Path) -> None:
    program = (
        "import importlib.util, json, playitback, playitback.checkpoint as checkpoint\n"
        "from playitback.report import html, player\n"
        "print(json.dumps([playitback.__file__, str(checkpoint.BUNDLED), importlib.util.find_spec('app') is None]))"
    )
    asked = [environment / IN_ENVIRONMENT / "python", "-c", program]
    answer = subprocess.run(asked, cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=True)
    package, bundled, is_alone = json.loads(answer.stdout)
    assert Path(package).is_relative_to(environment)
    assert Path(bundled) == Path(package).parent / "checkpoints"
    assert is_alone
