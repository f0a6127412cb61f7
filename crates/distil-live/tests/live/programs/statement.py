"""Validates in-toto statements, one file each, by the bindings of those who defined the format."""

import json
import sys

from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

status = 0
for path in sys.argv[1:]:
    try:
        with open(path) as file:
            text = file.read()
        parsed = json_format.Parse(text, statement_pb2.Statement())
        Statement.copy_from_pb(parsed).validate()
        if parsed.predicate_type == "https://slsa.dev/provenance/v1":
            json_format.ParseDict(json.loads(text)["predicate"], provenance_pb2.Provenance())
    except (ValueError, json_format.ParseError) as error:
        print(f"{path}: {error}")
        status = 1
sys.exit(status)
