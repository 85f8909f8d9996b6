"""The front and the tasks of the release build: a handler `verb_noun.py`, its function in
`logic/verb_noun.py`.

`payloads`, `environments` and `errors` are the side the state machine and the stacks see; they
import the standard library only.
"""
