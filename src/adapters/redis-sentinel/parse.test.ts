import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chi, nyc, recordedBytes, recordedReply } from '../../../test/builders/recorded-redis.ts';
import { lossBetween } from '../../core/replication/stream-loss.ts';
import { parsePeers, parseReplicas, parseReplication, parseServer, parseSet, textOf } from './parse.ts';
import { encodeCommand, RespError, RespReader } from './resp.ts';

describe('what Redis answers', () => {
  it('is the same however it is cut into pieces', () => {
    const whole = Buffer.concat([
      recordedBytes('sentinel-replicas'),
      recordedBytes('error-readonly'),
      recordedBytes('info-server'),
    ]);
    const atOnce = new RespReader().push(whole);
    assert.equal(atOnce.length, 3);
    const reader = new RespReader();
    const piecemeal = [...whole].flatMap((byte) => reader.push(Buffer.from([byte])));
    assert.deepEqual(piecemeal, atOnce);
    assert.ok(atOnce[1] instanceof RespError);
  });

  it('is refused when it is something else', () => {
    assert.throws(() => new RespReader().push(Buffer.from('HTTP/1.1 400 Bad Request\r\n')));
    assert.throws(() => new RespReader().push(Buffer.from(`${'*1\r\n'.repeat(20)}`)));
    assert.throws(() => new RespReader().push(Buffer.from('$x\r\n')));
  });

  it('an argument stays one argument, whatever is in it', () => {
    assert.equal(encodeCommand(['GET', 'a\r\nDEL é']).toString('utf8'), '*2\r\n$3\r\nGET\r\n$9\r\na\r\nDEL é\r\n');
  });

  it('a primary that was promoted, with the end of the history before it and its replicas', () => {
    const seen = parseReplication(textOf(recordedReply('info-replication-primary')));
    assert.deepEqual([seen.role, seen.offset, seen.upstream], ['primary', 129_080, null]);
    assert.deepEqual(seen.before, { history: '57ccf8cff39188688e483682095b2ead3b0b8b90', offset: 41_209 });
    assert.deepEqual(seen.replicas[0], { ...nyc, state: 'online', offset: 129_080, heardMsAgo: 0 });
  });

  it('a replica, whom it follows and how far it is', () => {
    const seen = parseReplication(textOf(recordedReply('info-replication-replica')));
    assert.deepEqual([seen.role, seen.offset, seen.before], ['replica', 129_094, null]);
    assert.deepEqual(seen.upstream, { ...chi, linkUp: true, syncing: false });
    assert.throws(() => parseReplication('# Server\r\nredis_version:7.0.15\r\n'));
  });

  it('a sentinel’s view of a set and of its replicas', () => {
    const set = parseSet(recordedReply('sentinel-master'));
    assert.deepEqual([set.host, set.flags, set.configEpoch, set.otherSentinels], ['127.0.4.2', ['master'], 1, 2]);
    const replicas = parseReplicas(recordedReply('sentinel-replicas'));
    assert.deepEqual(
      replicas.map(({ host, priority, linkUp }) => [host, priority, linkUp]),
      [
        ['127.0.4.3', 0, true],
        ['127.0.4.1', 100, true],
      ],
    );
    assert.equal(parseServer(textOf(recordedReply('info-server'))).version, '7.0.15');
    assert.deepEqual(
      parsePeers(recordedReply('sentinel-sentinels'))
        .map(({ host, port, flags }) => `${host}:${port} ${flags.join()}`)
        .toSorted(),
      ['127.0.4.2:26379 sentinel', '127.0.4.3:26379 sentinel'],
    );
    assert.throws(() => parsePeers(recordedReply('error-no-good-replica')));
    assert.throws(() => parseSet(recordedReply('error-no-such-set')));
  });
});

describe('what was lost', () => {
  const successor = parseReplication(textOf(recordedReply('info-replication-primary')));
  const former = { history: successor.before!.history, offset: 41_209 };

  it('is nothing where the former primary stopped at what its successor had', () => {
    assert.deepEqual(lossBetween(former, successor, { stopped: true }), { kind: 'none' });
  });

  it('is the bytes between, exact only where the former one has stopped', () => {
    const ahead = { ...former, offset: 41_309 };
    assert.deepEqual(lossBetween(ahead, successor, { stopped: true }), { kind: 'lost', bytes: 100, exact: true });
    assert.deepEqual(lossBetween(ahead, successor, { stopped: false }), { kind: 'lost', bytes: 100, exact: false });
  });

  it('is bounded where it was seen to end soon after it had nothing that its successor lacks', () => {
    const behind = { ...former, offset: 41_109 };
    const seen = { stopped: false, endedWithinMs: 640 };
    assert.deepEqual(lossBetween(behind, successor, seen), { kind: 'bounded', lastMs: 640, keptBytes: 100 });
    const ahead = { ...former, offset: 41_309 };
    assert.deepEqual(lossBetween(ahead, successor, seen), { kind: 'lost', bytes: 100, exact: false });
  });

  it('is unknown where it may have gone on, or the histories have nothing in common', () => {
    assert.equal(lossBetween(former, successor, { stopped: false }).kind, 'unknown');
    assert.equal(lossBetween({ ...former, history: 'f'.repeat(40) }, successor, { stopped: true }).kind, 'unknown');
  });
});
