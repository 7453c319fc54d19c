// A part of the page that shows a list of items: each item has one element for as long as it is in
// the list, so focus, scroll and the screen reader's place survive every update.

/** What shows one item. */
export interface View<T> {
  readonly element: Element;
  update(item: T): void;
}

/** Makes `parent`'s children show the items given to each call, in their order. */
export function keyed<T>(
  parent: Element,
  keyOf: (item: T) => string,
  create: (item: T) => View<T>,
): (items: readonly T[]) => void {
  const views = new Map<string, View<T>>();

  return (items) => {
    const wanted = new Set(items.map(keyOf));
    for (const [key, view] of views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      views.delete(key);
    }

    let place = parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      let view = views.get(key);
      if (view === undefined) {
        view = create(item);
        views.set(key, view);
      } else {
        view.update(item);
      }
      // An item that went further down is taken out here and put back later: moving it, not all
      // that follow, keeps the focus of the others.
      if (place !== view.element && place?.nextElementSibling === view.element) {
        place.remove();
        place = view.element;
      }
      if (place === view.element) place = place.nextElementSibling;
      else parent.insertBefore(view.element, place);
    }
  };
}
