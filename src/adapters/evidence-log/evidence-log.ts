import { constants, fstatSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../core/base/canonical-json.ts';
import type { MonoMs, WallMs } from '../../core/base/ids.ts';
import {
  type EvidenceBody,
  type EvidenceEntry,
  type EvidenceStamp,
  entryLine,
  signedText,
} from '../../core/evidence/evidence-entry.ts';
import { isEvidenceKind } from '../../core/evidence/evidence-kind.ts';
import { append, type ChainHead, genesisHead, headOf } from '../../core/evidence/hash-chain.ts';
import {
  type ChainIdentity,
  chainFiles,
  parseIdentity,
  syncDirectory,
  writeWhole,
} from '../../wire/evidence-bundle/chain-directory.ts';
import {
  type EvidenceKey,
  generateEvidenceKey,
  loadEvidenceKey,
  sha256,
} from '../../wire/evidence-bundle/evidence-crypto.ts';
import { EvidenceLogError } from './evidence-log-error.ts';
import { recoverChain } from './recover-chain.ts';

export interface EvidenceLogOptions {
  /** The chain's own directory; created (0700) when it does not exist. One process at a time. */
  readonly directory: string;
  /** Name of the controller or agent. */
  readonly chain: string;
  /** Version of the writing program, recorded in `started`. */
  readonly version: string;
  readonly clock: EvidenceClock;
  /** More to record in the `started` entry. */
  readonly start?: Json;
}

export interface EvidenceClock {
  wallMs(): WallMs;
  monoMs(): MonoMs;
  /** Null = not known. */
  clockErrorMs(): number | null;
}

/** A process's own signed chain on disk. */
export interface EvidenceLog {
  readonly chain: string;
  /** Base64 SPKI. */
  readonly publicKey: string;
  /** The last durable entry: what an anchor may record. */
  head(): ChainHead;
  /**
   * Resolves when the entry is on disk. Entries get their number in the order of these calls; those waiting together
   * share one sync. Rejects with `EvidenceLogError` when it could not be made durable: then nothing may be done that
   * had to be recorded first (I8). After HF-6002 and HF-6003 the log refuses everything; after HF-6001 (disk full)
   * later calls are tried again.
   */
  append(body: EvidenceBody): Promise<EvidenceEntry>;
  /** Writes `stopped`, waits for what is under way and closes the file. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens or continues a chain, generating its key on first use, and writes `started` (with the torn tail that it set
 * aside, if any) before it resolves.
 */
export async function openEvidenceLog(options: EvidenceLogOptions): Promise<EvidenceLog> {
  const { directory, chain, clock } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const key = await readOrCreateKey(directory, chain);
  const file = await open(join(directory, chainFiles.entries), APPEND_DURABLY, 0o600);
  try {
    const recovered = await recoverChain(file, { directory, chain, digest: sha256 });
    await syncDirectory(directory);
    const head = recovered.head ?? genesisHead(chain, key.publicKey, sha256);
    const log = new ChainWriter({ file, key, head, size: recovered.size, clock });
    const { tornTail } = recovered;
    const data = { version: options.version, publicKey: key.publicKey, tornTail, start: options.start ?? null } as Json;
    await log.append({ kind: 'started', group: null, run: null, epoch: null, term: null, data });
    return log;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/** Every write is on disk when it returns: one trip to the disk instead of a write and a sync. */
const APPEND_DURABLY = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_DSYNC;

interface Waiting {
  readonly body: EvidenceBody & EvidenceStamp;
  resolve(entry: EvidenceEntry): void;
  reject(reason: EvidenceLogError): void;
}

class ChainWriter implements EvidenceLog {
  readonly chain: string;
  readonly publicKey: string;
  readonly #file: FileHandle;
  readonly #key: EvidenceKey;
  readonly #clock: EvidenceClock;
  #head: ChainHead;
  #size: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  /** Set once nothing can be written any more. */
  #ended: EvidenceLogError | null = null;
  #closing: Promise<void> | null = null;

  constructor(from: {
    readonly file: FileHandle;
    readonly key: EvidenceKey;
    readonly head: ChainHead;
    readonly size: number;
    readonly clock: EvidenceClock;
  }) {
    this.chain = from.head.chain;
    this.publicKey = from.key.publicKey;
    this.#file = from.file;
    this.#key = from.key;
    this.#head = from.head;
    this.#size = from.size;
    this.#clock = from.clock;
  }

  head(): ChainHead {
    return this.#head;
  }

  append(body: EvidenceBody): Promise<EvidenceEntry> {
    if (this.#closing !== null)
      return Promise.reject(new EvidenceLogError('HF-6004', `record ${body.kind}: the evidence log is closed`));
    return this.#enqueue(body);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #enqueue(body: EvidenceBody): Promise<EvidenceEntry> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (!isEvidenceKind(body.kind)) throw new TypeError(`"${String(body.kind)}" is not a kind of evidence`);
    const clock = this.#clock;
    const stamped = { ...body, at: clock.wallMs(), monoMs: clock.monoMs(), clockErrorMs: clock.clockErrorMs() };
    const written = new Promise<EvidenceEntry>((resolve, reject) => {
      this.#waiting.push({ body: stamped, resolve, reject });
    });
    this.#flushing ??= this.#flush();
    return written;
  }

  async #close(): Promise<void> {
    try {
      const body = { kind: 'stopped', group: null, run: null, epoch: null, term: null, data: null } as const;
      await this.#enqueue(body);
    } catch {
      // A log that cannot be written has nobody left to tell; its next start will say that it ended without a word.
    } finally {
      await this.#flushing;
      await this.#file.close();
    }
  }

  /** One write and one sync at a time; whatever arrives meanwhile goes with the next. */
  async #flush(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const entries = await this.#write(batch);
        batch.forEach((waiting, index) => {
          const entry = entries[index];
          if (entry !== undefined) waiting.resolve(entry);
        });
      } catch (cause) {
        const error = cause instanceof EvidenceLogError ? cause : unwritable('HF-6003', cause);
        for (const waiting of batch) waiting.reject(error);
        if (error.code !== 'HF-6001') this.#end(error);
      }
    }
    this.#flushing = null;
  }

  /** Head and size move only when everything is durable, so a batch that did not make it leaves no trace. */
  async #write(batch: readonly Waiting[]): Promise<readonly EvidenceEntry[]> {
    const entries: EvidenceEntry[] = [];
    let head = this.#head;
    for (const { body } of batch) {
      const unsigned = append(head, body, sha256);
      entries.push({ ...unsigned, signature: this.#key.sign(signedText(unsigned.hash)) });
      head = headOf(unsigned);
    }
    const bytes = Buffer.from(entries.map((entry) => `${entryLine(entry)}\n`).join(''), 'utf8');
    this.#checkOnlyWriter();
    try {
      await this.#file.appendFile(bytes);
    } catch (cause) {
      await this.#undo(cause);
      throw unwritable('HF-6001', cause);
    }
    this.#size += bytes.length;
    this.#head = head;
    return entries;
  }

  #checkOnlyWriter(): void {
    const { size } = fstatSync(this.#file.fd);
    if (size === this.#size) return;
    throw new EvidenceLogError(
      'HF-6002',
      `write to the evidence chain ${this.chain}: the file has ${size} bytes where this process left ${this.#size}, so another process writes it too. Stop one of them; nothing more is recorded here.`,
    );
  }

  async #undo(cause: unknown): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
    } catch {
      throw unwritable('HF-6003', cause);
    }
  }

  #end(error: EvidenceLogError): void {
    this.#ended = error;
    const late = this.#waiting;
    this.#waiting = [];
    for (const waiting of late) waiting.reject(error);
  }
}

function unwritable(code: 'HF-6001' | 'HF-6003', cause: unknown): EvidenceLogError {
  const found = cause instanceof Error ? cause.message : String(cause);
  const next =
    code === 'HF-6001'
      ? 'Nothing was recorded; free some space, and it will be tried again.'
      : 'What reached the disk is unknown; restart the process, which will look.';
  return new EvidenceLogError(code, `write to the evidence chain: ${found}. ${next}`, { cause });
}

async function readOrCreateKey(directory: string, chain: string): Promise<EvidenceKey> {
  const keyPath = join(directory, chainFiles.key);
  const identityPath = join(directory, chainFiles.identity);
  const pem = await readIfPresent(keyPath);
  if (pem === null) {
    if ((await readIfPresent(identityPath)) !== null)
      throw new EvidenceLogError(
        'HF-6005',
        `continue the evidence chain ${chain}: its private key is gone. Restore ${chainFiles.key}, or move the directory away so that a new chain begins; keep the old one.`,
      );
    const key = generateEvidenceKey();
    await writeWhole(keyPath, key.privatePem, 0o600);
    await writeIdentity(identityPath, { format: 1, chain, publicKey: key.publicKey });
    return key;
  }
  const key = loadEvidenceKey(pem);
  const identity = await readIfPresent(identityPath);
  if (identity === null) {
    await writeIdentity(identityPath, { format: 1, chain, publicKey: key.publicKey });
    return key;
  }
  const known = parseIdentity(identity);
  if (known.chain !== chain || known.publicKey !== key.publicKey)
    throw new EvidenceLogError(
      'HF-6005',
      `continue the evidence chain ${chain}: the directory belongs to the chain ${known.chain}, or its key was exchanged. Give each process a directory of its own.`,
    );
  return key;
}

const writeIdentity = (path: string, identity: ChainIdentity): Promise<void> =>
  writeWhole(path, `${JSON.stringify(identity)}\n`);

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}
