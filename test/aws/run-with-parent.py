"""Runs a module's main program, or a script's, until standard input ends: the server never outlives whoever started it."""

import os
import runpy
import sys
import threading


def exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=exit_with_parent, daemon=True).start()
program = sys.argv.pop(1)
if program.endswith(".py"):
    runpy.run_path(program, run_name="__main__")
else:
    runpy.run_module(program, run_name="__main__")
