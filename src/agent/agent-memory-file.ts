import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { type AgentMemory, blankMemory } from '../engine/agent-memory.ts';
import { writeWhole } from '../wire/evidence-bundle/chain-directory.ts';
import { Fields } from '../wire/fields.ts';
import { causeText, HoldfastError } from '../wire/holdfast-error.ts';

const FORMAT = 1;
/** When what was appended grows beyond this, the file is written anew. */
const REWRITE_AFTER_BYTES = 512 * 1024;
/** Every write is on disk when it returns: one trip to the disk instead of a write and a sync. */
const APPEND_DURABLY = constants.O_WRONLY | constants.O_APPEND | constants.O_DSYNC;

/**
 * What an agent must not forget, on disk: one line each time it is saved, the last whole line counts. A line that was cut off by a
 * crash was never confirmed to anybody.
 */
export class AgentMemoryFile {
  readonly #path: string;
  #file: FileHandle | null = null;
  #bytes = 0;
  #newest: AgentMemory = blankMemory;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What was saved last; blank when nothing ever was.
   * @throws HoldfastError HF-3303 when it cannot be read: an agent that forgot might obey an older epoch.
   */
  async read(): Promise<AgentMemory> {
    try {
      const line = (await readFile(this.#path, 'utf8')).split('\n').at(-2);
      if (line === undefined) throw new Error('it has no whole line');
      const file = Fields.parse(line, '');
      if (file.count('format') !== FORMAT)
        throw new Error(`its format is ${file.count('format')}; this version knows ${FORMAT}`);
      const memory = file.fields('memory');
      memory.map('highest', (value, at) => Fields.of(value, at).count('epoch') + Fields.of(value, at).count('term'));
      memory.texts('mayWrite');
      if (memory.has('stopped')) memory.texts('stopped');
      memory.list('done', (value, at) => Fields.of(value, at).text('key'));
      return memory.raw() as unknown as AgentMemory;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return blankMemory;
      throw new HoldfastError({
        code: 'HF-3303',
        attempted: `read what the agent must not forget, ${this.#path}`,
        found: causeText(cause),
        next: 'do not delete it: an agent without it would accept old commands. Restore it, or give the host a new name',
        cause,
      });
    }
  }

  /** Resolves when this or a later one is on disk. Those that wait together are one write: the last has what the others had. */
  save(memory: AgentMemory): Promise<void> {
    this.#newest = memory;
    this.#next ??= this.#writing.then(() => {
      this.#next = null;
      this.#writing = this.#write(`${JSON.stringify({ format: FORMAT, memory: this.#newest })}\n`);
      return this.#writing;
    });
    return this.#next;
  }

  /** Waits for what is being written and lets go of the file. */
  async close(): Promise<void> {
    await this.#next?.catch(() => {});
    await this.#writing.catch(() => {});
    await this.#file?.close();
    this.#file = null;
  }

  /** The first one of a process replaces the file as a whole: what an earlier process left behind its last line goes with it. */
  async #write(line: string): Promise<void> {
    const bytes = Buffer.from(line, 'utf8');
    if (this.#file === null || this.#bytes + bytes.length > REWRITE_AFTER_BYTES) {
      await this.#file?.close();
      this.#file = null;
      await writeWhole(this.#path, line, 0o600);
      this.#file = await open(this.#path, APPEND_DURABLY);
      this.#bytes = bytes.length;
      return;
    }
    this.#bytes += bytes.length;
    const { bytesWritten } = await this.#file.write(bytes);
    if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`);
  }
}
