"""``python -m arenas`` is the command ``arenas``."""

from arenas.cli import main

if __name__ == "__main__":
    main()
