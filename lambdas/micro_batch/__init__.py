"""The tasks of the micro-process batch: a handler `verb_noun.py`, its function in `logic/`.

`payloads`, `environments` and `errors` are the side the state machines and the stacks see; they
import the standard library only.
"""
