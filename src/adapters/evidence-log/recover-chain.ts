import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../core/base/canonical-json.ts';
import { hashedText, parseEntry } from '../../core/evidence/evidence-entry.ts';
import { type ChainHead, headOf } from '../../core/evidence/hash-chain.ts';
import { writeWhole } from '../../wire/evidence-bundle/chain-directory.ts';
import { sha256 } from '../../wire/evidence-bundle/evidence-crypto.ts';

/** What was cut from the end of a chain file when it was opened, and where it is kept. Recorded in the `started` entry. */
export interface SetAside {
  readonly bytes: number;
  readonly afterSequence: number;
  readonly file: string;
  readonly sha256: string;
}

export interface RecoveredChain {
  /** Null = nothing readable was written before. */
  readonly head: ChainHead | null;
  /** Where the next line goes. */
  readonly size: number;
  readonly tornTail: SetAside | null;
}

const lineFeed = 0x0a;
const firstWindowBytes = 64 * 1024;

/**
 * Finds the head of a chain by reading backwards from its end: start-up costs the same after ten entries and after ten
 * million. What follows the last whole entry is moved to a file of its own and cut off; the entries before it are not
 * judged here (that is verification's work, and a writer must be able to start).
 */
export async function recoverChain(
  file: FileHandle,
  options: { readonly directory: string; readonly chain: string; readonly digest: Digest },
): Promise<RecoveredChain> {
  const { size } = await file.stat();
  const { head, end } = await findHead(file, size, options);
  if (end === size) return { head, size, tornTail: null };
  const tail = await readRange(file, end, size);
  const afterSequence = head?.sequence ?? 0;
  const name = `torn-after-${afterSequence}-${sha256(tail.toString('base64')).slice(0, 8)}.base64`;
  // Kept before it is cut, so that a crash between the two loses nothing.
  await writeWhole(join(options.directory, name), `${tail.toString('base64')}\n`);
  await file.truncate(end);
  await file.datasync();
  const tornTail = { bytes: tail.length, afterSequence, file: name, sha256: sha256(tail.toString('base64')) };
  return { head, size: end, tornTail };
}

async function findHead(
  file: FileHandle,
  size: number,
  { chain, digest }: { readonly chain: string; readonly digest: Digest },
): Promise<{ readonly head: ChainHead | null; readonly end: number }> {
  for (let windowBytes = firstWindowBytes; ; windowBytes *= 4) {
    const start = Math.max(0, size - windowBytes);
    const bytes = await readRange(file, start, size);
    let lineEnd = bytes.lastIndexOf(lineFeed);
    while (lineEnd >= 0) {
      const lineStart = lineEnd === 0 ? 0 : bytes.lastIndexOf(lineFeed, lineEnd - 1) + 1;
      if (lineStart === 0 && start > 0) break;
      const parsed = parseEntry(bytes.toString('utf8', lineStart, lineEnd));
      if (parsed.ok && parsed.value.chain === chain && digest(hashedText(parsed.value)) === parsed.value.hash)
        return { head: headOf(parsed.value), end: start + lineEnd + 1 };
      if (lineStart === 0) break;
      lineEnd = lineStart - 1;
    }
    if (start === 0) return { head: null, end: 0 };
  }
}

async function readRange(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
