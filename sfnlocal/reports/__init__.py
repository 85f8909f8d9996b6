"""What people and programs read about executions: the path taken, text, counts and pictures.

Everything here reads executions and their histories only; nothing changes them.
"""
