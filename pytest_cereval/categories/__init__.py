"""The three kinds of work that are asked for: each makes questions of certified functions, and judges answers."""
