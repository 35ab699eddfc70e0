// Which pages are there: one that makes a reply by itself holds a lock of its name, which ends with the page, however it
// ends. Only where the browser runs models, which is where it has locks.

import { newName } from "./elements.js";

/** @type {Promise<string> | undefined} */
let name;

/** Return the name of this page, once others can tell that it is there. @returns {Promise<string>} */
export function thisPage() {
  name ??= new Promise((resolve) => {
    const made = newName();
    navigator.locks.request(made, () => {
      resolve(made);
      return new Promise(() => {}); // it is held as long as the page is there
    });
  });
  return name;
}

/** Wait until a page is gone. @param {string} page @param {AbortSignal} signal */
export async function gone(page, signal) {
  await navigator.locks.request(page, { mode: "shared", signal }, () => {});
}
