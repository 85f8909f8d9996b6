"""What the cost guard is asked for: a check of all targets, or to give one back what it had."""

from __future__ import annotations

from workflows.cost_target import BUDGETS
from workflows.jsonata import EXECUTION_INPUT

CHECK = "CHECK"
RESTORE = "RESTORE"
ACTIONS = (CHECK, RESTORE)
FIELDS = (
    "action",
    "target",
    "budgets",
    "dryRun",
    "startedBy",
    "reason",
    # Who started the run, as the console shows it.
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
)

ACTION = f"$exists({EXECUTION_INPUT}.action) ? {EXECUTION_INPUT}.action : '{CHECK}'"

# The first thing that is wrong, or nothing.
PROBLEM = f"""(
    $asked := {EXECUTION_INPUT};
    $names := $targets.name;
    $there := ' there are ' & $join($names, ', ');
    $fields := $keys($asked)[$not($ in {list(FIELDS)})];
    $budgets := $type($asked.budgets) = 'object' ? $asked.budgets : {{}};
    $unknown := $keys($budgets)[$not($ in $names)];
    $wrong := $keys($budgets).(
        $name := $;
        $of := $lookup($budgets, $name);
        $type($of) != 'object' ? $name
        : $keys($of)[$not($ in {list(BUDGETS)}) or $type($lookup($of, $)) != 'number'
            or $lookup($of, $) < 0].($name & '.' & $)
    );
    $problems := [
        $count($fields) > 0
            ? 'there is no field ' & $join($fields, ', ')
                & '; there are ' & $join({list(FIELDS)}, ', '),
        $not($action in {list(ACTIONS)})
            ? 'there is no action ' & $string($action) & '; there are {", ".join(ACTIONS)}',
        $exists($asked.dryRun) and $type($asked.dryRun) != 'boolean'
            ? 'dryRun must be true or false',
        $exists($asked.budgets) and $type($asked.budgets) != 'object'
            ? 'budgets must be an object of budgets by target;' & $there,
        $count($unknown) > 0 ? 'there is no budget of ' & $join($unknown, ', ') & ';' & $there,
        $count($wrong) > 0 ? 'budgets.' & $join([$wrong], ', budgets.')
            & ' must be of {" or ".join(BUDGETS)}, and a number that is not negative',
        $action = '{RESTORE}' and $not($exists($asked.target))
            ? '{RESTORE} needs a target;' & $there,
        $exists($asked.target) and $not($asked.target in $names)
            ? 'there is no target ' & $string($asked.target) & ';' & $there
    ];
    $count($problems) > 0 ? $problems[0] : ''
    )"""
