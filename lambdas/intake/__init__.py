"""Form intake: the page with its form, and the proxy that starts the workflow and answers with what
it says. Handlers are `verb_noun.py`, their functions `logic/verb_noun.py`."""
