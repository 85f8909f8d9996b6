"""What DeadLetters is asked for: which queues, which action, how much and how fast; and what is
wrong with it, in one sentence each.

The queues of the app are in `$queues`, by name.
"""

from __future__ import annotations

ALL = "ALL"
ACTIONS = ["LIST", "AUTO", "REPLAY", "REDRIVE", "MOVE"]
# Of each number: its default, the least and the most.
NUMBERS = {
    "maxLetters": (100, 1, 200),
    "perMinute": (60, 1, 600),
    "maxTries": (3, 1, 20),
    "waitMinutes": (5, 0, 15),
}
TEXTS = ["cause", "startedBy", "reason"]

FIELDS = [
    *("queue", "action", "dryRun", *NUMBERS, *TEXTS),
    # Who started the run, as the console shows it.
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
]

DEFAULTS = ", ".join(f"'{name}': {least[0]}" for name, least in NUMBERS.items())
REQUEST = f"""(
    $given := $states.context.Execution.Input;
    $dryRun := $given.dryRun = true or $given.action = 'LIST';
    $action := $given.action in [{", ".join(f"'{one}'" for one in ACTIONS[1:])}]
        ? $given.action : 'AUTO';
    $merge([{{{DEFAULTS}}}, $given, {{'dryRun': $dryRun, 'action': $action}}])
    )"""
# What is wrong with the input, one sentence each.
PROBLEMS = f"""(
    $given := $states.context.Execution.Input;
    $queue := $count($names) = 1 ? $lookup($queues, $names[0]);
    $action := $exists($given.action) ? $given.action : 'AUTO';
    [
        $keys($given)[$not($ in {FIELDS})]
            .($ & ' is no field of this input'),
        $count($names) = 0 ? 'queue: name one, several in a list, or {ALL}' : [],
        $names.($exists($lookup($queues, $)) ? []
            : 'queue: there is no ' & $ & '; there are '
                & $join($append('{ALL}', $queues.*.name), ', ')),
        $action in {ACTIONS} ? []
            : 'action: there is no ' & $string($action) & '; there are {", ".join(ACTIONS)}',
        $exists($given.dryRun) and $type($given.dryRun) != 'boolean'
            ? 'dryRun must be true or false' : [],
        {TEXTS}.(
            $exists($lookup($given, $)) and $type($lookup($given, $)) != 'string'
                ? $ & ' must be a text' : []
        ),
        [{", ".join(f"['{n}', {least}, {most}]" for n, (_, least, most) in NUMBERS.items())}]
            .(
                $name := $[0];
                $value := $lookup($given, $name);
                $exists($value) and ($type($value) != 'number' or $value != $floor($value)
                    or $value < $[1] or $value > $[2])
                ? $name & ' must be a whole number from ' & $[1] & ' to ' & $[2] : []
            ),
        $action = 'MOVE' and $exists($queue) and $not($exists($queue.source))
            ? 'action: MOVE needs a queue that is the dead-letter queue of an SQS queue; '
                & $queue.name & ' is none: its letters are replayed or redriven' : [],
        $action in ['REPLAY', 'REDRIVE'] and $exists($queue.source)
            ? 'action: ' & $action & ' needs letters of a workflow; the messages of '
                & $queue.name & ' are those of ' & $queue.source & ': MOVE them' : []
    ]
    )"""
# The queues that the input names, and the one where it names one; none is an empty object.
NAMES = f"""(
    $given := $states.context.Execution.Input.queue;
    $given = '{ALL}' ? [$queues.*.name] : $type($given) = 'array' ? $given
    : $exists($given) ? [$string($given)] : []
    )"""
QUEUE = """$count($names) = 1 and $exists($lookup($queues, $names[0]))
    ? $lookup($queues, $names[0]) : {}"""
