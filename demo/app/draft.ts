// What is written in a form and not saved yet. It outlives a reload and a phone that puts the page
// away, and goes with the tab.

export interface Draft {
  read(): Partial<Record<string, string>>;
  write(values: Partial<Record<string, string>>): void;
  drop(): void;
}

export function draftOf(name: string): Draft {
  const key = `draft/${name}`;
  return {
    read: () => JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<Record<string, string>>,
    write: (values) => sessionStorage.setItem(key, JSON.stringify(values)),
    drop: () => sessionStorage.removeItem(key),
  };
}
