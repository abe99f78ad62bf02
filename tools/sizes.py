"""Fail where a file of src or tests has over 300 lines of code, or a function over 40."""

import ast
import sys
from pathlib import Path

FILE_LINES, FUNCTION_LINES = 300, 40


def code_lines(node: ast.AST) -> int:
    """Count the lines that hold code: no blanks, no comments, no docstrings."""
    docs = {
        line
        for inner in ast.walk(node)
        if isinstance(inner, ast.Expr)
        and isinstance(inner.value, ast.Constant)
        and isinstance(inner.value.value, str)
        for line in range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
    }
    lines = {
        line
        for inner in ast.walk(node)
        if hasattr(inner, "lineno")
        for line in (inner.lineno, inner.end_lineno)
    }
    return len(lines - docs)


def too_large(path: Path) -> list[str]:
    """Name the file and the functions in it that are over the limits."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [(path.name, 1, code_lines(tree), FILE_LINES)]
    found += [
        # A command's options are its signature: the body is what must be read at once.
        (node.name, node.lineno, code_lines(ast.Module(node.body, [])), FUNCTION_LINES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [
        f"{path}:{at}: {name}: {n} lines of code, at most {most}"
        for name, at, n, most in found
        if n > most
    ]


def main() -> int:
    """Print what is too large; 1 where anything is."""
    files = [path for room in ("src", "tests") for path in sorted(Path(room).rglob("*.py"))]
    problems = [problem for path in files for problem in too_large(path)]
    print("\n".join(problems) or f"{len(files)} files within the sizes")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
