"""The commands of ``streamfold``, one file each; ``cli`` assembles them.

A command is a module with three names: `SUMMARY`, a line for the list of commands; `add_arguments`, which describes it
to argparse; `execute`, which takes the parsed arguments and returns the exit status. Its docstring is the command's
description. What several commands take is in `arguments`, what they return in `exit_status`, how they show a stream in
`showing`. Importing one imports nothing heavy: that waits for `execute`.
"""
