import type { Entry } from '../engine/entry.ts';
import { seededRandom } from '../replication/seeded-random.ts';

/** Entries as an engine journals them, always the same for a seed: orders at two exchanges, cancels, replaces, and reports about them in any order. */
export const randomEntries = (seed: number, count: number): Entry[] => {
  const random = seededRandom(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const entries: Entry[] = [
    { kind: 'epoch', instance: 'a' },
    { kind: 'venue', name: 'first', venue: 0 },
    { kind: 'venue', name: 'second', venue: 1 },
  ];
  const asked = new Map<string, { readonly target: string; readonly price: number; readonly qty: number }>();
  let orders = 0;
  let n = 0;
  while (entries.length < count) {
    const id = `order-${pick(orders)}`;
    const draw = random();
    const at = 1_000_000 + entries.length;
    if (orders === 0 || draw < 0.35)
      entries.push({
        kind: 'order',
        id: `order-${orders++}`,
        client: `c${pick(5)}`,
        symbol: `SYM${pick(7)}`,
        side: random() < 0.5 ? 'B' : 'S',
        price: 1 + pick(1000),
        qty: 1 + pick(9),
        ...(random() < 0.2 ? { tif: 'gtc' } : {}),
        ...(random() < 0.3 ? { venue: 1 } : {}),
        at,
      });
    else if (draw < 0.55) entries.push({ kind: 'accepted', n: ++n, id });
    else if (draw < 0.75) entries.push({ kind: 'fill', n: ++n, id, exec: `x${n}`, price: 5, qty: 1 + pick(4) });
    else if (draw < 0.77) {
      const request = { target: id, price: 1 + pick(1000), qty: 1 + pick(9) };
      asked.set(`replace-${entries.length}`, request);
      entries.push({ kind: 'replace', id: `replace-${entries.length}`, client: 'c0', ...request, at });
    } else if (draw < 0.79 && asked.size > 0) {
      const [request, terms] = [...asked][pick(asked.size)]!;
      entries.push({ kind: 'replaced', n: ++n, id: request, ...terms });
    } else if (draw < 0.83)
      entries.push({ kind: 'cancel', id: `cancel-${entries.length}`, client: 'c0', target: id, at });
    else if (draw < 0.89) entries.push({ kind: 'cancelled', n: ++n, id: '', target: id });
    else if (draw < 0.94) entries.push({ kind: 'rejected', n: ++n, id, code: `code-${pick(3)}` });
    else if (draw < 0.97) entries.push({ kind: 'withdrawn', id, code: 'halted' });
    else entries.push({ kind: 'test', id: `test-${entries.length}` });
  }
  return entries;
};
