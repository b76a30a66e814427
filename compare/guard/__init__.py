"""The process between the judge and somebody's program: it sets limits, and leaves nothing behind.

It runs under the judge's Python, with the standard library alone.
"""
