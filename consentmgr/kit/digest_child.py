"""A process of its own that digests addresses while its parent does other work; started by ``address_keys`` alone.

Standard input: five numbers of eight bytes each, in the machine's order (rows, length of the text, of the purpose, of
the secret; and after how many bytes of a row its SHA-256 begins, which is then digested in hex, or -1 for the row as it
is), the end of each row in the text (eight bytes a row), the text, the purpose, the secret. Standard output: 16 bytes a row. Nothing is
given as an argument or in the environment, where others could read it. It imports nothing but the standard library,
so that it starts in milliseconds.
"""

import sys
from array import array
from hashlib import blake2b, sha256


def main() -> None:
    read = sys.stdin.buffer.read
    sizes = array("q", read(40))
    rows, text_bytes, purpose_bytes, secret_bytes, hashed_after = sizes
    ends = array("q", read(rows * 8)).tolist()
    text, purpose, secret = read(text_bytes), read(purpose_bytes), read(secret_bytes)
    begun = blake2b(purpose + b"\0", key=secret, digest_size=16)
    # Called as functions of its kind: looking a method up on each of a million takes a fifth of the time.
    copy, update, digest = begun.copy, type(begun).update, type(begun).digest
    digests: list[bytes] = []
    add = digests.append
    position = 0
    for end in ends:
        row = text[position:end]
        one = copy()
        update(one, row if hashed_after < 0 else sha256(row[hashed_after:]).hexdigest().encode())
        add(digest(one))
        position = end
    sys.stdout.buffer.write(b"".join(digests))


if __name__ == "__main__":
    main()
