"""The tasks of the notification workflow and its two fronts: a handler `verb_noun.py`, its function
in `logic/verb_noun.py`.

`payloads`, `states`, `environments` and `errors` are the side the state machine and the stacks see;
they import the standard library only.
"""
