// The answer to a pull, cut into parts as it arrives, so that neither the worker nor the core ever
// has all of it at once. A part is a page by itself, { records, deleted }; the last has the rest of
// both, and what else is in the answer. Records stay the text that they are: the core reads them.
//
// An answer is { records: […], deleted: […], … } in any order, or an array of records.

/** As much as the core takes in one step without keeping others waiting. */
const maxRecords = 100;
const maxLength = 64 << 10;

export interface Pages {
  /** The parts that are complete with this much more of the text. */
  push(text: string): string[];
  /** The last part; undefined if that was no answer, or not all of one. */
  end(): string | undefined;
  /** How much text is held. */
  length(): number;
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

export function pages(): Pages {
  let text = ''; // What is not taken apart yet,
  let at = 0; // how far it was read,
  let from = 0; // and where the member, or what stands in a list, begins.
  let depth = 0;
  let inText = false;
  let listDepth = 0; // Inside of a list; 0: in none.
  let state: 'begun' | 'whole' | 'broken' = 'begun';
  let records: string[] = [];
  let deleted: string[] = [];
  const members: string[] = [];
  let list: string[] = records;
  let length = 0; // Of what is in all three.
  let named = false; // Whether there is a list of records.

  function take(last: boolean): string {
    const lists = last && !named ? [] : [`"records":[${records.join(',')}]`];
    if (deleted.length > 0) lists.push(`"deleted":[${deleted.join(',')}]`);
    if (last) lists.push(...members);
    records = [];
    deleted = [];
    length = 0;
    return `{${lists.join(',')}}`;
  }

  function ended(): void {
    const piece = text.slice(from, at).trim();
    from = at + 1;
    if (piece === '') return;
    (listDepth > 0 ? list : members).push(piece);
    length += piece.length;
  }

  function opened(code: number): void {
    if (state === 'whole') state = 'broken';
    ++depth;
    const name =
      depth === 1
        ? code === openArray && 'records'
        : depth === 2 &&
          listDepth === 0 &&
          code === openArray &&
          /^\s*"(records|deleted)"\s*:\s*$/.exec(text.slice(from, at))?.[1];
    if (depth === 1 || name) from = at + 1;
    if (!name) return;
    listDepth = depth;
    list = name === 'records' ? records : deleted;
    named ||= name === 'records';
  }

  function closed(): void {
    if (depth === (listDepth || 1)) ended();
    if (depth === listDepth) listDepth = 0;
    if (--depth <= 0) state = depth === 0 && state === 'begun' ? 'whole' : 'broken';
  }

  function push(more: string): string[] {
    text = text.slice(from) + more;
    at -= from;
    from = 0;
    const parts: string[] = [];
    for (; at < text.length; ++at) {
      const code = text.charCodeAt(at);
      if (inText) {
        if (code === backslash) ++at;
        else if (code === quote) inText = false;
      } else if (code === quote) {
        inText = true;
      } else if (code === openObject || code === openArray) {
        opened(code);
      } else if (code === closeObject || code === closeArray) {
        closed();
      } else if (code === comma && depth === (listDepth || 1)) {
        ended();
        if (listDepth === 0 || (list.length < maxRecords && length < maxLength)) continue;
        const isRecords = list === records;
        parts.push(take(false));
        list = isRecords ? records : deleted;
      }
    }
    return parts;
  }

  return {
    push,
    end: () => (state === 'whole' ? take(true) : undefined),
    length: () => text.length + length,
  };
}
