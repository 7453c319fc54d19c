// Where in the app a person is, kept in the fragment of the address: the server and the service
// worker have one page to serve, and the browser's own Back and Forward work.

export type Route =
  | { screen: 'list' }
  | { screen: 'detail'; id: string }
  | { screen: 'edit'; id: string }
  | { screen: 'create' };

/** '#/' list, '#/new' create, '#/orders/{id}' detail, '#/orders/{id}/edit' edit; else the list. */
export function parseRoute(fragment: string): Route {
  if (fragment === '#/new') return { screen: 'create' };
  const [, id, edit] = /^#\/orders\/([^/]+)(\/edit)?$/.exec(fragment) ?? [];
  if (id === undefined) return { screen: 'list' };
  return { screen: edit === undefined ? 'detail' : 'edit', id: decode(id) };
}

export function hrefOf(route: Route): string {
  switch (route.screen) {
    case 'list':
      return '#/';
    case 'create':
      return '#/new';
    case 'detail':
      return `#/orders/${encodeURIComponent(route.id)}`;
    case 'edit':
      return `#/orders/${encodeURIComponent(route.id)}/edit`;
    default:
      return route satisfies never;
  }
}

export interface Router {
  readonly route: Route;
  /** Goes to a route in place of the present one, so that Back does not find a form just saved. */
  replace(route: Route): void;
  /** Goes to where the present route belongs: back if the person came from there. */
  leaveTo(route: Route): void;
}

/** Calls `listener` whenever the route changes, with the one before. */
export function createRouter(listener: (before: Route) => void): Router {
  let before: Route | undefined;
  let route = parseRoute(location.hash);

  addEventListener('hashchange', () => {
    before = route;
    route = parseRoute(location.hash);
    listener(before);
  });

  const replace = (target: Route): void => location.replace(hrefOf(target));

  return {
    get route() {
      return route;
    },
    replace,
    leaveTo(target) {
      if (before !== undefined && hrefOf(before) === hrefOf(target)) history.back();
      else replace(target);
    },
  };
}

function decode(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
