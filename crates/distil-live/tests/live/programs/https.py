"""Fetches https://localhost:PORT/ in three ways, and fails unless each certificate check succeeds.

Run with an empty environment: neither SSL_CERT_FILE nor SSL_CERT_DIR may be needed.
"""

import os
import ssl
import sys
import urllib.request

port = sys.argv[1]
assert not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & set(os.environ), dict(os.environ)


def fetch(context):
    page = urllib.request.urlopen(f"https://localhost:{port}/", context=context, timeout=20).read()
    assert b"s_server" in page, page


# OpenSSL's defaults: /usr/lib/ssl leads to the bundle or to the hash links.
fetch(ssl.create_default_context())

# The bundle by its well-known path.
bundle = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
bundle.load_verify_locations(cafile="/etc/ssl/certs/ca-certificates.crt")
assert len(bundle.get_ca_certs()) > 100
fetch(bundle)

# The hash links alone, as every program finds them that is given a folder.
folder = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
folder.load_verify_locations(capath="/etc/ssl/certs")
fetch(folder)

# And a context that trusts nobody must refuse.
try:
    fetch(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
except OSError as error:
    assert "CERTIFICATE_VERIFY_FAILED" in str(error), error
else:
    raise AssertionError("an unknown authority was trusted")
print("ok")
