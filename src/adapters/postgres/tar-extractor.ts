import { type FileHandle, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { Writable } from 'node:stream';

const BLOCK = 512;

interface OpenFile {
  readonly handle: FileHandle;
  /** Bytes of content, then of padding, still to come. */
  content: number;
  padding: number;
}

/**
 * Unpacks the tar stream of a base backup into a folder: directories 0700, files 0600. Reads the plain ustar that
 * PostgreSQL writes; anything that would lie outside the folder is refused.
 */
export class TarExtractor extends Writable {
  readonly #folder: string;
  #header = Buffer.alloc(0);
  #file: OpenFile | null = null;
  files = 0;

  constructor(folder: string) {
    super({ highWaterMark: 1 << 20 });
    this.#folder = folder;
  }

  /** Ends the stream; resolves when everything has been handed to the file system. */
  finish(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.once('error', reject);
    this.end(() => resolve());
    return promise;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#consume(chunk).then(
      () => done(),
      (error: Error) => done(error),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    done(this.#file === null ? null : new Error('the archive ended inside a file'));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const file = this.#file;
    this.#file = null;
    if (file === null) done(error);
    else
      file.handle.close().then(
        () => done(error),
        () => done(error),
      );
  }

  async #consume(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#file !== null) rest = await this.#fill(this.#file, rest);
      else {
        const missing = BLOCK - this.#header.length;
        this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#header.length === BLOCK) {
          const header = this.#header;
          this.#header = Buffer.alloc(0);
          await this.#begin(header);
        }
      }
    }
  }

  async #fill(file: OpenFile, chunk: Buffer): Promise<Buffer> {
    const content = chunk.subarray(0, file.content);
    if (content.length > 0) await file.handle.writeFile(content);
    file.content -= content.length;
    const padding = Math.min(file.padding, chunk.length - content.length);
    if (file.content === 0) file.padding -= padding;
    if (file.content === 0 && file.padding === 0) {
      this.#file = null;
      await file.handle.close();
    }
    return chunk.subarray(content.length + padding);
  }

  async #begin(header: Buffer): Promise<void> {
    if (header.every((byte) => byte === 0)) return;
    const entry = parseTarHeader(header);
    const path = join(this.#folder, entry.name);
    if (entry.type === 'directory') return void (await mkdir(path, { recursive: true, mode: 0o700 }));
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (entry.type === 'link') return void (await symlink(entry.linkTarget, path));
    const handle = await open(path, 'w', 0o600);
    this.files += 1;
    const file = { handle, content: entry.size, padding: (BLOCK - (entry.size % BLOCK)) % BLOCK };
    if (entry.size === 0) await handle.close();
    else this.#file = file;
  }
}

export interface TarEntry {
  readonly name: string;
  readonly size: number;
  readonly type: 'file' | 'directory' | 'link';
  readonly linkTarget: string;
}

/** Parses one ustar header; throws on a bad checksum, an unknown type or a name that leaves the folder. */
export function parseTarHeader(header: Buffer): TarEntry {
  const text = (from: number, length: number) => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  let sum = 0;
  for (let index = 0; index < BLOCK; index++) sum += index >= 148 && index < 156 ? 32 : (header[index] ?? 0);
  if (sum !== Number.parseInt(text(148, 8).trim(), 8)) throw new Error('a header of the archive has a wrong checksum');
  const prefix = text(345, 155);
  const name = normalize(prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`);
  if (name.startsWith('/') || name === '..' || name.startsWith('../'))
    throw new Error(`the archive names "${name}", outside its folder`);
  const flag = text(156, 1);
  const type = flag === '5' ? 'directory' : flag === '2' ? 'link' : flag === '0' || flag === '' ? 'file' : null;
  if (type === null)
    throw new Error(`"${name}" in the archive is of type "${flag}", which a base backup does not have`);
  return { name, type, size: type === 'file' ? parseSize(header) : 0, linkTarget: text(157, 100) };
}

/** Octal, or big-endian binary for files of 8 GiB and more. */
function parseSize(header: Buffer): number {
  if (((header[124] ?? 0) & 0x80) === 0)
    return Number.parseInt(header.toString('latin1', 124, 136).replace(/[\0 ]/g, ''), 8) || 0;
  let size = 0;
  for (let index = 125; index < 136; index++) size = size * 256 + (header[index] ?? 0);
  return size;
}
