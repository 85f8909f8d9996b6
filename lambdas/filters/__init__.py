"""The filters of the filter chain: a handler `name.py`, its function in `logic/name.py`, and the
hop that they share. A filter knows its item only: not what came before, not what comes next.
"""
