"""Asynchronous operations: the proxy that starts one and hands out its links, and the one task that
is business logic. Handlers are `verb_noun.py`, their functions `logic/verb_noun.py`."""
