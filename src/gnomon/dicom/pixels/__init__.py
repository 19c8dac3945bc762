"""Decoding of frames: pixel data -> stored values -> real-world values, with the padding mask."""
