"""A page that says where its compiled part is from. With an argument, it asks itself and ends."""

import sys

from flask import Flask
from markupsafe import _speedups, escape

app = Flask(__name__)


@app.get("/")
def index():
    return f"Hello, {escape('<world>')}, from {_speedups.__file__}\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        print(app.test_client().get("/").text, end="")
    else:
        app.run(host="0.0.0.0", port=8000)
