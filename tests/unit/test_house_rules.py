"""The house rules that a reader would otherwise have to check by eye: who imports what, and what is documented."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
import yaml
from status_state_controller.report import sentence

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("status-state-api", "status-state-controller")
MODULES = sorted(file for service in SERVICES for file in (ROOT / service / "app").glob("**/*.py"))
LONGEST_FILE_LINES = 400
TWINS = (
    "durations.py",
    "logs.py",
    "masking.py",
    "printable.py",
    "protection.py",
    "same_engine.py",
    "process/own_id.py",
    "process/threads.py",
)


def short(file: Path) -> str:
    """A file's path as people name it."""
    return str(file.relative_to(ROOT))


@cache
def tree_of(file: Path) -> ast.Module:
    """The file, parsed; not to be changed."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=short(file))


def at_run_time(file: Path) -> ast.Module:
    """The file without what only type checkers read."""

    class Remover(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                return node.orelse
            return self.generic_visit(node)

    return Remover().visit(ast.parse(file.read_text(encoding="utf-8")))


def imported(tree: ast.Module) -> set[str]:
    """The top names of what is imported absolutely, apart from the reading of URLs, which asks nobody."""
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module != "urllib.parse":
            names.add((node.module or "").split(".")[0])
    return names


def test_both_services_are_looked_at() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in MODULES} == set(SERVICES)


@pytest.mark.parametrize("twin", TWINS)
def test_what_both_services_need_is_the_same_file_in_both(twin: str) -> None:
    one, other = ((ROOT / service / "app" / twin).read_bytes() for service in SERVICES)
    assert one == other, f"copy app/{twin} from one service to the other"


def test_the_import_rules_hold() -> None:
    # Who may import whom, what is pure and who knows the Docker SDK is written in pyproject.toml.
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests" / "packages")}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_room_holds_about_ten_files() -> None:
    crowded = Counter(file.parent for file in MODULES if file.name != "__init__.py")
    assert {short(room): files for room, files in crowded.items() if files > 12} == {}


def test_a_service_imports_itself_relatively_and_never_the_other() -> None:
    packages = {"app", "status_state_api", "status_state_controller"}
    assert [short(file) for file in MODULES if imported(tree_of(file)) & packages] == []


PURE_ROOMS = (
    "status-state-controller/app/notify/grouping",
    "status-state-controller/app/notify/message",
    "status-state-controller/app/notify/occasions",
    "status-state-controller/app/notify/targets",
    "status-state-controller/app/plan/",
    "status-state-api/app/health/judging",
    "status-state-api/app/pauses/pause",
    "status-state-api/app/snapshot/change.py",
    "status-state-api/app/snapshot/start/decide",
    "status-state-api/app/snapshot/definitions",
)


def test_a_decision_has_no_clock() -> None:
    clocks = {"now", "utcnow", "today", "monotonic", "open", "print", "getenv", "signal", "alarm"}
    pure = [file for file in MODULES if short(file).startswith(PURE_ROOMS)]
    assert len(pure) > 5
    assert [
        f"{short(file)}:{call.lineno}"
        for file in pure
        for call in ast.walk(at_run_time(file))
        if isinstance(call, ast.Call) and ast.unparse(call.func).rsplit(".", 1)[-1] in clocks
    ] == []


def called_at_import(body: list[ast.stmt]) -> set[str]:
    """The calls that are made when a module is imported: outside of functions, and in decorators and defaults."""
    names = set[str]()
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            continue
        if isinstance(node, ast.ClassDef):
            names |= called_at_import(node.body)
            continue
        parts: list[ast.AST] = [node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
        lambdas = {
            id(inner)
            for part in parts
            for outer in ast.walk(part)
            if isinstance(outer, ast.Lambda)
            for inner in ast.walk(outer)
        }
        calls = [
            node for part in parts for node in ast.walk(part) if isinstance(node, ast.Call) and id(node) not in lambdas
        ]
        names |= {ast.unparse(call.func) for call in calls}
    return names


def test_nothing_is_done_at_import() -> None:
    impure = {"open", "print", "input", "exec", "eval", "create_app", "FastAPI", "APIClient", "run", "connect", "now"}
    rooms = {"asyncio", "docker", "httpx", "os", "requests", "signal", "socket", "sys", "threading", "time"}
    calls = {
        f"{short(file)}: {name}"
        for file in MODULES
        for name in called_at_import(at_run_time(file).body)
        if name.rsplit(".", 1)[-1] in impure or ("." in name and name.split(".")[0] in rooms)
    }
    assert calls == set()


def test_every_module_says_what_it_is_for() -> None:
    assert [short(file) for file in MODULES if not ast.get_docstring(tree_of(file))] == []


def settings_of(service: str, prefix: str) -> list[str]:
    """The environment variables that a service reads as settings."""
    file = ROOT / service / "app" / "settings.py"
    classes = [node for node in tree_of(file).body if isinstance(node, ast.ClassDef)]
    fields = [
        node.target.id
        for one in classes
        if any("BaseSettings" in ast.unparse(base) for base in one.bases)
        for node in one.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert fields, f"no settings were found in {short(file)}"
    return [f"{prefix}{name.upper()}" for name in fields if name != "model_config"]


@pytest.mark.parametrize("document", ["docs/settings.md", "docker-compose.yaml"])
@pytest.mark.parametrize(("service", "prefix"), [("status-state-api", "SSA_"), ("status-state-controller", "SSC_")])
def test_every_setting_is_documented(service: str, prefix: str, document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert [name for name in settings_of(service, prefix) if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize(
    "document", ["README.md", "docs/settings.md", "docs/kubernetes.md", "docs/operations.md", "docker-compose.yaml"]
)
def test_no_setting_is_documented_that_does_not_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    known = {*settings_of("status-state-api", "SSA_"), *settings_of("status-state-controller", "SSC_")}
    assert sorted(set(re.findall(r"\b(?:SSA|SSC)_[A-Z][A-Z_]*[A-Z]\b", text)) - known) == []


TOLD_BY_EVENTS = SERVICES
LOG_METHODS = {"debug", "info", "warning", "error", "critical", "exception"}


def log_calls(service: str) -> list[tuple[str, ast.Call]]:
    """Every call that logs something, with its place."""
    return [
        (f"{short(file)}:{node.lineno}", node)
        for file in MODULES
        if short(file).startswith(f"{service}/")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOG_METHODS
        and ast.unparse(node.func.value).split(".")[-1] in {"log", "_log", "logger"}
    ]


TELLS_FOR_OTHERS = ("process/lasting.py", "report/reporter.py")
"""The files of the controller that log what is named where it is found."""


def names_for_others(service: str) -> set[str]:
    """The events that are named where something is found, and logged elsewhere."""
    names = set[str]()
    for file in (file for file in MODULES if short(file).startswith(f"{service}/")):
        for node in ast.walk(tree_of(file)):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Attribute) and node.func.attr in {"begins", "awaits", "ends"}:
                names |= {one.value for one in node.args[1:2] if isinstance(one, ast.Constant)}
            if ast.unparse(node.func) == "Notice":
                words = [one.value for one in node.keywords if one.arg in {"event", "ended_event"}]
                names |= {one.value for one in words if isinstance(one, ast.Constant)}
    if service == "status-state-controller":
        names |= {*sentence.EVENTS.values(), sentence.DRIFT_REPORTED, *chain(*sentence.OF_VERBS.values())}
    return {str(name) for name in names}


def event_of(call: ast.Call) -> str:
    """The name of an event that is written in the call itself; empty when there is none."""
    written = re.fullmatch(r"'([a-z]+(?:_[a-z]+)*)'", ", ".join(map(ast.unparse, call.args)))
    return written[1] if written else ""


@pytest.mark.parametrize("service", TOLD_BY_EVENTS)
def test_every_log_line_is_an_event_by_name_with_a_sentence(service: str) -> None:
    calls = log_calls(service)
    assert len(calls) > 10
    assert [
        place for place, call in calls if not event_of(call) and not place.split(":")[0].endswith(TELLS_FOR_OTHERS)
    ] == []
    assert [place for place, call in calls if "message" not in {keyword.arg for keyword in call.keywords}] == []


@pytest.mark.parametrize("service", TOLD_BY_EVENTS)
def test_every_event_is_explained_and_no_other(service: str) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {service}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", section, re.MULTILINE)
    explained = [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(explained) == sorted(
        {event_of(call) for _, call in log_calls(service)} - {""} | names_for_others(service)
    )


def files_of_the_repository() -> list[Path]:
    """Every file that git knows or would take in, as far as it holds text that people write."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file() and not name.endswith((".png", ".ico"))]


def test_every_file_holds_one_thought() -> None:
    written = [
        file
        for file in files_of_the_repository()
        if (file.suffix in {".py", ".sh", ".js", ".css"} or file.name == "Makefile")
        and not short(file).startswith("tests/")  # a table of cases may be as long as it is
    ]
    assert len(written) > len(MODULES)
    lengths = {short(file): len(file.read_text(encoding="utf-8").splitlines()) for file in written}
    assert {name: lines for name, lines in lengths.items() if lines >= LONGEST_FILE_LINES} == {}


def test_no_file_names_a_package_index_or_a_mirror() -> None:
    # Written in parts, so that this file passes its own test.
    hosts = [
        "pypi" + r"\.org",
        "python" + r"hosted\.org",
        "(?:deb|ftp|security|archive)" + r"\.(?:[a-z]+\.)?debian\.org",
    ]
    hosts += [r"archive\." + "ubuntu", r"https?://[^\s\"'/]*(?:mirror|artifactory|nexus|proxy)" + r"[^\s\"'/]*\."]
    hosts += ["--(?:extra-)?index" + "-url[ =]h", "--find" + "-links[ =]h"]
    pattern = re.compile("|".join(hosts), re.IGNORECASE)
    found = [
        f"{short(file)}:{number}: {line.strip()[:100]}"
        for file in files_of_the_repository()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_built_of_wheels_alone(service: str) -> None:
    # What is built from source runs the package's own code at build time.
    lines = (ROOT / service / "Dockerfile").read_text(encoding="utf-8").splitlines()
    installs = [line for line in lines if re.search(r"\bpip install\b", line)]
    assert installs
    assert [line for line in installs if "--require-hashes --only-binary :all: -r" not in line] == []


def test_no_container_leaves_a_core_dump_which_would_hold_secrets() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {name: service.get("ulimits", {}).get("core") for name, service in services.items()} == dict.fromkeys(
        SERVICES, 0
    )


def test_requirements_are_pinned_with_hashes() -> None:
    for service in (*SERVICES, "tests"):
        lines = (ROOT / service / "requirements.txt").read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if re.match(r"[A-Za-z]", line)]
        assert pins
        assert [line for line in pins if not re.match(r"[\w.\[\],-]+==[^\s;]+( ;.*)? \\$", line)] == []
        assert sum(line.strip().startswith("--hash=sha256:") for line in lines) >= len(pins)
