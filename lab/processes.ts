import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, systemCode } from './lab-error.ts';

/** What was started, or was about to be. `pid` null: the intent was recorded and nothing more is known. */
export interface ProcessEntry {
  readonly key: string;
  readonly pid: number | null;
  readonly startTicks: number | null;
  readonly startedAt: string;
}

interface RegistryFile {
  readonly lab: string;
  readonly entries: readonly ProcessEntry[];
  /** System V shared memory that processes of the lab created: survives their death unless it is removed. */
  readonly sharedMemory: readonly number[];
}

/**
 * `processes.json` of a lab: every process's name is on disk before it is started and its pid right after, so that a lab can
 * be taken down completely by somebody who knows nothing but its directory. One writer: the ground.
 */
export class ProcessRegistry {
  readonly #file: string;
  readonly #lab: string;
  readonly #entries = new Map<string, ProcessEntry>();
  readonly #sharedMemory = new Set<number>();
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string, lab: string) {
    this.#file = file;
    this.#lab = lab;
  }

  get entries(): readonly ProcessEntry[] {
    return [...this.#entries.values()];
  }

  entry(key: string): ProcessEntry | null {
    return this.#entries.get(key) ?? null;
  }

  /** Durable when it resolves. */
  record(entries: readonly ProcessEntry[]): Promise<void> {
    for (const entry of entries) this.#entries.set(entry.key, entry);
    return this.#save();
  }

  recordSharedMemory(ids: readonly number[]): Promise<void> {
    const fresh = ids.filter((id) => !this.#sharedMemory.has(id));
    if (fresh.length === 0) return Promise.resolve();
    for (const id of fresh) this.#sharedMemory.add(id);
    return this.#save();
  }

  #save(): Promise<void> {
    const next = this.#writing.then(() => {
      const content: RegistryFile = {
        lab: this.#lab,
        entries: this.entries,
        sharedMemory: [...this.#sharedMemory],
      };
      return writeDurably(this.#file, JSON.stringify(content, null, 1));
    });
    this.#writing = next.catch(() => {});
    return next;
  }
}

/** What a lab's registry says; empty when there is none or it cannot be read, since the markers find everything anyway. */
export function readRegistry(file: string): Omit<RegistryFile, 'lab'> {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as RegistryFile;
    return { entries: content.entries ?? [], sharedMemory: content.sharedMemory ?? [] };
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError) return { entries: [], sharedMemory: [] };
    throw new Error(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Replaces a file as a whole; on disk when it resolves. */
export async function writeDurably(file: string, text: string, mode = 0o600): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const draft = join(dirname(file), `.${process.pid}.draft`);
  const handle = await open(draft, 'w', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
