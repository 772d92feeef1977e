"""batt's own DSL with the habit of the seed's: every primitive first logs its name and its arguments.

The seed's DSL begins each of its functions with a call of `logger.info` on an f-string of all arguments. The string is
made whether or not anybody listens, grids and all. Written here as a folder with the same functions and that line.
"""

from __future__ import annotations

import ast
from pathlib import Path

import batt.dsl

PACKAGE = "logged_dsl"
"""Name of the package in the folder; `dsl.py` beside it offers its names."""


def write_logged_dsl(folder: Path) -> Path:
    """Write the DSL to a new folder and return it: PACKAGE, with `dsl.py` and `constants.py` beside it."""
    package = folder / PACKAGE
    package.mkdir(parents=True)
    for source in sorted(Path(str(batt.dsl.__file__)).parent.glob("*.py")):
        (package / source.name).write_text(logged(source.read_text(encoding="utf-8")), encoding="utf-8")
    for name, module in (("dsl", PACKAGE), ("constants", f"{PACKAGE}.constants")):
        (folder / f"{name}.py").write_text(f"from {module} import *\n", encoding="utf-8")
    return folder


def logged(text: str) -> str:
    """Return the text of one module with logging in its public functions, importing from PACKAGE."""
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("batt.dsl"):
            node.module = node.module.replace("batt.dsl", PACKAGE, 1)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            shown = ", ".join(f"{{{argument.arg} = }}" for argument in node.args.args)
            node.body[1:1] = ast.parse(f"logger.info(f'{node.name}: {shown}')").body  # after the docstring
    begin = 1 if ast.get_docstring(tree) else 0
    begin += any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body[:2])
    tree.body[begin:begin] = ast.parse("import logging\nlogger = logging.getLogger(__name__)").body
    return ast.unparse(ast.fix_missing_locations(tree))
