"""`python train.py experiment=...` is `gnomon train experiment=...`."""

from gnomon.commands import main

if __name__ == "__main__":
    main("train")
