"""Imports every module of the standard library and says which could not be.

Prints {"imported": NUMBER, "failed": {MODULE: ERROR}}. A package is walked; `__main__` modules are
not imported, because importing them runs them.
"""

import importlib
import io
import json
import pkgutil
import sys
import warnings

warnings.simplefilter("ignore")
out, sys.stdout, sys.stderr = sys.stdout, io.StringIO(), io.StringIO()  # some modules talk
imported, failed = 0, {}


def visit(name):
    global imported
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # some modules exit
        failed[name] = f"{type(error).__name__}: {error}"
        return
    imported += 1
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if found.name != "__main__":
            visit(f"{name}.{found.name}")


for name in sorted(sys.stdlib_module_names):
    visit(name)
json.dump({"imported": imported, "failed": failed}, out)
