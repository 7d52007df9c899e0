import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeBgp, describeKeepalived, describePatroni, describeSentinel } from './live-timers.ts';

it('Patroni’s timers are those of its configuration, with how it commits', () => {
  const config = { ttl: 30, loop_wait: 10, retry_timeout: 10, synchronous_mode: true, synchronous_mode_strict: true };
  assert.equal(describePatroni(JSON.stringify(config)), 'ttl 30 s, loop_wait 10 s, retry_timeout 10 s, strict');
  assert.equal(describePatroni('{"ttl": 30, "loop_wait": 10}'), null);
});

it('Sentinel’s are found by their names, and never taken from a value that looks like one', () => {
  const reply = [
    ...['name', 'quorum', 'ip', '10.1.0.20', 'down-after-milliseconds', '30000'],
    ...['failover-timeout', '180000', 'quorum', '2'],
  ];
  assert.equal(describeSentinel(reply), 'down-after 30000 ms, failover-timeout 180000 ms, quorum 2');
  assert.equal(describeSentinel(['name', 'quorum']), null);
});

it('keepalived’s are those of its dump', () => {
  const dump = (interval: string) =>
    ` VRRP realtime priority = 0\n VRRP Instance = gateway\n   Priority = 254\n   Advert interval = ${interval}\n`;
  assert.equal(describeKeepalived(dump('100 milli-sec')), 'advert 100 ms, priority 254');
  assert.equal(describeKeepalived(dump('1 sec')), 'advert 1000 ms, priority 254');
  assert.equal(describeKeepalived(''), null);
});

it('BGP’s are known only while every session stands and all have the same; BFD’s are those of its own sessions', () => {
  const neighbour = (holdMs: number) => ({
    bgpState: 'Established',
    bgpTimerHoldTimeMsecs: holdMs,
    bgpTimerKeepAliveIntervalMsecs: holdMs / 3,
    // What BGP would ask for if no profile said otherwise.
    peerBfdInfo: { detectMultiplier: 3, rxMinInterval: 300, txMinInterval: 300 },
  });
  const described = (neighbours: object, peers: readonly object[] = []) =>
    describeBgp(JSON.stringify(neighbours), JSON.stringify(peers));
  const peer = (interval: number) => ({ peer: '172.16.0.2', 'receive-interval': interval, 'detect-multiplier': 3 });
  assert.equal(
    described({ a: neighbour(3000), b: neighbour(3000) }, [peer(50), peer(50)]),
    'keepalive 1 s, hold 3 s, BFD 50 ms × 3',
  );
  assert.equal(described({ a: neighbour(9000), b: neighbour(9000) }), 'keepalive 3 s, hold 9 s, no BFD');
  assert.equal(described({ a: neighbour(9000), b: neighbour(3000) }), null);
  assert.equal(described({ a: neighbour(9000), b: neighbour(9000) }, [peer(50), peer(300)]), null);
  assert.equal(described({ a: neighbour(9000), b: { bgpState: 'Active' } }), null);
  assert.equal(described({}), null);
});
