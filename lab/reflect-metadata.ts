/**
 * The part of the `Reflect` metadata proposal that `tsyringe` (below `@peculiar/x509`) expects to find when it is loaded.
 * Import this before it. Leaves an implementation that is already there alone.
 */
type Metadata = Map<unknown, unknown>;
const byTarget = new WeakMap<object, Metadata>();

const ofTarget = (target: object): Metadata => {
  const known = byTarget.get(target);
  if (known !== undefined) return known;
  const fresh: Metadata = new Map();
  byTarget.set(target, fresh);
  return fresh;
};

function inherited(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const own = byTarget.get(at);
    if (own?.has(key)) return own.get(key);
  }
  return undefined;
}

const polyfill = {
  getMetadata: inherited,
  getOwnMetadata: (key: unknown, target: object) => byTarget.get(target)?.get(key),
  hasOwnMetadata: (key: unknown, target: object) => byTarget.get(target)?.has(key) ?? false,
  defineMetadata: (key: unknown, value: unknown, target: object) => void ofTarget(target).set(key, value),
  metadata: (key: unknown, value: unknown) => (target: object) => void ofTarget(target).set(key, value),
};

if (!('getMetadata' in Reflect)) Object.assign(Reflect, polyfill);
