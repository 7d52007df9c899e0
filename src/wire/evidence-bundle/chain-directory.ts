import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseChainText } from '../../core/evidence/chain-text.ts';
import type { ChainCopy } from '../../core/evidence/verify-evidence.ts';

/** Files of one chain's directory. */
export const chainFiles = {
  /** The chain: one canonical JSON entry per line. */
  entries: 'chain.jsonl',
  /** `ChainIdentity`. */
  identity: 'chain.json',
  /** The private key, 0600; never exported. */
  key: 'key.pem',
} as const;

export interface ChainIdentity {
  readonly format: 1;
  readonly chain: string;
  readonly publicKey: string;
}

/** A chain as stored: the text is kept as it is, so that nothing is repaired on the way. */
export interface StoredChain extends ChainIdentity {
  /** Where it was found, relative to what was asked for. */
  readonly source: string;
  readonly text: string;
}

const maximumDepth = 6;

/**
 * Every chain below a directory (itself included), in order of its path. A directory that cannot be read is an error, not
 * an empty result: silence here would look like missing evidence.
 */
export async function readChains(directory: string, label: string = '.'): Promise<readonly StoredChain[]> {
  const found: StoredChain[] = [];
  await visit({ directory, label, depth: 0, found });
  return found;
}

async function visit(at: {
  readonly directory: string;
  readonly label: string;
  readonly depth: number;
  readonly found: StoredChain[];
}): Promise<void> {
  const { directory, label, depth, found } = at;
  const entries = await readdir(directory, { withFileTypes: true });
  if (entries.some((entry) => entry.isFile() && entry.name === chainFiles.entries)) {
    const identity = parseIdentity(await readFile(join(directory, chainFiles.identity), 'utf8'));
    const text = await readFile(join(directory, chainFiles.entries), 'utf8');
    found.push({ ...identity, source: label, text });
  }
  if (depth >= maximumDepth) return;
  for (const entry of entries.filter((each) => each.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const nested = label === '.' ? entry.name : `${label}/${entry.name}`;
    await visit({ directory: join(directory, entry.name), label: nested, depth: depth + 1, found });
  }
}

/** Throws with the reason when the text is no identity. */
export function parseIdentity(text: string): ChainIdentity {
  const value = JSON.parse(text) as Partial<ChainIdentity> | null;
  if (value?.format !== 1 || typeof value.chain !== 'string' || typeof value.publicKey !== 'string')
    throw new Error('not the identity of an evidence chain, format 1');
  return { format: 1, chain: value.chain, publicKey: value.publicKey };
}

export const chainCopy = ({ chain, publicKey, source, text }: StoredChain): ChainCopy => ({
  chain,
  publicKey,
  source,
  ...parseChainText(text),
});

/** Writes a file so that after a crash it is either the old one or the new one, whole. */
export async function writeWhole(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.writeFile(text, 'utf8');
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes names created in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
