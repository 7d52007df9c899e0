import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { frrFiles } from './frr-config.ts';
import { keepalivedFile } from './keepalived-config.ts';
import { roundTripsIn } from './namespace-network.ts';
import { creationBatch, delayQueues, namespaceScript, netemArguments } from './network-commands.ts';
import { planNetwork } from './network-plan.ts';

const parsed = readTopologyFile(join(import.meta.dirname, '..', '..', 'examples', 'three-site.yaml'));
assert.ok(parsed.ok);
const plan = planNetwork(parsed.value.topology, { prefix: 'hf-0-' });
const router = plan.routers.find(({ id }) => id === 'router/nyc/1')!;

describe('what is asked of the kernel', () => {
  it('both ends of every wire are named inside their namespaces, none in the caller’s', () => {
    const links = creationBatch(plan)
      .split('\n')
      .filter((line) => line.startsWith('link'));
    assert.equal(links.length, plan.wires.length);
    for (const line of links)
      assert.match(line, /^link add \S+ netns hf-0-\S+ type veth peer name \S+ netns hf-0-\S+$/);
  });

  it('without netem every delayed end has a queue of its own, whose death is silence', () => {
    const queues = delayQueues(plan);
    const ends = plan.wires.flatMap((wire) => wire.ends).filter(({ delayMs }) => delayMs > 0);
    assert.equal(queues.length, ends.length);
    assert.equal(new Set(queues.map(({ namespace, queue }) => `${namespace} ${queue}`)).size, queues.length);
    const script = namespaceScript(plan, 'hf-0-router-nyc-1', 'queue');
    assert.match(script, /-A PREROUTING -i w0 -j NFQUEUE --queue-num 1\n/);
    assert.ok(!script.includes('bypass'));
  });

  it('with netem what is sent at one end gets the delay of the other, and its loss', () => {
    const wire = plan.wires.find(({ link }) => link === 'nyc-ldn')!;
    const argumentsOf = netemArguments(wire, wire.ends[0], { verb: 'change', addMs: 2, lossPercent: 1 });
    assert.equal(
      argumentsOf.join(' '),
      'qdisc change dev w3 root netem delay 39.5ms limit 100000 rate 1000mbit loss 1%',
    );
  });

  it('a router of a site loses what it is told to of another network, for its own site alone', () => {
    const lost = /arriving ip daddr 10\.1\.0\.0\/24 ip saddr & 255\.255\.255\.0 @unheard drop$/m;
    assert.match(namespaceScript(plan, 'hf-0-router-nyc-1', 'queue'), lost);
    for (const other of ['router-outside', 'host-nyc-edge-1'])
      assert.ok(!namespaceScript(plan, `hf-0-${other}`, 'queue').includes('unheard'));
  });

  it('only routers forward', () => {
    assert.match(namespaceScript(plan, 'hf-0-router-nyc-1', 'queue'), /^echo 1 > \/proc\/sys\/net\/ipv4\/ip_forward$/m);
    assert.match(
      namespaceScript(plan, 'hf-0-host-nyc-edge-1', 'queue'),
      /^echo 0 > \/proc\/sys\/net\/ipv4\/ip_forward$/m,
    );
  });

  it('the first answer of a ping, which also paid for finding the neighbour, does not count', () => {
    const printed = [1, 2, 3].map((n) => `64 bytes from 172.16.0.2: icmp_seq=${n} ttl=64 time=8.${n} ms`).join('\n');
    assert.deepEqual(roundTripsIn(printed), [8.2, 8.3]);
  });
});

describe('what routers start with', () => {
  it('no prefix of a service is in it: a router boots closed', () => {
    for (const each of plan.routers)
      for (const text of Object.values(frrFiles(each)))
        for (const { prefix } of plan.services) assert.ok(!text.includes(`network ${prefix}`));
  });

  it('every neighbour has its number and BFD, and each link its preference for the other site’s own prefixes only', () => {
    const text = frrFiles(router)['bgpd.conf']!;
    for (const { address, as } of router.neighbours) {
      assert.ok(text.includes(` neighbor ${address} remote-as ${as}\n`));
      assert.ok(text.includes(` neighbor ${address} bfd profile holdfast\n`));
    }
    assert.match(text, /permit \^65002\$\nroute-map \S+ permit 10\n match as-path \S+\n set local-preference 300\n/);
  });

  it('two routers share one address, one before the other; the clients’ network shares none', () => {
    assert.match(keepalivedFile(router)!, /virtual_ipaddress \{\n {4}10\.1\.0\.1\/24/);
    assert.equal(keepalivedFile(plan.routers.find(({ site }) => site === null)!), null);
  });
});
