// The lesson: your code, the stage it plays on, the checks that grade it, and a real model to try it with.

import { editor } from "./editor.js";
import { Live } from "./live.js";
import { Python, Stopped } from "./python.js";
import { Stage } from "./stage.js";

/** @param {string} selector @returns {any} */
const $ = (selector) => document.querySelector(selector);

const START = `def consume_stream(chunks, on_token, stop=None):
    text = ""
    n_tokens = 0
    stopped = False
    for chunk in chunks:
        # Is this the stop? Then quit, before you keep it.
        text += chunk
        n_tokens += 1
        on_token(chunk)
    return {"text": text, "n_tokens": n_tokens, "stopped": stopped}
`;
const CHUNKS = "The| capital| of| France| is| Paris|.|<END>| And| then";
const STOP = "<END>";
const SAVED = "streamfold lesson";
const PATIENCE = 10_000; // milliseconds that the reader's code may take before it is taken for endless

const python = new Python();
const stage = new Stage($("#stage"));
const code = editor($("#code"), $("#colours"), (text) => localStorage.setItem(SAVED, text));
const live = new Live(python, new Stage($("#live-stage")), () => code.text);

code.text = localStorage.getItem(SAVED) ?? START;
$("#chunks").value = CHUNKS;
$("#stop").value = STOP;
stage.clear(chunks(), stop());

$("#run").addEventListener("click", run);
$("#halt").addEventListener("click", () => python.stop());
$("#reset").addEventListener("click", reset);
$("#input").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  void run();
});
$("#input").addEventListener("input", () => stage.clear(chunks(), stop()));
$("#code").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void run();
});

say("Python is loading …");
python.start().then(() => say("Ready."), (error) => say(`Python does not load: ${error.message}`));
void live.offer();

function chunks() {
  return $("#chunks").value.split("|");
}

/** The stop; none if the field is empty. @returns {string | null} */
function stop() {
  return $("#stop").value || null;
}

/** @param {string} status */
function say(status) {
  $("#status").textContent = status;
}

async function run() {
  if ($("#run").disabled) return;
  $("#run").disabled = true;
  $("#halt").disabled = false;
  let timer;
  try {
    await python.start();
    say("Running …");
    timer = setTimeout(() => python.stop(), PATIENCE);
    const [given, wanted] = [chunks(), stop()];
    const events = await python.trace(code.text, given, wanted);
    const graded = await python.grade(code.text);
    clearTimeout(timer);
    show(graded);
    await stage.play(events, given, wanted, Number($("#speed").value));
  } catch (error) {
    say(error instanceof Stopped ? "Stopped: your code did not come to an end." : String(error));
    void python.start();
  } finally {
    clearTimeout(timer);
    $("#run").disabled = false;
    $("#halt").disabled = true;
  }
}

function reset() {
  localStorage.removeItem(SAVED);
  code.text = START;
  $("#chunks").value = CHUNKS;
  $("#stop").value = STOP;
  stage.clear(chunks(), stop());
  $("#checks").replaceChildren();
  $("#score").textContent = "";
  say("Back to the start.");
}

/** @param {{name: string, passed: boolean, why: string}[]} graded */
function show(graded) {
  const n = graded.filter((check) => check.passed).length;
  $("#score").textContent = `${n} of ${graded.length}`;
  $("#score").className = n === graded.length ? "all" : "";
  say(n === graded.length ? "Every check passes." : `${graded.length - n} of ${graded.length} checks fail.`);
  $("#checks").replaceChildren(...graded.map(item));
}

/** @param {{name: string, passed: boolean, why: string}} check */
function item({ name, passed, why }) {
  const line = document.createElement("li");
  line.className = passed ? "passed" : "failed";
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.textContent = passed ? "passes" : "fails";
  const what = document.createElement("span");
  what.textContent = name;
  line.append(mark, what);
  if (why) {
    const reason = document.createElement("p");
    reason.textContent = why;
    line.append(reason);
  }
  return line;
}
