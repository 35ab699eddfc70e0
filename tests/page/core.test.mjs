// The pure parts of the page: the same cases as the Python's, and how a reader resumes.
//
// Usage: [CASES=FOLDER] PAGE=FOLDER node --test core.test.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.env.PAGE}/${name}`));
const { SSE } = await load("sse.js");
const { StopMatcher } = await load("stops.js");
const { ThinkingSplitter } = await load("thinking.js");
const { ChunkReader } = await load("chunks.js");
const { ReplyFold } = await load("fold.js");
const { Backoff, Position, RefusedError, follow } = await load("stream.js");

const cases = (name) => {
  const found = process.env.CASES ? JSON.parse(readFileSync(`${process.env.CASES}/${name}`, "utf8")) : [];
  assert.ok(found.length > 0 || !process.env.CASES);
  return found;
};
const cuts = (whole, size) =>
  Array.from({ length: Math.ceil(whole.length / size) }, (_, at) => whole.slice(at * size, (at + 1) * size));
const everyCut = (whole) => {
  const halves = Array.from({ length: whole.length + 1 }, (_, at) => [whole.slice(0, at), whole.slice(at)]);
  return [[whole], cuts(whole, 1), cuts(whole, 2), cuts(whole, 3), ...halves];
};

for (const { name, bytes_base64, expected_events, ...case_ } of cases("sse_cases.json")) {
  test(`sse ${name}`, () => {
    for (const pieces of everyCut(Buffer.from(bytes_base64, "base64"))) {
      const sse = new SSE();
      assert.deepEqual(pieces.flatMap((piece) => sse.feed(piece)), expected_events);
      assert.equal(sse.lastEventId, case_.final_last_event_id ?? sse.lastEventId);
      assert.equal(sse.retry, case_.final_retry_ms ?? sse.retry);
    }
  });
}

const matched = (stop, chunks, include = false) => {
  const matcher = new StopMatcher([stop].flat(), { include });
  const shown = chunks.map((chunk) => matcher.feed(chunk));
  return { shown, rest: matcher.close(), match: matcher.match };
};
const KINDS = ["stream", "byte_stream", "ends_with", "hold_gate"]; // test_stops.py tells what the others are
for (const case_ of cases("stop_cases.json").filter(({ kind }) => KINDS.includes(kind))) {
  test(`stop ${case_.kind} ${case_.name}`, () => {
    if (case_.kind === "hold_gate") {
      const stops = [case_.stop].flat().filter((stop) => stop !== "");
      const { rest, match } = matched(stops, [case_.tail]);
      return assert.equal(rest !== "" || match !== null, case_.expected_hold);
    }
    if (case_.kind === "ends_with") {
      const { shown, match } = matched(case_.stop, [case_.text], true);
      return assert.equal(match !== null && shown.join("") === case_.text, case_.expected);
    }
    const decoder = new TextDecoder();
    const bytes = case_.byte_chunks_hex?.map((hex) => decoder.decode(Buffer.from(hex, "hex"), { stream: true }));
    const chunks = bytes ?? case_.chunks;
    for (const pieces of [chunks, ...everyCut(chunks.join(""))]) {
      const { shown, rest, match } = matched(case_.stop, pieces, case_.include_stop);
      assert.equal(shown.join("") + rest, case_.expected_text);
      assert.equal(match, case_.expected_matched);
    }
    if (case_.expected_emitted_per_chunk) {
      assert.deepEqual(matched(case_.stop, chunks, case_.include_stop).shown, case_.expected_emitted_per_chunk);
    }
  });
}

test("a stop is never empty", () => assert.throws(() => new StopMatcher(["a", ""]), RangeError));

const TABLE = [
  [["The quick br", "own", " fox"], ["own fox"], ["The quick br", "", ""], ""],
  [["a<|im", "age|> b"], ["<|im_end|>"], ["a", "<|image|> b"], ""],
  [["done <|im_e"], ["<|im_end|>"], ["done "], "<|im_e"],
  [["aa", "ab"], ["aab"], ["", "a"], ""],
  [["aba", "bac"], ["abac"], ["", "ab"], ""],
  [["ab"], ["b", "ab"], ["a"], ""],
];
for (const [chunks, stops, shown, rest] of TABLE) {
  test(`stop ${JSON.stringify(stops)} in ${JSON.stringify(chunks)}`, () => {
    const found = matched(stops, chunks);
    assert.deepEqual([found.shown, found.rest], [shown, rest]);
  });
}

const THINKING = [
  ["<think>Hm.</think>Yes.", "Hm.", "Yes."],
  ["\n<think>a</think>\n\nb <think>c</think>", "\na", "\n\nb <think>c</think>"],
  ["<think>a</think> <think>b</think>c", "a b", "c"],
  ["a</think>b", "", "a</think>b"],
  ["</think>b", "", "b"],
  ["<think>a</thin", "a</thin", ""],
  ["  <thi", "", "  <thi"],
  ["<thin ice", "", "<thin ice"],
  ["<think><think>a</think>b", "<think>a", "b"],
  ["  plain", "", "  plain"],
];
for (const [whole, reasoning, text] of THINKING) {
  test(`thinking in ${JSON.stringify(whole)}`, () => {
    for (const pieces of everyCut(whole)) {
      const splitter = new ThinkingSplitter();
      const split = [...pieces.flatMap((piece) => splitter.feed(piece)), ...splitter.close()];
      const joined = (type) => split.filter((piece) => piece.type === type).map((piece) => piece.text).join("");
      assert.deepEqual([joined("reasoning"), joined("text")], [reasoning, text]);
      assert.deepEqual(splitter.close(), []);
    }
  });
}

const said = (content, finish_reason = null) => ({ choices: [{ index: 0, delta: { content }, finish_reason }] });
const USAGE = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 7, extra: {} } };
/** Read chunks as the page does; return what is shown of each, and the end. */
const readAll = (chunks, stops = [], ...close) => {
  const reader = new ChunkReader(stops);
  const shown = [];
  for (const chunk of chunks) {
    shown.push(reader.feed(chunk).map(({ type, text }) => `${type[0]}:${text}`).join("|"));
    if (reader.ended) break;
  }
  const records = reader.close(...close);
  const end = records.pop();
  return { shown, rest: records.map(({ text }) => text).join(""), end };
};

test("chunks become records: reasoning, text, usage and the verdict", () => {
  const { shown, rest, end } = readAll([said("<th"), said("ink>Hm</think>So"), said("."), said("", "stop"), USAGE]);
  assert.deepEqual([shown, rest], [["", "r:Hm|t:So", "t:.", "", ""], ""]);
  assert.deepEqual([end.verdict, end.stop, end.error], ["complete", null, null]);
  assert.deepEqual(end.usage, { input_tokens: 3, output_tokens: 7 });
  const server = readAll([{ choices: [{ delta: { reasoning_content: "Hm" } }] }, said("So", "length")]);
  assert.deepEqual([server.shown, server.end.verdict], [["r:Hm", "t:So"], "length"]);
});

test("a stop over chunks ends the reply, and no part of it is shown", () => {
  const { shown, rest, end } = readAll([said("<think>Saturn?</think>é🪐 S"), said("at"), said("urn, x"), said("y")], ["Saturn"]);
  assert.deepEqual([shown, rest], [["r:Saturn?|t:é🪐 ", "", ""], ""]);
  assert.deepEqual([end.verdict, end.stop], ["stopped", { string: "Saturn", offset: 3 }]);
});

test("what is held back is shown at the end, whatever the end", () => {
  const held = (chunks, ...close) => {
    const { rest, end } = readAll(chunks, ["Saturn"], ...close);
    return [rest, end.verdict, end.error?.message];
  };
  assert.deepEqual(held([said("a Sat", "stop")]), ["Sat", "complete", undefined]);
  assert.deepEqual(held([said("a Sat", "abort")]), ["Sat", "cancelled", undefined]);
  assert.deepEqual(held([said("a Sat")]), ["Sat", "truncated", undefined]);
  assert.deepEqual(held([said("a Sat")], "device lost"), ["Sat", "errored", "device lost"]);
  assert.deepEqual(held([said("a Sat")], "device lost", true), ["Sat", "cancelled", undefined]);
  assert.deepEqual(held([said("a Sat", "stop")], null, true), ["Sat", "complete", undefined]);
  assert.deepEqual(held([said("a Sat")], null, true), ["Sat", "cancelled", undefined]);
  assert.deepEqual(held([said(" <th")]), [" <th", "truncated", undefined]);
});

test("a reply is folded from its records", () => {
  const fold = new ReplyFold();
  const say = (...records) => records.forEach((record) => fold.feed(record));
  say({ type: "start", id: "g" }, { type: "reasoning", text: "Hm" }, { type: "text", text: "lost" });
  say({ type: "reset", attempt: 2, why: "cut" }, { type: "text", text: "Hel" }, { type: "text", text: "lo" });
  say({ type: "text", text: "other", choice: 1 }, { type: "tool_call_start", index: 0, id: "c", name: "f" });
  say({ type: "tool_call_start", index: 1, id: "d", name: "g" }, { type: "tool_call_delta", index: 0, arguments: "{" });
  say({ type: "tool_call_delta", index: 1, arguments: "[" }, { type: "tool_call_delta", index: 0, arguments: "}" });
  say({ type: "tool_call_end", index: 0, name: "f", complete: true }, { type: "text", text: " you" });
  assert.equal(fold.text, "Hello you");
  assert.deepEqual([fold.attempt, fold.nPieces, fold.end], [1, 6, null]);
  const calls = fold.blocks.filter(({ type }) => type === "tool_call");
  assert.deepEqual(calls.map(({ pieces, complete }) => [pieces.join(""), complete]), [["{}", true], ["[", null]]);
  say({ type: "end", verdict: "complete" });
  assert.equal(fold.end.verdict, "complete");
});

const RECORDS = [..."Streams"].map((text) => ({ type: "text", text })).concat({ type: "end", verdict: "complete" });
const wire = (from, to) =>
  RECORDS.slice(from, to).map((record, at) => `id:${from + at + 1}\ndata:${JSON.stringify(record)}\n\n`).join("");

test("a position takes each record once, and notices a gap", () => {
  const take = (position, text) => position.take(new SSE().feed(Buffer.from(text)));
  const position = new Position();
  assert.deepEqual(take(position, wire(0, 3)), RECORDS.slice(0, 3));
  assert.deepEqual(take(position, wire(1, 4)), RECORDS.slice(3, 4));
  assert.deepEqual(take(position, wire(4, 5) + wire(6, 8)), RECORDS.slice(4, 5));
  assert.throws(() => take(position, wire(6, 8)), /record 7 came after record 5/);
  assert.deepEqual([position.last, position.ended], [5, false]);
});

test("waits double up to a limit, and begin anew after success", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 8 }, () => backoff.wait(1));
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  backoff.reset();
  assert.equal(backoff.wait(0), 125);
});

/** Answer each fetch with the next response; remember what was asked. */
const server = (t, ...responses) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, { headers }) => {
    asked.push(headers["Last-Event-ID"]);
    const response = responses.shift();
    if (response instanceof Error) throw response;
    return response;
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ticking = setInterval(() => t.mock.timers.tick(8000), 1);
  t.after(() => clearInterval(ticking));
  return asked;
};
const body = (text, status = 200) => new Response(status === 204 ? null : text, { status });
const read = async (records = []) => {
  const onRecords = (more) => records.push(...more);
  await follow({ url: "/events", signal: new AbortController().signal, onRecords });
  return records;
};

test("a reader resumes after cuts, refusals that pass and lost networks, wherever the cut falls", async (t) => {
  const cut = wire(2, 5).slice(0, -9); // in the middle of record 5
  const away = new TypeError("Failed to fetch");
  const asked = server(t, away, body(wire(0, 2)), body("", 503), body(cut), away, body(wire(3, 8)));
  assert.deepEqual(await read(), RECORDS);
  assert.deepEqual(asked, [undefined, undefined, "2", "2", "4", "4"]);
});

test("a reader that has it all is told so", async (t) => {
  server(t, body(wire(0, 7)), body("", 204));
  assert.deepEqual(await read(), RECORDS.slice(0, 7));
});

test("a log that is gone is not asked for again", async (t) => {
  const asked = server(t, body(wire(0, 2)), body('{"error":{"message":"no longer kept"}}', 410));
  await assert.rejects(read(), (error) => error instanceof RefusedError && error.message === "no longer kept");
  assert.equal(asked.length, 2);
});
