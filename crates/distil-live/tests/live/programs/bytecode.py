# Compares every compiled file of the image with what its interpreter compiles of the source now.
import importlib._bootstrap_external as external
import importlib.util
import json
import marshal
import os
import sys
import types
import _imp


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, types.CodeType):
        names = [name for name in dir(one) if name.startswith("co_") and name not in ("co_consts", "co_lnotab")]
        values = [(getattr(one, name), getattr(other, name)) for name in names]
        plain = all(a == b for a, b in values if not callable(a))
        return plain and same(one.co_consts, other.co_consts)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other) if not isinstance(one, frozenset) else one == other


found, wrong, missing, flags = 0, [], [], set()
for directory, directories, files in os.walk("/"):
    directories[:] = [] if directory in ("/proc", "/sys", "/dev") else directories
    for name in files:
        source = os.path.join(directory, name)
        if not name.endswith(".py") or not name[:-3].isidentifier() or directory.startswith("/etc"):
            continue
        cached = importlib.util.cache_from_source(source)
        with open(source, "rb") as file:
            text = file.read()
        try:
            code = compile(text, source, "exec", dont_inherit=True, optimize=0)
        except SyntaxError:
            wrong += [source] if os.path.exists(cached) else []
            continue
        if not os.path.exists(cached):
            missing.append(source)
            continue
        with open(cached, "rb") as file:
            bytes = file.read()
        key = int.from_bytes(importlib.util.MAGIC_NUMBER, "little")
        kept = bytes[:4] == importlib.util.MAGIC_NUMBER and bytes[8:16] == _imp.source_hash(key, text)
        flags.add((source.startswith("/app"), bytes[4]))
        found += 1
        if not kept or not same(marshal.loads(bytes[16:]), code):
            wrong.append(source)
print(json.dumps({"found": found, "wrong": wrong, "missing": missing, "flags": sorted(flags)}))
