// Elements, made by hand. Text always goes in as text nodes and never as markup, so nothing that a
// customer is called can run.

type Listeners = { [E in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[E]) => void };
type Attribute = string | number | boolean | undefined;

export interface Attributes {
  on?: Listeners;
  [name: string]: Attribute | Listeners;
}

export type Child = Node | string | undefined;

/** An element with attributes and children; false and undefined leave an attribute out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') listen(element, value as Listeners);
    else setAttribute(element, name, value as Attribute);
  }
  for (const child of children) if (child !== undefined) element.append(child);
  return element;
}

/** An element for what people wrote: in its own direction, in a language nobody named. */
export function written<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  text = '',
): HTMLElementTagNameMap[K] {
  return h(tag, { dir: 'auto', lang: '', ...attributes }, text);
}

/** Touches the page only if the text differs: an update of what is the same costs nothing. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: Attribute): void {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (value === true) element.setAttribute(name, '');
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
}

function listen(element: HTMLElement, listeners: Listeners): void {
  for (const [type, listener] of Object.entries(listeners)) {
    element.addEventListener(type, listener as EventListener);
  }
}
