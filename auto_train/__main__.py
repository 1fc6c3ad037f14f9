"""`python -m auto_train VERB …`: the command line, for processes that start one of their own."""

from auto_train.cli import main

if __name__ == "__main__":
    main()
