"""`python -m firstdraw` is `firstdraw`."""

from firstdraw.cli import main

if __name__ == "__main__":
    main()
