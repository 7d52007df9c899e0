import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The floor of a group commit: how long it takes to sync 128 bytes that were written into a file which was filled before. */
const SYNCS = 300;
const path = join(process.argv[2]!, 'sync-floor');
process.on('message', () => {
  const file = openSync(path, 'w+');
  const [zeros, bytes] = [Buffer.alloc(1024 * 1024), Buffer.alloc(128, 1)];
  writeSync(file, zeros, 0, zeros.length, 0);
  fdatasyncSync(file);
  const handlerNs: number[] = [];
  for (let at = 0; at < SYNCS; at++) {
    const startedAt = performance.now();
    writeSync(file, bytes, 0, bytes.length, at * bytes.length);
    fdatasyncSync(file);
    handlerNs.push((performance.now() - startedAt) * 1e6);
  }
  closeSync(file);
  rmSync(path);
  process.send?.({ handlerNs });
});
process.on('disconnect', () => process.exit());
process.send?.({ port: 0 });
