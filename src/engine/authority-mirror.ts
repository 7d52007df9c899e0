import type { Revision } from '../core/base/ids.ts';
import type { StoredValue } from './authority-port.ts';

/** The authority's keys as this process last heard them, in revision order, with when it heard each. */
export class AuthorityMirror {
  readonly #entries = new Map<string, StoredValue & { readonly seenAt: number }>();
  /** Keys that were removed, and when: an older answer must not bring them back. */
  readonly #removed = new Map<string, number>();
  /** Revision of the newest reading of everything: what it did not have was not there then, whoever speaks of it later. */
  #readAt = 0;
  #incarnation: string | null = null;
  #revision = 0;
  #heardAt: number | null = null;

  get incarnation(): string | null {
    return this.#incarnation;
  }
  get loaded(): boolean {
    return this.#incarnation !== null;
  }
  get revision(): Revision {
    return this.#revision as Revision;
  }
  /** When anything was last heard; null = never. */
  get heardAt(): number | null {
    return this.#heardAt;
  }

  snapshot(
    entries: Readonly<Record<string, StoredValue>>,
    at: { readonly revision: Revision; readonly incarnation: string; readonly now: number },
  ): void {
    // Another incarnation is another history: its revisions say nothing about what was known before. So does the first reading:
    // what a command told us before it may be of any.
    if (this.#incarnation !== at.incarnation) {
      this.#entries.clear();
      this.#removed.clear();
      this.#revision = 0;
      this.#readAt = 0;
    }
    // It may be older than a change that was heard of meanwhile, our own commit for one: what is newer stays as it is known.
    for (const [key, known] of this.#entries)
      if (!(key in entries) && known.revision <= at.revision) this.#entries.delete(key);
    const absentSince = at.revision < this.#readAt ? this.#readAt : 0;
    for (const [key, stored] of Object.entries(entries)) this.#put(key, stored, at.now, absentSince);
    this.#readAt = Math.max(this.#readAt, at.revision);
    for (const [key, revision] of this.#removed) if (revision <= at.revision) this.#removed.delete(key);
    this.#incarnation = at.incarnation;
    this.#revision = Math.max(this.#revision, at.revision);
    this.#heardAt = at.now;
  }

  change(
    changes: readonly { readonly key: string; readonly value: StoredValue['value'] }[],
    revision: Revision,
    now: number,
  ): void {
    this.#heardAt = now;
    for (const { key, value } of changes) {
      const known = this.#entries.get(key);
      if (known && known.revision >= revision) continue;
      if (value === null) {
        this.#entries.delete(key);
        this.#removed.set(key, Math.max(this.#removed.get(key) ?? 0, revision));
      } else this.#put(key, { value, revision }, now);
    }
    if (revision > this.#revision) this.#revision = revision;
  }

  /** What a refused compare-and-set showed. */
  learn(current: Readonly<Record<string, StoredValue | null>>, now: number): void {
    this.#heardAt = now;
    for (const [key, stored] of Object.entries(current)) {
      if (stored === null) this.#entries.delete(key);
      else this.#put(key, stored, now);
    }
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  #put(key: string, stored: StoredValue, now: number, absentSince = this.#readAt): void {
    const known = this.#entries.get(key)?.revision ?? Math.max(this.#removed.get(key) ?? 0, absentSince);
    if (known >= stored.revision) return;
    this.#removed.delete(key);
    this.#entries.set(key, { ...stored, seenAt: now });
  }

  revisionOf(key: string): Revision {
    return (this.#entries.get(key)?.revision ?? 0) as Revision;
  }

  value<Value>(key: string): Value | null {
    return (this.#entries.get(key)?.value ?? null) as Value | null;
  }

  seenAt(key: string): number | null {
    return this.#entries.get(key)?.seenAt ?? null;
  }

  below(prefix: string): readonly (readonly [string, StoredValue])[] {
    return [...this.#entries].filter(([key]) => key.startsWith(prefix)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}
