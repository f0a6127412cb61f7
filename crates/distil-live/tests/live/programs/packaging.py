"""What the `packaging` library of pip says of tags and markers, for a Python that is not this one."""

import json
import sys

from pip._vendor.packaging import _manylinux, markers, tags

asked = json.loads(sys.argv[1])
minor, machine = asked["minor"], asked["machine"]

_manylinux._get_glibc_version = lambda: tuple(asked["glibc"])
_manylinux._have_compatible_abi = lambda *_: True
try:
    platforms = list(_manylinux.platform_tags([machine]))
except TypeError:  # before packaging 23.2
    platforms = list(_manylinux.platform_tags(f"linux_{machine}", machine))
platforms.append(f"linux_{machine}")

interpreter = f"cp3{minor}"
found = list(tags.cpython_tags((3, minor), abis=[interpreter], platforms=platforms))
found += tags.compatible_tags((3, minor), interpreter, platforms)

environment = {
    "implementation_name": "cpython",
    "implementation_version": asked["version"],
    "os_name": "posix",
    "platform_machine": machine,
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": asked["version"],
    "platform_python_implementation": "CPython",
    "python_version": f"3.{minor}",
    "sys_platform": "linux",
    "extra": "",
}
answers = [markers.Marker(one).evaluate(environment) for one in asked["markers"]]
print(json.dumps({"tags": [str(tag) for tag in found], "markers": answers}))
