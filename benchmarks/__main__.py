"""``python -m benchmarks``."""

import sys

if __name__ == "__main__":
    try:
        from .cli import main  # inside, because Ctrl-C may also come while modules are loading

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
