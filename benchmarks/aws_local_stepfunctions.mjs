// Times aws-local-stepfunctions, as installed in the current folder. Standard input: a JSON list of
// [definition, input]; the output of each is its input. Prints the median milliseconds of each.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const RUNS = 50;
const WARM = 3;
const { StateMachine } = createRequire(`${process.cwd()}/`)("aws-local-stepfunctions");

const medians = [];
for (const [definition, input] of JSON.parse(readFileSync(0, "utf8"))) {
  const machine = new StateMachine(definition);
  const times = [];
  for (let run = 0; run < WARM + RUNS; run++) {
    const begin = performance.now();
    const output = await machine.run(input).result;
    times.push(performance.now() - begin);
    if (!isDeepStrictEqual(output, input)) throw new Error("a wrong output");
  }
  const measured = times.slice(WARM).sort((one, other) => one - other);
  medians.push(measured[RUNS / 2]);
}
console.log(JSON.stringify(medians));
