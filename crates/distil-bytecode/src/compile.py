# Compiles the sources that come over standard input; src/exchange.rs says how. What comes is compiled and
# never executed, and nothing is imported but what the interpreter has built in.
import marshal
import sys
from _frozen_importlib_external import MAGIC_NUMBER
from _imp import source_hash

KEY = int.from_bytes(MAGIC_NUMBER, "little")


def main(read, write, flush):
    tag = sys.implementation.cache_tag.encode()
    write(b"distil-bytecode 1\n" + MAGIC_NUMBER + bytes([len(tag)]) + tag)
    flush()
    while head := read(8):
        path = read(int.from_bytes(head[:4], "little")).decode()
        source = read(int.from_bytes(head[4:], "little"))
        status, answer = 0, b""
        try:
            code = compile(source, path, "exec", dont_inherit=True, optimize=0)
            answer = source_hash(KEY, source) + marshal.dumps(code)
        except (SyntaxError, ValueError):
            status = 1
        except BaseException as error:
            status, answer = 2, type(error).__name__.encode()
        write(bytes([status]) + len(answer).to_bytes(4, "little") + answer)
        flush()


main(sys.stdin.buffer.read, sys.stdout.buffer.write, sys.stdout.buffer.flush)
