"""Checks types and shapes of calls while tests run, in whatever is imported from a package.

Functions and methods are checked by beartype; those whose annotations give shapes by jaxtyping as
well, and so are the fields of dataclasses where a module gives shapes. jaxtyping has an import hook
of its own, which took a good part of the tests' time: it checks every function, at 12 µs a call and
more instead of beartype's 1 µs, and decorates functions within functions whenever the outer one is
called, at 2 ms each.
"""

import ast
import functools
import importlib
import importlib.abc
import importlib.machinery
import sys

from beartype import beartype
from jaxtyping import jaxtyped

CHECK, CHECK_SHAPES, CHECK_FIELDS = "__check__", "__check_shapes__", "__check_fields__"
FIRST, ONE_IN = 200, 20
"""Shapes are checked in the first calls of a function, and in one of so many further ones."""


PICKLED = ("arenas.evaluation.cluster",)
"""Modules that stay as they are: Ray pickles the methods of actors, and beartype's cannot be."""


def install(package):
    """Check what is imported from this package from now on, but for ``PICKLED``."""
    sys.meta_path.insert(0, _Finder(package))


def check_shapes(function):
    """Check a function by jaxtyping, in most calls by nothing once it was called often."""
    return _sparing(function, jaxtyped(typechecker=beartype)(function))


def check_fields(cls):
    """Check the fields of a dataclass by jaxtyping when it is made."""
    plain = cls.__init__
    cls = jaxtyped(typechecker=beartype)(cls)
    if cls.__init__ is not plain:
        cls.__init__ = _sparing(plain, cls.__init__)
    return cls


def _sparing(plain, checked):
    calls = 0

    @functools.wraps(plain)
    def call(*args, **kwargs):
        nonlocal calls
        calls += 1
        spared = calls > FIRST and calls % ONE_IN
        return (plain if spared else checked)(*args, **kwargs)

    return call


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, package):
        self.package = package

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] != self.package or fullname in PICKLED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        """Compiled each time: what is kept beside the source must not hold decorators of tests."""
        path = self.get_filename(fullname)
        source = self.get_data(path)
        tree = _Decorate(b"jaxtyping" in source).visit(ast.parse(source))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def exec_module(self, module):
        vars(module).update(
            {CHECK: beartype, CHECK_SHAPES: check_shapes, CHECK_FIELDS: check_fields}
        )
        super().exec_module(module)
        _resolve_later(module, ast.parse(self.get_data(self.path)))


def _resolve_later(module, tree):
    """Find names that are imported for annotations only when a check asks the module for them."""
    names = {
        name.asname or name.name: (imported.module, name.name)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for imported in block.body
        if isinstance(imported, ast.ImportFrom)
        for name in imported.names
    }
    if not names or hasattr(module, "__getattr__"):
        return

    def find(name):
        if name not in names:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        source, original = names[name]
        return getattr(importlib.import_module(source), original)

    module.__getattr__ = find


class _Decorate(ast.NodeTransformer):
    """Puts a check next to each function, and around each class where a module gives shapes."""

    def __init__(self, shaped):
        self.shaped = shaped

    def visit_FunctionDef(self, node):
        every = ast.walk(node.args)
        told = [x.annotation for x in every if isinstance(x, ast.arg) and x.annotation]
        told += [node.returns] if node.returns else []
        shapes = any("Array" in text or "Key" in text for text in map(ast.unparse, told))
        node.decorator_list.append(ast.Name(CHECK_SHAPES if shapes else CHECK, ast.Load()))
        return node  # what lies within stays as it is

    def visit_ClassDef(self, node):
        if self.shaped:
            node.decorator_list.insert(0, ast.Name(CHECK_FIELDS, ast.Load()))
        return self.generic_visit(node)
