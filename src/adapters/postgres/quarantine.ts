import { createHash } from 'node:crypto';
import {
  constants,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { InstanceId } from '../../core/base/ids.ts';
import { syncFolder, writeDurably } from '../system/durable-file.ts';
import { formatLsn, type Lsn, parseSegmentName } from './lsn.ts';

/** A part of a server's own log that the present primary does not have. */
export interface DivergentTail {
  readonly instance: InstanceId;
  readonly epoch: number;
  readonly systemId: string;
  readonly timeline: number;
  readonly from: Lsn;
  readonly to: Lsn;
  readonly segmentBytes: number;
  readonly upstream: InstanceId;
  readonly upstreamTimeline: number;
}

export interface KeptTail {
  /** The manifest; beside it lie the segments. */
  readonly file: string;
  readonly from: Lsn;
  readonly count: number;
}

/**
 * Keeps a divergent tail before anything is rebuilt: every segment from the fork to the end, and the histories, durably,
 * with a manifest of their digests. The server must be stopped. Asked again for the same tail, it answers with the kept one.
 */
export async function keepTail(dataDir: string, tail: DivergentTail): Promise<KeptTail> {
  const wanted = manifestRange(tail);
  const folder = freeFolder(join(dirname(dataDir), 'quarantine', `${tail.instance}-${tail.epoch}`), wanted);
  const manifest = join(folder, 'manifest.json');
  const kept = { file: manifest, from: tail.from, count: tail.to - tail.from };
  if (existsSync(manifest)) return kept;
  const draft = `${folder}.draft`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  const files: { name: string; bytes: number; sha256: string }[] = [];
  for (const path of filesOf(dataDir, tail)) {
    const copy = join(draft, basename(path));
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    files.push({ name: basename(path), ...(await digest(copy)) });
  }
  writeDurably(
    join(draft, 'manifest.json'),
    `${JSON.stringify({ ...wanted, from: formatLsn(tail.from), to: formatLsn(tail.to), bytes: tail.to - tail.from, keptAt: new Date().toISOString(), files }, null, 2)}\n`,
  );
  renameSync(draft, folder);
  syncFolder(dirname(folder));
  return kept;
}

interface ManifestRange {
  readonly instance: string;
  readonly epoch: number;
  readonly systemId: string;
  readonly timeline: number;
  readonly upstream: string;
  readonly upstreamTimeline: number;
  readonly fromBytes: number;
  readonly toBytes: number;
}

const manifestRange = (tail: DivergentTail): ManifestRange => ({
  instance: tail.instance,
  epoch: tail.epoch,
  systemId: tail.systemId,
  timeline: tail.timeline,
  upstream: tail.upstream,
  upstreamTimeline: tail.upstreamTimeline,
  fromBytes: tail.from,
  toBytes: tail.to,
});

/** The folder that already holds this tail, or one that is not there yet. */
function freeFolder(base: string, range: ManifestRange): string {
  for (let attempt = 1; ; attempt++) {
    const folder = attempt === 1 ? base : `${base}-${attempt}`;
    if (!existsSync(folder)) return folder;
    const kept = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as ManifestRange;
    const same = (['systemId', 'timeline', 'fromBytes', 'toBytes'] as const).every(
      (field) => kept[field] === range[field],
    );
    if (same) return folder;
  }
}

function filesOf(dataDir: string, tail: DivergentTail): string[] {
  const wal = join(dataDir, 'pg_wal');
  const first = Math.floor(tail.from / tail.segmentBytes);
  const last = Math.floor(Math.max(tail.from, tail.to - 1) / tail.segmentBytes);
  const paths = [join(dataDir, 'global', 'pg_control')];
  for (const name of readdirSync(wal).sort()) {
    const segment = parseSegmentName(name, tail.segmentBytes);
    const inRange = segment !== null && segment.number >= first && segment.number <= last;
    if (inRange || /^[0-9A-F]{8}\.history$/.test(name)) paths.push(join(wal, name));
  }
  return paths;
}

async function digest(path: string): Promise<{ bytes: number; sha256: string }> {
  const handle = await open(path, 'r+');
  await handle.sync();
  await handle.close();
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
