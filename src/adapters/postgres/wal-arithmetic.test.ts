import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSynchronousNames, renderSynchronousNames, reorder } from './acknowledgement-names.ts';
import { formatLsn, parseLsn, parseSegmentName, segmentName, timelineAt } from './lsn.ts';
import { sharedMemoryId } from './server-control.ts';
import { quoteSetting, renderConninfo } from './server-settings.ts';
import { parseTarHeader } from './tar-extractor.ts';
import { lineage, parseTimelineHistory } from './timeline-history.ts';

const MB16 = 16 * 1024 * 1024;

test('a WAL position survives the way to bytes and back, beyond 4 GiB too', () => {
  for (const text of ['0/0', '0/1B820A0', '2A/FFFFFFFF', '1FFFFF/0']) assert.equal(formatLsn(parseLsn(text)), text);
  assert.equal(parseLsn('1/0'), 2 ** 32);
  assert.throws(() => parseLsn('0-1'));
});

test('a recycled segment beyond the end does not change the timeline, and a boundary belongs to the segment before it', () => {
  const files = [
    '000000010000000000000003',
    '000000020000000000000003',
    '000000090000000000000007',
    '00000002.history',
  ];
  assert.equal(timelineAt(parseLsn('0/3000148'), files, MB16), 2);
  assert.equal(timelineAt(parseLsn('0/4000000'), files, MB16), 2);
  assert.equal(timelineAt(parseLsn('0/4000001'), files, MB16), null);
  assert.equal(segmentName({ timeline: 2, number: 3 }, MB16), '000000020000000000000003');
  assert.deepEqual(parseSegmentName('0000000A0000000100000002.partial', MB16), { timeline: 10, number: 258 });
});

const history = (timeline: number, text: string) => parseTimelineHistory(timeline, text);

test('a log that ends before the upstream left its timeline is an ancestor, one that went on is divergent there', () => {
  const upstream = history(2, '1\t0/3000000\tno recovery target specified\n');
  const own = history(1, '');
  assert.deepEqual(lineage(own, parseLsn('0/3000000'), upstream), {
    kind: 'ancestor',
    compareFrom: null,
    compareUntil: parseLsn('0/3000000'),
  });
  assert.deepEqual(lineage(own, parseLsn('0/3000100'), upstream), {
    kind: 'divergent',
    forkedAt: parseLsn('0/3000000'),
  });
});

test('two servers promoted to the same number from different positions are divergent from the earlier one', () => {
  const own = history(3, '1\t0/2000000\tx\n\n2\t0/5000000\tx\n');
  const upstream = history(3, '1\t0/2000000\tx\n2\t0/4000000\tx\n');
  assert.deepEqual(lineage(own, parseLsn('0/6000000'), upstream), {
    kind: 'divergent',
    forkedAt: parseLsn('0/4000000'),
  });
});

test('equal histories do not prove equal logs: the bytes from the last fork on must be compared', () => {
  const text = '1\t0/2000000\tx\n';
  assert.deepEqual(lineage(history(2, text), parseLsn('0/6000000'), history(2, text)), {
    kind: 'ancestor',
    compareFrom: parseLsn('0/2000000'),
    compareUntil: parseLsn('0/6000000'),
  });
});

test('an upstream on an older timeline of ours is behind, not divergent', () => {
  const own = history(2, '1\t0/2000000\tx\n');
  assert.deepEqual(lineage(own, parseLsn('0/3000000'), history(1, '')), {
    kind: 'ahead',
    leftAt: parseLsn('0/2000000'),
  });
});

test('every name must confirm, and names are quoted', () => {
  assert.equal(renderSynchronousNames([]), '');
  assert.equal(renderSynchronousNames(['pg-ny4', 'a"b']), 'FIRST 2 ("pg-ny4", "a""b")');
  assert.deepEqual(parseSynchronousNames('FIRST 2 ("pg-ny4", "a""b")'), ['pg-ny4', 'a"b']);
  assert.equal(parseSynchronousNames('FIRST 1 ("a", "b")'), null, 'not everybody would have to confirm');
  assert.equal(parseSynchronousNames('ANY 1 (a, b)'), null);
});

test('whoever stays in the acknowledgement set changes place when somebody comes, so that the change can be seen', () => {
  const sets = [
    ['a'],
    ['b'],
    ['a', 'b'],
    ['b', 'a'],
    ['a', 'b', 'c'],
    ['c', 'a', 'b'],
    ['b', 'd'],
    ['d', 'c', 'b', 'a'],
  ];
  for (const before of sets)
    for (const wanted of sets) {
      const next = reorder(before, wanted);
      assert.deepEqual([...next].sort(), [...wanted].sort());
      const grew = wanted.some((name) => !before.includes(name));
      if (!grew) continue;
      for (const name of before.filter((staying) => wanted.includes(staying)))
        assert.notEqual(next.indexOf(name), before.indexOf(name), `${before} → ${next}`);
    }
});

test('settings and connection strings survive quotes, backslashes and spaces, and refuse line breaks', () => {
  assert.equal(quoteSetting(`it's a \\ path`), `'it''s a \\\\ path'`);
  assert.throws(() => quoteSetting('a\nb'));
  const text = renderConninfo({ host: '127.0.0.1', port: 1, name: 'pg-1@7', user: 'r', passFile: `/tmp/é x/o'b` });
  assert.match(text, /application_name='pg-1@7'/);
  assert.match(text, /passfile='\/tmp\/é x\/o\\'b'/);
});

test('an archive entry that would leave the folder, or is damaged, is refused', () => {
  const header = (name: string) => {
    const bytes = Buffer.alloc(512);
    bytes.write(name, 0);
    bytes.write('00000000010\0', 124, 'latin1');
    bytes.write('0', 156, 'latin1');
    let sum = 8 * 32;
    for (const byte of bytes) sum += byte;
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return bytes;
  };
  assert.deepEqual(parseTarHeader(header('base/1/112')), { name: 'base/1/112', size: 8, type: 'file', linkTarget: '' });
  assert.throws(() => parseTarHeader(header('../../outside')), /outside its folder/);
  assert.throws(() => parseTarHeader(header('/absolute')), /outside its folder/);
  const damaged = header('base/1/112');
  damaged[3] = 0;
  assert.throws(() => parseTarHeader(damaged), /checksum/);
});

test('the id of the shared memory is read from its own line and from no other', () => {
  assert.equal(sharedMemoryId('123\n/data\n1763696000\n54391\n\n127.0.0.1\n  2154982    131072\nready   \n'), 131072);
  assert.equal(sharedMemoryId('123\n/data\n1763696000\n54391\n'), null);
});
