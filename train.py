"""`python train.py experiment=...` is `isocenter train experiment=...`."""

from isocenter.commands import main

if __name__ == "__main__":
    main("train")
