"""``python -m mgutils`` is the ``mg`` command."""

from mgutils.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
