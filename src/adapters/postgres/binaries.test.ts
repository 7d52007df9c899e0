import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { linkLibraries, locateBinaries, parseVersion } from './binaries.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast pé-'));
after(() => {
  const readOnly = join(folder, 'read-only', 'native', 'lib');
  if (existsSync(readOnly)) chmodSync(readOnly, 0o755);
  rmSync(folder, { recursive: true, force: true });
});

/** A package as npm leaves it: the library is there, the name that the loader looks for is not. */
function packageAt(name: string): string {
  const native = join(folder, name, 'native');
  mkdirSync(join(native, 'lib'), { recursive: true });
  writeFileSync(join(native, 'lib', 'libpq.so.5.18'), 'library');
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
  writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links));
  return native;
}

test('missing library names are made once, also when several processes do it', () => {
  const native = packageAt('writable');
  assert.equal(linkLibraries(native, folder), null);
  assert.equal(linkLibraries(native, folder), null);
  assert.equal(readlinkSync(join(native, 'lib', 'libpq.so.5')), 'libpq.so.5.18');
});

test('beside a package that cannot be written to, the names are made in the work folder', {
  skip: process.getuid?.() === 0 ? 'root may write everywhere' : false,
}, () => {
  const native = packageAt('read-only');
  chmodSync(join(native, 'lib'), 0o555);
  const farm = linkLibraries(native, join(folder, 'work'));
  assert.ok(farm !== null);
  assert.equal(existsSync(join(farm, 'libpq.so.5')), true);
  assert.ok(lstatSync(join(farm, 'libpq.so.5')).isSymbolicLink());
});

test('the version is read from what the server prints', () => {
  assert.deepEqual(parseVersion('postgres (PostgreSQL) 18.4\n'), { major: 18, text: '18.4' });
  assert.deepEqual(parseVersion('postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)'), { major: 15, text: '15.18' });
  assert.throws(() => parseVersion('mysqld 8'));
});

test('a configured directory without the programs is refused with what to do', async () => {
  await assert.rejects(locateBinaries({ binDir: folder, workDir: folder }), /HF-6102[\s\S]*next /);
});
