"""The tasks of the DeadLetters workflow: reading a queue's messages as what they are, and starting
a failed run's work again. Handlers are `verb_noun.py`, their functions `logic/verb_noun.py`."""
