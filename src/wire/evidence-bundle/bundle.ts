import { readFile, stat } from 'node:fs/promises';
import type { Anchor } from '../../core/evidence/anchor.ts';
import { type EvidenceVerdict, verifyEvidence } from '../../core/evidence/verify-evidence.ts';
import { chainCopy, readChains, type StoredChain, writeWhole } from './chain-directory.ts';
import { sha256, signatureCheck } from './evidence-crypto.ts';

/**
 * Chains of several processes in one file that can be verified years later with nothing else: the lines as they were
 * written, the public keys, the anchors that the authority still had, and the versions that wrote them. No private key.
 */
export interface EvidenceBundle {
  readonly format: 'holdfast-evidence-bundle';
  readonly version: 1;
  /** UTC, ISO 8601. */
  readonly createdAt: string;
  readonly software: Readonly<Record<string, string>>;
  readonly chains: readonly (StoredChain & { readonly sha256: string })[];
  readonly anchors: readonly Anchor[];
}

export interface ExportOptions {
  /** Directories to search for chains; names of duplicates are kept apart by their place in this list. */
  readonly directories: readonly string[];
  readonly out: string;
  readonly software: Readonly<Record<string, string>>;
  /** What the authority holds; anchors inside the chains are found anyway. */
  readonly anchors?: readonly Anchor[];
  /** UTC, ISO 8601. */
  readonly createdAt: string;
}

/**
 * Writes the bundle, whole or not at all. It exports what is there, damaged chains included, and judges nothing: see
 * `verifyBundle`.
 */
export async function exportBundle(options: ExportOptions): Promise<EvidenceBundle> {
  const chains = await readAll(options.directories);
  const bundle: EvidenceBundle = {
    format: 'holdfast-evidence-bundle',
    version: 1,
    createdAt: options.createdAt,
    software: options.software,
    chains: chains.map((chain) => ({ ...chain, sha256: sha256(chain.text) })),
    anchors: options.anchors ?? [],
  };
  await writeWhole(options.out, `${JSON.stringify(bundle, null, 1)}\n`);
  return bundle;
}

/** Thrown for a file that is no bundle of this version; the message is for people. */
export class NotABundle extends Error {
  override readonly name = 'NotABundle';
}

export function parseBundle(text: string): EvidenceBundle {
  let value: Partial<EvidenceBundle> | null;
  try {
    value = JSON.parse(text) as Partial<EvidenceBundle> | null;
  } catch {
    throw new NotABundle('the file is not JSON, or was cut off');
  }
  if (value?.format !== 'holdfast-evidence-bundle') throw new NotABundle('the file is not an evidence bundle');
  if (value.version !== 1)
    throw new NotABundle(`bundle version ${String(value.version)} is not known; this program reads 1`);
  const whole = (chain: StoredChain | undefined) =>
    [chain?.chain, chain?.publicKey, chain?.source, chain?.text].every((member) => typeof member === 'string');
  if (!Array.isArray(value.chains) || !value.chains.every(whole) || !Array.isArray(value.anchors))
    throw new NotABundle('the bundle lacks its chains or anchors');
  return value as EvidenceBundle;
}

export interface VerifyOptions {
  /** Public keys (base64 SPKI) known from elsewhere, by chain. */
  readonly trustedKeys?: Readonly<Record<string, string>>;
  readonly fromAuthority?: readonly Anchor[];
}

export const verifyBundle = (bundle: EvidenceBundle, options: VerifyOptions = {}): EvidenceVerdict =>
  verifyChains(bundle.chains, { ...options, fromAuthority: [...bundle.anchors, ...(options.fromAuthority ?? [])] });

export const verifyChains = (chains: readonly StoredChain[], options: VerifyOptions = {}): EvidenceVerdict =>
  verifyEvidence(chains.map(chainCopy), { ...options, digest: sha256, verifySignature: signatureCheck() });

/** Reads bundles and directories alike, as the command line gives them. */
export async function readEvidence(
  paths: readonly string[],
): Promise<{ readonly chains: readonly StoredChain[]; readonly anchors: readonly Anchor[] }> {
  const chains: StoredChain[] = [];
  const anchors: Anchor[] = [];
  for (const [index, path] of paths.entries()) {
    if ((await stat(path)).isDirectory()) {
      chains.push(...(await readChains(path, labelOf(index, paths))));
    } else {
      const bundle = parseBundle(await readFile(path, 'utf8'));
      chains.push(...bundle.chains);
      anchors.push(...bundle.anchors);
    }
  }
  return { chains, anchors };
}

async function readAll(directories: readonly string[]): Promise<readonly StoredChain[]> {
  const chains: StoredChain[] = [];
  for (const [index, directory] of directories.entries())
    chains.push(...(await readChains(directory, labelOf(index, directories))));
  return chains;
}

/** Never the path itself: a bundle must not carry names of the machine it was made on. */
const labelOf = (index: number, paths: readonly string[]): string => (paths.length === 1 ? '.' : `${index + 1}`);
