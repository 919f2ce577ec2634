"""Runs a module's main program until standard input ends: the server never outlives whoever started it."""

import os
import runpy
import sys
import threading


def exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=exit_with_parent, daemon=True).start()
runpy.run_module(sys.argv.pop(1), run_name="__main__")
