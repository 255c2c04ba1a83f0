"""``python -m benchmarks``."""

import os
import sys

if __name__ == "__main__":
    try:
        from .cli import main  # inside, because Ctrl-C may also come while modules are loading

        code = main()
        sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
