"""The HTTP route of the device ingest, and the contract that devices, route and machine share.

`payloads` and `environments` are the side the state machine and the stacks see; they import the
standard library only.
"""
