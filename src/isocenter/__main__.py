"""`python -m isocenter` is the console script."""

from isocenter.commands import main

if __name__ == "__main__":
    main()
