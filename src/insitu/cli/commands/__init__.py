"""One file per sub-command: its name is the command's, its docstring the help, ``main`` takes the words that follow."""
