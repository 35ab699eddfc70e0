// The page: the turns of one chat, and the box to write in.

import { Announcer } from "./announcer.js";
import { Device } from "./device.js";
import { newName, the } from "./elements.js";
import { Exchange } from "./exchange.js";
import { thisPage } from "./pages.js";
import { Settings } from "./settings.js";
import { Turns } from "./turns.js";

const LATEST = "streamfold-chat";
/** Pixels: so near to its end, the page stays there. */
const NEAR = 48;

const log = the("#log", HTMLElement);
const empty = the("#empty", HTMLElement);
const box = the("#message", HTMLTextAreaElement);
const send = the("#send", HTMLButtonElement);
const stop = the("#stop", HTMLButtonElement);
const down = the("#down", HTMLButtonElement);
const notice = the("#notice", HTMLElement);

const turns = new Turns();
const announcer = new Announcer();
const settings = new Settings((text) => (notice.textContent = text));
const chat = chatOf(location.hash);
/** @type {Exchange[]} */
const exchanges = [];

/** The chat of the address; without one, the latest in this browser. @param {string} hash */
function chatOf(hash) {
  const id = hash.slice(1) || localStorage.getItem(LATEST) || newName();
  localStorage.setItem(LATEST, id);
  history.replaceState(null, "", `#${id}`);
  return id;
}

const around = {
  turns,
  announcer,
  device: new Device(),
  before: (/** @type {number} */ n) => exchanges.slice(0, n).flatMap(({ turn, fold }) => saidIn(turn.text, fold.text)),
  paint,
  onChange,
  onRetry: retry,
};

/** Many models want them to alternate: no answer, no turn. @param {string} asked @param {string} answered */
function saidIn(asked, answered) {
  return answered === "" ? [] : [{ role: "user", content: asked }, { role: "assistant", content: answered }];
}

/** Put a turn on the page, in place of what was there. @param {import("./turns.js").Turn} turn */
function show(turn) {
  const exchange = new Exchange(turn, around);
  const old = exchanges[turn.n];
  if (old) {
    log.insertBefore(exchange.node, old.node);
    old.leave();
  } else log.append(exchange.node);
  exchanges[turn.n] = exchange;
  return exchange;
}

/** @param {string} text */
async function ask(text) {
  if (!text.trim() || exchanges.at(-1)?.running) return;
  const fresh = await unanswered();
  if (!fresh) return;
  const turn = { chat, n: exchanges.length, text, ...fresh };
  try {
    await turns.add(turn);
  } catch {
    return reload(); // another tab was first: see what it asked
  }
  box.value = "";
  announcer.say("Sent.");
  const exchange = show(turn);
  toEnd();
  await exchange.run(true);
}

/** What a turn begins with; nothing where an engine must be chosen first. */
async function unanswered() {
  const asking = await settings.asking();
  if (!asking) return null;
  const maker = asking.model ? await thisPage() : null;
  return { key: newName(), asking, generation: null, maker, blocks: [], nPieces: 0, end: null };
}

/** @param {Exchange} exchange */
async function retry({ turn }) {
  const fresh = await unanswered();
  if (!fresh) return;
  const again = { ...turn, ...fresh };
  await turns.put(again);
  box.focus();
  await show(again).run(true);
}

function onChange() {
  const running = exchanges.at(-1)?.running ?? false;
  send.hidden = running;
  stop.hidden = !running;
  empty.hidden = exchanges.length > 0;
  for (const exchange of exchanges.slice(-2)) exchange.allowRetry(exchange === exchanges.at(-1));
}

/** Change the page; stay at its end if that is where the reader is. @param {() => void} change */
function paint(change) {
  const atEnd = isAtEnd();
  change();
  if (atEnd) toEnd();
}

function isAtEnd() {
  const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
  return scrollHeight - clientHeight - scrollTop < NEAR;
}

function toEnd() {
  scrollTo(0, document.documentElement.scrollHeight);
}

function halt() {
  exchanges.at(-1)?.stop();
  box.focus();
}

/** Show what other tabs did meanwhile, and what this one missed. */
async function reload() {
  for (const turn of await turns.of(chat)) changed(turn);
}

/** @param {import("./turns.js").Turn} turn */
function changed(turn) {
  const known = exchanges[turn.n]?.turn;
  if (known?.key === turn.key && (known.generation || exchanges[turn.n]?.isMaker)) return; // this tab sees to it itself
  if (turn.n > exchanges.length) return void reload();
  const here = known?.key === turn.key;
  if (here && turn.maker && !turn.end) return exchanges[turn.n]?.catchUp(turn);
  if (!here || turn.generation || turn.end) paint(() => void show(turn));
  if (turn.generation || turn.maker || turn.end) exchanges[turn.n]?.run();
  else onChange(); // the tab that asks will tell when it runs
}

/** Copy a text, or select it where the browser lets no page copy: over http. @param {HTMLElement} code */
async function copied(code) {
  getSelection()?.selectAllChildren(code);
  await navigator.clipboard?.writeText(code.textContent ?? "");
  return navigator.clipboard !== undefined;
}

turns.watch(async ({ chat: theirs, n, stop: wished }) => {
  if (wished && theirs === chat && exchanges[n]?.isMaker) return exchanges[n].stop();
  const turn = theirs === chat ? await turns.at(chat, n) : undefined;
  if (turn) changed(turn);
});

the("#composer", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  ask(box.value);
});
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask(box.value);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !stop.hidden && !document.querySelector("dialog[open]")) halt();
});
stop.addEventListener("click", halt);
down.addEventListener("click", toEnd);
document.addEventListener("scroll", () => (down.hidden = isAtEnd()), { passive: true });
the("#new-chat", HTMLButtonElement).addEventListener("click", () => location.assign(`#${newName()}`));
addEventListener("hashchange", () => location.reload());
empty.addEventListener("click", ({ target }) => {
  if (target instanceof HTMLButtonElement) ask(target.textContent ?? "");
});
log.addEventListener("click", async ({ target }) => {
  if (!(target instanceof HTMLButtonElement) || !target.classList.contains("copy")) return;
  const code = target.closest("figure")?.querySelector("code");
  if (code) target.textContent = (await copied(code)) ? "Copied" : "Selected";
  announcer.say(`${target.textContent}.`);
  setTimeout(() => (target.textContent = "Copy"), 2000);
});

for (const turn of await turns.of(chat)) show(turn);
onChange();
toEnd();
await Promise.all(exchanges.map((exchange) => exchange.run()));
