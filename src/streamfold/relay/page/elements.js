// The elements of the page, found and made, and names for what is new.

/** @template {Element} T @param {string} selector @param {new () => T} kind @returns {T} */
export function the(selector, kind) {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new TypeError(`the page has no ${kind.name} at ${selector}`);
  return found;
}

/** Return a name that nothing else has; `crypto.randomUUID` is there over https alone. */
export function newName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Make an element of a class, with what is in it.
 *
 * @param {string} tag
 * @param {string} name
 * @param {(Node | string)[]} inside
 */
export function made(tag, name, ...inside) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...inside);
  return node;
}
