"use strict";
// The form works without this; with it the entries stay where they are, and what cannot be taken
// now is sent again with the same key.
const TRIES_MAX = 6;
const WAIT_S_MAX = 60;
const form = document.getElementById("form");
const entries = document.getElementById("entries");
const button = form.querySelector("button");
const controls = [...entries.querySelectorAll("input, select, textarea")];
let sending = false;
let timer;
let sendNow;

form.noValidate = true;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (sendNow) sendNow();
  else if (!sending) submit();
});

async function submit() {
  mark([]);
  const wrong = controls.filter((control) => !control.checkValidity());
  if (wrong.length > 0) {
    mark(wrong.map((control) => ({ field: control.name, message: control.dataset.problem })));
    return;
  }
  const sent = {};
  for (const control of controls) {
    sent[control.name] = control.type === "checkbox" ? control.checked : control.value;
  }
  busy(true);
  await sendUntilTaken(JSON.stringify(sent));
  busy(false);
}

async function sendUntilTaken(body) {
  for (let tried = 1; ; tried += 1) {
    say("Sending …");
    const response = await send(body);
    if (response && response.status !== 429 && response.status < 500) {
      return taken(response.status, await response.json());
    }
    if (tried === TRIES_MAX) return say(form.dataset.again, "wrong");
    await pause(secondsUntilNext(response, tried));
  }
}

async function send(body) {
  try {
    const signal = AbortSignal.timeout(35000);
    const headers = { "content-type": "application/json", "idempotency-key": form.elements.key.value };
    return await fetch(form.action, { method: "POST", body, headers, signal });
  } catch {
    return null;
  }
}

function secondsUntilNext(response, tried) {
  const hint = Number(response?.headers.get("retry-after"));
  return Math.min(hint > 0 ? hint : 2 ** tried, WAIT_S_MAX);
}

function pause(seconds) {
  const unit = seconds === 1 ? "second" : "seconds";
  say(`Many people are writing to us right now. Your entries are kept, and sent again in ${seconds} ${unit}.`);
  button.textContent = "Send now";
  button.ariaDisabled = false;
  return new Promise((resolve) => {
    sendNow = () => {
      clearTimeout(timer);
      sendNow = undefined;
      busy(true);
      resolve();
    };
    timer = setTimeout(() => sendNow(), seconds * 1000);
  });
}

function taken(status, reply) {
  if (status === 201) {
    say("");
    form.hidden = true;
    document.getElementById("reference").textContent = reply.submissionId;
    document.getElementById("done").hidden = false;
    document.getElementById("done-title").focus();
  } else if (reply.problems) {
    busy(false);
    mark(reply.problems);
  } else {
    say(reply.error === "IdempotencyKeyReused" ? form.dataset.reused : form.dataset.refused, "wrong");
  }
}

function mark(problems) {
  for (const control of controls) {
    const problem = problems.find((one) => one.field === control.name);
    document.getElementById(`${control.name}-problem`).textContent = problem ? problem.message : "";
    control.ariaInvalid = Boolean(problem);
  }
  const first = controls.find((control) => control.ariaInvalid === "true");
  say(problems.length === 0 ? "" : first ? form.dataset.wrong : form.dataset.refused, "wrong");
  first?.focus();
}

function busy(is) {
  sending = is;
  entries.disabled = is;
  button.textContent = is ? "Sending …" : "Send";
  button.ariaDisabled = is;
}

function say(text, state = "") {
  const status = document.getElementById("status");
  status.dataset.state = state;
  status.textContent = text;
}
