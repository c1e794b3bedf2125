"""What is run: one TOML file a benchmark."""
