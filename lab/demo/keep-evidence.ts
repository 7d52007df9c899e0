import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Topology } from '../../src/core/topology/topology.ts';
import { exportBundle, verifyBundle } from '../../src/wire/evidence-bundle/bundle.ts';
import type { LabDirectory } from '../lab-directory.ts';

/** Puts all evidence of a lab into one bundle that outlives it, and verifies that as anybody could. */
export async function keepEvidence(directory: LabDirectory, topology: Topology) {
  const software = { holdfast: versionOf(directory.root), node: process.version };
  const bundlePath = join(directory.evidence, 'evidence.json');
  mkdirSync(directory.evidence, { recursive: true });
  const bundle = await exportBundle({
    directories: directory.evidenceChains(topology).filter((path) => existsSync(path)),
    out: bundlePath,
    software,
    createdAt: new Date().toISOString(),
  });
  return { bundle, bundlePath, evidence: verifyBundle(bundle), software };
}

const versionOf = (root: string): string =>
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
