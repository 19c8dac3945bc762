"""What Gnomon is measured against: each peer trains, for so many minutes, and predicts the held-out cases."""
