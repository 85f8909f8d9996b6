"""What the cost guard would do about a target, from what it sees and what it remembers; and what it
tells people. JSONata, as all of it is.
"""

from __future__ import annotations

from workflows.cost_memory import IS_REMEMBERED
from workflows.cost_request import CHECK, RESTORE
from workflows.jsonata import EXECUTION_ARN

STOPPED = "STOPPED"
RESTORED = "RESTORED"
DONE = f"($action = '{RESTORE}' ? '{RESTORED}' : '{STOPPED}')"
NOTHING = f"($action = '{RESTORE}' ? 'NOT_STOPPED' : 'ALREADY_STOPPED')"
WOULD = f"($action = '{RESTORE}' ? 'WOULD_RESTORE' : 'WOULD_STOP')"

SEEN = "{'isOn': $isOn, 'concurrency': $concurrency, 'gone': $gone}"
IS_AS_SEEN = "$isOn = $seen.isOn and $concurrency = $seen.concurrency and $gone = $seen.gone"
# What is on now was before; what is off already was turned off by an earlier run, or by others.
WAS = f"""$action = '{RESTORE}' ? $stopped : {{
    'isOn': $isOn or ({IS_REMEMBERED} and $stopped.isOn),
    'concurrency': $concurrency = 0 and {IS_REMEMBERED} ? $stopped.concurrency : $concurrency
    }}"""
# What somebody has given back by hand meanwhile stays as it is; what is gone stays away.
WANTED = f"""{{
    'isOn': $action = '{RESTORE}'
        ? $isOn or ($was.isOn = true and $gone != $target.starterArn) : false,
    'concurrency': $target.function = '' ? -1
        : $action = '{CHECK}' ? 0
        : $concurrency = 0 and {IS_REMEMBERED} ? $was.concurrency : $concurrency
    }}"""
IS_NOTHING_TO_DO = f"""$not($acted) and ($action = '{RESTORE}' ? $not({IS_REMEMBERED})
    : $isOn = $wanted.isOn and $concurrency = $wanted.concurrency)"""
# There is nothing left to turn; a function without what started it can still be stopped.
IS_GONE = "$gone != '' and ($target.function = '' or $gone = $target.function)"
GONE = """$why & '; but there is no ' & $gone & ' any more, so whatever starts ' & $target.name
    & ' is not stopped by this; the targets are ' & $join($targets.name, ', ')"""
# What starts it goes off first and comes back last.
IS_STARTER_NEXT = f"""$seen.isOn != $wanted.isOn
    and ($action = '{CHECK}' or $seen.concurrency = $wanted.concurrency)"""
IS_CONCURRENCY_NEXT = "$seen.concurrency != $wanted.concurrency"

WAY_BACK = f"""$action = '{RESTORE}' ? '' :
    'aws stepfunctions start-execution --state-machine-arn ' & $states.context.StateMachine.Id
    & " --input '" & $string({{'action': '{RESTORE}', 'target': $target.name}}) & "'"
    """

TOLD = f"""$outcome & ': ' & $target.name & '\\n\\n' & $why & '.\\n'
    & 'What starts it: ' & $target.starterArn & ', ' & ($seen.isOn ? 'on' : 'off') & '\\n'
    & ($target.function = '' ? '' : 'Reserved concurrency of ' & $target.function & ': '
        & ($seen.concurrency = -1 ? 'none' : $string($seen.concurrency)) & ', before '
        & ($was.concurrency = -1 ? 'none' : $string($was.concurrency)) & '\\n')
    & ($wayBack = '' ? '' : 'The way back: ' & $wayBack & '\\n')
    & 'Run: ' & {EXECUTION_ARN}"""
