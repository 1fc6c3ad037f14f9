"""What data is, seen from outside: its format, its columns, the facts that `init` decides from."""
