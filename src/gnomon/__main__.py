"""`python -m gnomon` is the console script."""

from gnomon.commands import main

if __name__ == "__main__":
    main()
