"""Makes a wheel of one module in C (PEP 517) with nothing but the compiler."""

import os
import subprocess
import sysconfig
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    module = "fit" + sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_paths()["include"]
    subprocess.run(["cc", "-shared", "-fPIC", "-I", include, "-o", f"/tmp/{module}", "fit.c"], check=True)
    tag = "cp{0}-cp{0}-{1}".format(
        sysconfig.get_config_var("py_version_nodot"),
        sysconfig.get_platform().replace("-", "_").replace(".", "_"),
    )
    name = f"fit-1.0-{tag}.whl"
    info = "fit-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.write(f"/tmp/{module}", module)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fit\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", f"{module},,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return name
