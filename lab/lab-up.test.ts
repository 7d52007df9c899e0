import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readTopologyFile } from '../src/wire/topology-file/read-topology-file.ts';
import { labUp } from './lab-up.ts';

it('the loopback ground refuses servers that it does not have before it touches anything (HF-7010)', async (context) => {
  const file = join(import.meta.dirname, '..', 'examples', 'three-site-servers.yaml');
  const parsed = readTopologyFile(file);
  assert.ok(parsed.ok);
  const root = mkdtempSync(join(tmpdir(), 'lab-up-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const wish = { root, name: 'refused', topology: parsed.value.topology, topologyFile: file };
  await assert.rejects(
    labUp(wish, () => {}),
    /HF-7010[\s\S]*routing is frr/,
  );
  assert.ok(!existsSync(join(root, '.holdfast')));
});
