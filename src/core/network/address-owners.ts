/** What one machine of a pair says of the shared address. */
export interface AddressHolding {
  readonly daemon: 'running' | 'frozen' | 'gone' | 'unknown';
  /** The address is on its interface; null = not found out. */
  readonly holds: boolean | null;
}

/**
 * Who has a shared address, of all machines that may. `two`: packets go to either, whichever was heard last. `orphaned`: one has it whose
 * keepalived is gone or stands still, so that nothing will move it. `unknown`: a machine that was not heard may have it.
 */
export type AddressOwners =
  | { readonly kind: 'one' | 'orphaned'; readonly owner: string }
  | { readonly kind: 'two'; readonly owners: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly unheard: readonly string[] };

/** Two that are known to have it are two, whoever was not heard. */
export function addressOwners(holdings: ReadonlyMap<string, AddressHolding>): AddressOwners {
  const owners = [...holdings].filter(([, { holds }]) => holds === true).map(([name]) => name);
  if (owners.length > 1) return { kind: 'two', owners };
  const unheard = [...holdings].filter(([, { holds }]) => holds === null).map(([name]) => name);
  if (unheard.length > 0) return { kind: 'unknown', unheard };
  const [owner] = owners;
  if (owner === undefined) return { kind: 'none' };
  const daemon = holdings.get(owner)?.daemon;
  return { kind: daemon === 'gone' || daemon === 'frozen' ? 'orphaned' : 'one', owner };
}
