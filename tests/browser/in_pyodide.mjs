// Run a Python file in Pyodide under Node: node in_pyodide.mjs NODE_MODULES WHEELS REPOSITORY FILE [ARGUMENT...]
//
// Pyodide is the npm package in NODE_MODULES; every wheel in the folder WHEELS is installed; the repository's parent is
// mounted at /checkout, so that the folder beside the repository is there as well. The file runs with `arguments` and
// `repository` set; what it leaves in `result`, a coroutine awaited, is printed as JSON on the last line.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, wheels, repository, file, ...args] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(path.join(modules, "pyodide", "pyodide.mjs")).href);

const python = await loadPyodide();
const extractDir = python.runPython("import site; site.getsitepackages()[0]");
for (const wheel of fs.readdirSync(wheels).filter((name) => name.endsWith(".whl"))) {
  python.unpackArchive(new Uint8Array(fs.readFileSync(path.join(wheels, wheel))), "whl", { extractDir });
}
python.FS.mkdir("/checkout");
python.FS.mount(python.FS.filesystems.NODEFS, { root: path.dirname(repository) }, "/checkout");
python.globals.set("repository", `/checkout/${path.basename(repository)}`);
python.globals.set("arguments", python.toPy(args));
try {
  python.runPython(fs.readFileSync(file, "utf8"), { filename: file });
  python.globals.set("result", await python.globals.get("result"));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
console.log(python.runPython("import json; json.dumps(result)"));
