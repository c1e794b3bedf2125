"""Planning a run, carrying it out, and what one trial's process does."""
