"""The stored results of a run: their files, and the leaderboard made from them."""
