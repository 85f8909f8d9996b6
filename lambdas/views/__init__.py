"""The views of sales: what counts archived events, builds and checks a batch view, and merges it
with the speed layer. Handlers are `verb_noun.py`, their functions `logic/verb_noun.py`."""
