import { readFile } from 'node:fs/promises';
import { type AgentMemory, blankMemory } from '../engine/agent-memory.ts';
import { writeWhole } from '../wire/evidence-bundle/chain-directory.ts';
import { Fields } from '../wire/fields.ts';
import { causeText, HoldfastError } from '../wire/holdfast-error.ts';

const FORMAT = 1;

/** What an agent must not forget, on disk. Whole or the earlier one, never half. */
export class AgentMemoryFile {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What was saved last; blank when nothing ever was.
   * @throws HoldfastError HF-3303 when it cannot be read: an agent that forgot might obey an older epoch.
   */
  async read(): Promise<AgentMemory> {
    try {
      const file = Fields.parse(await readFile(this.#path, 'utf8'), '');
      if (file.count('format') !== FORMAT)
        throw new Error(`its format is ${file.count('format')}; this version knows ${FORMAT}`);
      const memory = file.fields('memory');
      memory.map('highest', (value, at) => Fields.of(value, at).count('epoch') + Fields.of(value, at).count('term'));
      memory.texts('mayWrite');
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

  /** Resolves when it is on disk; in the order of the calls. */
  save(memory: AgentMemory): Promise<void> {
    this.#writing = this.#writing.then(() =>
      writeWhole(this.#path, `${JSON.stringify({ format: FORMAT, memory })}\n`, 0o600),
    );
    return this.#writing;
  }
}
