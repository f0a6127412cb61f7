"""Validates a bill of materials by the libraries of those who defined its format."""

import sys


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    found = validate_full_spdx_document(parse_file(path), "SPDX-2.3")
    return [message.validation_message for message in found]


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path) as file:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    return [str(error)] if error else []


problems = {"spdx": spdx, "cyclonedx": cyclonedx}[sys.argv[1]](sys.argv[2])
print("\n".join(problem[:500] for problem in problems[:20]))
sys.exit(bool(problems))
