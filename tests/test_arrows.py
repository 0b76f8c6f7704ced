"""DESIGN's arrows: who may import whom ([tool.importlinter] in pyproject.toml), and what stays in one file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HUNTAZE = ROOT / "huntaze"


def test_the_imports_follow_the_arrows() -> None:
    # In a process of its own: it switches off the loggers of the one it runs in.
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_hidden_session_is_named_in_the_request_lifecycle_the_job_lifecycle_and_the_commands_only() -> None:
    allowed = {"blueprints/web.py", "blueprints/lifecycle.py", "jobs/account_job.py", "cli.py"}
    naming = {
        name for name, tree in _modules() if any(_is_call_path(node, "db", "session") for node in ast.walk(tree))
    }
    assert naming <= allowed


def test_blueprints_neither_query_nor_commit() -> None:
    """errors.py may know the exception that says the database is away, web.py the session it builds
    services with, lifecycle.py that it commits it."""
    querying = {"execute", "scalar", "scalars", "query", "add_all", "flush", "commit", "rollback", "begin"}
    for name, tree in _modules("blueprints"):
        if name in ("blueprints/web.py", "blueprints/lifecycle.py"):
            continue
        imported = [line for line in _imports(tree) if line.startswith("sqlalchemy")]
        assert imported in ([], ["sqlalchemy.exc.OperationalError"]), name
        called = {node.func.attr for node in ast.walk(tree) if _is_method_call(node)}
        assert not called & querying, name


def test_adapters_know_no_model_and_no_service() -> None:
    for name, tree in _modules("adapters"):
        above = (
            "huntaze.models",
            "huntaze.services",
            "huntaze.schemas",
            "huntaze.blueprints",
            "huntaze.jobs",
            "flask",
        )
        assert not [line for line in _imports(tree) if line.startswith(above)], name


def test_only_create_app_names_an_adapter_by_its_module() -> None:
    """Others see the Protocols, which are in the package of each kind of adapter."""
    for name, tree in _modules():
        if name == "__init__.py" or name.startswith("adapters/"):
            continue
        for line in _imports(tree):
            assert not (line.startswith("huntaze.adapters.") and line.count(".") > 3), f"{name}: {line}"


def test_the_simulator_and_huntaze_do_not_know_each_other() -> None:
    for name, tree in _modules():
        lines = [line for line in _imports(tree) if line == "huntaze" or line.startswith("huntaze.")]
        if name.startswith("simulator/"):
            assert not [line for line in lines if not line.startswith("huntaze.simulator")], name
        elif name != "cli.py":  # which starts it
            assert not [line for line in lines if line.startswith("huntaze.simulator")], name


@pytest.mark.parametrize("folder", ["models", "schemas", "services", "blueprints", "jobs"])
def test_the_layers_are_there_to_be_checked(folder: str) -> None:
    assert len(list(_modules(folder))) > 1


def _modules(folder: str = "") -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((HUNTAZE / folder).rglob("*.py")):
        yield str(path.relative_to(HUNTAZE)), ast.parse(path.read_text())


def _imports(tree: ast.Module) -> list[str]:
    """Each imported thing by its full name."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def _is_call_path(node: ast.AST, name: str, attribute: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == attribute
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def _is_method_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
