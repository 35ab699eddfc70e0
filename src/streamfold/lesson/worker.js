// The browser's Python, in a worker of its own, so that an endless loop of the reader's can be ended.
//
// A task comes as {id, task, ...} and is answered as {id, result} or {id, error}. While a live stream is consumed, the
// worker asks for each chunk as {id, pull: true}, is answered {chunk}, and tells what is handed on as {id, token}.

/** @type {any} */
let python;
/** @type {(chunk: string | undefined) => void} */
let answer = () => {};

/** @param {{pyodide: string, streamfold: string}} places */
async function start({ pyodide, streamfold }) {
  const { loadPyodide } = await import(`${pyodide}pyodide.mjs`);
  const [loaded, archive] = await Promise.all([loadPyodide({ indexURL: pyodide }), fetch(streamfold)]);
  if (!archive.ok) throw new Error(`${streamfold} answers ${archive.status}`);
  python = loaded;
  const extractDir = python.runPython("import site; site.getsitepackages()[0]");
  python.unpackArchive(await archive.arrayBuffer(), "zip", { extractDir });
  python.runPython(`
import importlib, json
importlib.invalidate_caches()
from pyodide.ffi import can_run_sync, run_sync
from streamfold.lesson import grading, live

def consume_live():
    code, stop = json.loads(task)
    pull = lambda: run_sync(pulled())
    return live.folded(pull, on_token, stop) if code is None else live.consumed(code, pull, on_token, stop)
`);
  return python.runPythonAsync("can_run_sync()");
}

/** @param {{code: string}} task */
function grade({ code }) {
  return called("grading.grade", code);
}

/** @param {{code: string, chunks: string[], stop: string | null}} task */
function trace({ code, chunks, stop }) {
  return called("grading.trace", code, chunks, stop);
}

/**
 * Consume a stream that the page has, chunk by chunk: by the reader's code, or by streamfold's fold if there is none.
 *
 * @param {{id: number, code: string | null, stop: string | null}} task
 */
function live({ id, code, stop }) {
  const pull = () =>
    new Promise((resolve) => {
      answer = resolve;
      postMessage({ id, pull: true });
    });
  const onToken = (/** @type {string} */ token) => postMessage({ id, token });
  python.globals.set("pulled", pull);
  python.globals.set("on_token", onToken);
  python.globals.set("task", JSON.stringify([code, stop]));
  return python.runPythonAsync("json.dumps(consume_live(), default=repr)");
}

/** @param {string} name @param {unknown[]} args */
function called(name, ...args) {
  python.globals.set("task", JSON.stringify(args));
  return python.runPython(`json.dumps(${name}(*json.loads(task)), default=repr)`);
}

/** @type {Record<string, (task: any) => unknown>} */
const TASKS = { start, grade, trace, live };

onmessage = async ({ data }) => {
  if ("chunk" in data) return answer(data.chunk);
  try {
    const result = await TASKS[data.task](data);
    postMessage({ id: data.id, result: typeof result === "string" ? JSON.parse(result) : result });
  } catch (error) {
    postMessage({ id: data.id, error: String(error instanceof Error ? error.message : error) });
  }
};
