"""The examples in the package's own documentation hold, and the README's are of names that exist."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import unittest
from pathlib import Path

import pledger

_README = Path(__file__).resolve().parents[1] / "README.md"


class Examples(unittest.TestCase):
    def test_docstrings(self) -> None:
        tried = 0
        for module in pkgutil.iter_modules(pledger.__path__, "pledger."):
            if module.name != "pledger.__main__":
                failed, examples = doctest.testmod(importlib.import_module(module.name))
                self.assertEqual(failed, 0, module.name)
                tried += examples
        self.assertGreater(tried, 3)

    def test_readme_imports_what_there_is(self) -> None:
        for block in re.findall(r"```python\n(.*?)```", _README.read_text(encoding="utf-8"), re.DOTALL):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pledger"):
                    for name in node.names:
                        self.assertTrue(hasattr(importlib.import_module(node.module), name.name), name.name)

    def test_readme_names_each_module(self) -> None:
        text = _README.read_text(encoding="utf-8")
        for module in pkgutil.iter_modules(pledger.__path__):
            if module.name not in ("__main__", "command_line"):
                self.assertIn(f"`{module.name}`", text)


if __name__ == "__main__":
    unittest.main()
