/**
 * Where Holdfast's keys lie in etcd. `NAMESPACE state/…` holds the engine's keys; `incarnation` names the data; `tip` is
 * put by every Holdfast transaction, so its modification revision is the newest one of this history (ADR 0004).
 */
export interface KeyLayout {
  readonly incarnation: Buffer;
  readonly tip: Buffer;
  key(name: string): Buffer;
  name(key: Buffer): string;
  /** First key and end (exclusive) of everything below a prefix of names. */
  below(prefix: string): { readonly key: Buffer; readonly range_end: Buffer };
}

/** Where nothing else is configured. */
export const usualNamespace = 'holdfast/';

export function keyLayout(namespace: string): KeyLayout {
  const state = `${namespace}state/`;
  const stateBytes = Buffer.byteLength(state);
  return {
    incarnation: Buffer.from(`${namespace}incarnation`),
    tip: Buffer.from(`${namespace}tip`),
    key: (name) => Buffer.from(state + name),
    name: (key) => key.subarray(stateBytes).toString('utf8'),
    below: (prefix) => {
      const key = Buffer.from(state + prefix);
      return { key, range_end: successor(key) };
    },
  };
}

/** Smallest key after every key that starts with these bytes. UTF-8 text never ends in 0xff. */
function successor(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1]! += 1;
  return end;
}
