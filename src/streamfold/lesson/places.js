// Where the page finds what it does not carry itself: first in its own folder vendor/, then at a public mirror of the
// npm registry. To serve the page without a network, put the packages into vendor/.

const VENDOR = new URL("vendor/", import.meta.url).href;

/** a file by which a package is known, and its other place */
const PACKAGES = {
  pyodide: { file: "pyodide.mjs", mirror: "https://cdn.jsdelivr.net/npm/pyodide@314.0.7/" },
  "web-llm": { file: "index.js", mirror: "https://cdn.jsdelivr.net/npm/@mlc-ai/web-llm@0.2.86/lib/" },
  wllama: { file: "index.js", mirror: "https://cdn.jsdelivr.net/npm/@wllama/wllama@3.13.0/esm/" },
};

/** streamfold's own Python files */
export const STREAMFOLD = `${VENDOR}streamfold.zip`;

/** Models for the device that whoever serves the page has put there: a list, see `models.js`. */
export const MODELS = `${VENDOR}models.json`;

/**
 * Return the address of a package's folder.
 *
 * @param {keyof typeof PACKAGES} name
 */
export async function place(name) {
  const { file, mirror } = PACKAGES[name];
  const own = `${VENDOR}${name}/`;
  return (await exists(own + file)) ? own : mirror;
}

/** @param {string} url */
export async function exists(url) {
  try {
    return (await fetch(url, { method: "HEAD" })).ok;
  } catch {
    return false;
  }
}
