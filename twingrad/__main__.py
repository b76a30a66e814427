"""`python -m twingrad COMMAND`: the same as `twingrad COMMAND`."""

import importlib

importlib.import_module("scripts.cli").main()
