"""The process between the judge and another program: it enforces limits and ends everything the
program started.

It runs under the judge's Python and uses only the standard library.
"""
