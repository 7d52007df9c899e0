import type { NamedAddresses } from './driver.ts';

/** What all servers of a zone together say of one name. */
export type NameAgreement =
  | { readonly kind: 'agreed'; readonly addresses: readonly string[]; readonly epoch: number }
  /** Clients get one answer or the other; `newest` are the servers with the highest epoch. */
  | { readonly kind: 'differs'; readonly newest: readonly string[]; readonly behind: readonly string[] }
  | { readonly kind: 'unknown'; readonly unheard: readonly string[] };

/** @param views by server; null = it was not heard. Servers that are known to differ differ, whoever was not heard. */
export function nameAgreement(views: ReadonlyMap<string, NamedAddresses | null>): NameAgreement {
  const heard = [...views].flatMap(([server, view]) => (view === null ? [] : [{ server, view }]));
  const unheard = [...views].filter(([, view]) => view === null).map(([server]) => server);
  const highest = Math.max(0, ...heard.map(({ view }) => view.epoch));
  const newest = heard.filter(({ view }) => view.epoch === highest);
  const [first] = newest;
  if (first === undefined) return { kind: 'unknown', unheard };
  const isLikeFirst = ({ view }: (typeof heard)[number]) =>
    view.epoch === highest && view.addresses.join() === first.view.addresses.join();
  const behind = heard.filter((each) => !isLikeFirst(each)).map(({ server }) => server);
  if (behind.length > 0)
    return { kind: 'differs', newest: heard.filter(isLikeFirst).map(({ server }) => server), behind };
  if (unheard.length > 0) return { kind: 'unknown', unheard };
  return { kind: 'agreed', addresses: first.view.addresses, epoch: highest };
}

/**
 * Until when somebody may still use a former answer: the last server gave it out until it was changed, and whoever got it then keeps it
 * for its time to live. Null where a server was not changed: there is no such moment yet.
 *
 * @param changes one for each server; `changedAt` on any one clock
 */
export function formerUsedUntil(
  changes: readonly { readonly changedAt: number | null; readonly formerTtlMs: number }[],
): number | null {
  const ends = changes.map(({ changedAt, formerTtlMs }) => (changedAt === null ? null : changedAt + formerTtlMs));
  return ends.some((end) => end === null) ? null : Math.max(...ends.map((end) => end ?? 0));
}
