"""The pixel data of one frame -> stored values -> real-world values, with the mask of its padding."""
