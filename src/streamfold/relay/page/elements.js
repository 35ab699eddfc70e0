// The elements of the page, which are there or it is broken.

/** @template {Element} T @param {string} selector @param {new () => T} kind @returns {T} */
export function the(selector, kind) {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new TypeError(`the page has no ${kind.name} at ${selector}`);
  return found;
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
