"""The tasks of the order workflow: a handler `verb_noun.py`, its function in `logic/verb_noun.py`.

`payloads`, `environments` and `errors` are the side the state machine and the stacks see; they
import nothing but the standard library.
"""
