"""The verbs of the command line and the options that all of them take."""

# verb → its line in --help; the file auto_train/cli/<verb>.py, with _ for -, is imported when the verb is used
VERBS = {
    "init": "Look at data and write an INI for it.",
    "train": "Train the model an INI describes.",
    "validate": "Predict one image, or measure the model on a split.",
    "predict": "Predict many images into a table and annotated pictures.",
    "serve": "Answer predictions over REST.",
    "data": "Examine the data before it is trained on.",
    "jobs": "List, follow and stop background trainings.",
    "report": "Make the report of a run again.",
    "compare": "Show what differs between two runs.",
    "config": "Check, show and explain INIs.",
    "new-recipe": "Begin a task of your own.",
    "doctor": "Say what this installation has, lacks and reaches.",
    "licenses": "List the licences of code and weights in use.",
    "schema": "Print the JSON Schema of what --json prints.",
}


OPTIONS = {
    "--help": "Show this, or behind a verb what it takes.",
    "--version": "Show the version.",
    "--install-completion [bash|zsh|fish]": "Let the shell complete verbs, options and keys. Default: that of SHELL.",
    "--show-completion [bash|zsh|fish]": "Show what --install-completion writes.",
}


PROGRAM = "auto-train"


ASKED_BY_SHELL = "_AUTO_TRAIN_COMPLETE"  # the variable in which a shell asks for completions; named by typer
