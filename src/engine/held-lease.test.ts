import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder, plainShape } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import { expiryOutlook } from '../core/authority/fencing.ts';
import { leaseBounds } from '../core/authority/lease-arithmetic.ts';
import { epoch, instanceId, revision } from '../core/base/ids.ts';
import type { LeaseFacts } from '../core/decision/facts.ts';
import type { Timing } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { MachineClock } from '../sim/machine-clock.ts';
import type { Random } from '../sim/random.ts';
import { HeldLease } from './held-lease.ts';

const timing = plainShape.timing;
const { topology } = new FactsBuilder().facts;

test('the deadline counts from when the renewal was sent, not from when it was answered', () => {
  const lease = new HeldLease(timing, 1000);
  const counter = lease.sending(1200);
  lease.answered(counter);
  assert.equal(lease.confirmed(counter), 1200);
  assert.equal(lease.deadline, 1700);
});

test('an older renewal that is answered late does not shorten the lease, nor does one that was never sent lengthen it', () => {
  const lease = new HeldLease(timing, 1000);
  const older = lease.sending(1100);
  lease.answered(older);
  const newer = lease.sending(1300);
  lease.confirmed(newer);
  assert.equal(lease.confirmed(older), null);
  assert.equal(lease.confirmed(newer + 5), null);
  assert.equal(lease.deadline, 1800);
});

test('a renewal under an earlier grant is forgotten with it', () => {
  const lease = new HeldLease(timing, 1000);
  const counter = lease.sending(1100);
  lease.forget();
  assert.equal(lease.knows(counter), false);
  assert.equal(lease.confirmed(counter), null);
  assert.equal(lease.deadline, 1500);
});

test('one renewal at a time: the next is due when the last was answered and its time has come', () => {
  const lease = new HeldLease(timing, 1000);
  assert.equal(lease.due(1000), true);
  const counter = lease.sending(1000);
  assert.equal(lease.due(5000), false);
  assert.equal(lease.nextAt, lease.deadline);
  lease.answered(counter);
  assert.deepEqual([lease.due(1099), lease.due(1100)], [false, true]);
  lease.retryAt(1025);
  assert.deepEqual([lease.nextAt, lease.due(1025)], [1025, true]);
  lease.retryAt(4000);
  assert.equal(lease.nextAt, 1025);
});

test('numbers grow over a restart of the agent', () => {
  const before = new HeldLease(timing, 1000);
  for (let at = 1000; at < 1200; at += 25) before.answered(before.sending(at));
  const after = new HeldLease(timing, 1200);
  assert.ok(after.sending(1200) > before.sending(1200));
});

interface Story {
  readonly timing: Timing;
  readonly holder: MachineClock;
  readonly fencer: MachineClock;
}

/** Two clocks as far apart as the topology allows, or anywhere between. */
function drawStory(random: Random): Story {
  const drawn: Timing = {
    ...timing,
    leaseRenewEveryMs: random.whole(20, 200),
    selfFenceAfterMs: random.whole(100, 1500),
    stopWithinMs: random.whole(1, 400),
    clockRatePpm: random.pick([1, 500, 5000, 100_000]),
    leaseMarginMs: random.whole(1, 150),
  };
  const rate = drawn.clockRatePpm / 1_000_000;
  const drawRate = () => 1 + random.pick([-rate, rate, random.between(-rate, rate)]);
  return {
    timing: drawn,
    holder: new MachineClock(drawRate(), random.between(0, 1e6)),
    fencer: new MachineClock(drawRate(), random.between(0, 1e6)),
  };
}

interface Arrival {
  readonly at: number;
  readonly then: (now: number) => void;
}

/**
 * Renewals are sent, committed, answered and seen with any delay; some are lost before the authority, some answers after it. Ends with
 * a revocation of the newest committed renewal that the fencer has seen. All times are of the world.
 *
 * @returns when the holder is silent at the latest, and when the fencer takes the lease for lapsed.
 */
function play(random: Random, { timing: drawn, holder, fencer }: Story) {
  const pending: Arrival[] = [];
  const lease = new HeldLease(drawn, holder.local(0));
  let stored: { counter: number; revision: number } | null = null;
  let seen: { readonly lease: LeaseFacts; readonly at: number } | null = null;
  let everHeld = false;
  let revisions = 0;
  let revokedAt: number | null = null;
  const endsAt = random.between(200, 4000);
  const later = (at: number, then: Arrival['then']) => void pending.push({ at, then });
  const delay = () => (random.chance(0.2) ? random.between(0, drawn.selfFenceAfterMs * 2) : random.between(0, 30));

  const answer = (counter: number, committed: number | null) => (now: number) => {
    lease.answered(counter);
    const local = holder.local(now);
    // A conflict shows what is stored: perhaps an earlier renewal of ours whose answer was lost.
    const known = committed ?? stored?.counter ?? null;
    if (known !== null && lease.knows(known) && local < lease.deadline && lease.confirmed(known) !== null)
      everHeld = true;
    lease.retryAt(local + drawn.leaseRenewEveryMs / 4);
  };
  const send = (now: number) => {
    const compared = stored?.counter ?? 0;
    const counter = lease.sending(holder.local(now));
    const lost = random.chance(0.1);
    later(now + delay(), (at) => {
      const commits = !lost && revokedAt === null && (stored?.counter ?? 0) === compared;
      if (commits) {
        revisions += 1;
        stored = { counter, revision: revisions };
        const facts: LeaseFacts = {
          holder: instanceId('alfa-eng1'),
          epoch: epoch(7),
          revision: revision(revisions),
          seenMsAgo: 0,
          gate: { kind: 'self', boundMs: 20 },
        };
        later(at + delay(), (sawAt) => {
          if (seen === null || seen.lease.revision < facts.revision) seen = { lease: facts, at: sawAt };
        });
      }
      // The answer, or the end of the time that it was waited for.
      const answered = !lost && random.chance(0.9);
      later(
        at + (answered ? delay() : drawn.selfFenceAfterMs / 2),
        answered ? answer(counter, commits ? counter : null) : () => lease.answered(counter),
      );
    });
  };
  /** By compare-and-set on the renewal that the fencer knows: it fails when a newer one was committed. */
  const revoke = (now: number) => {
    if (seen !== null && seen.lease.revision === stored?.revision) revokedAt = now;
    else later(now + random.between(1, 50), revoke);
  };
  later(endsAt, revoke);

  let now = 0;
  while (now < endsAt + 20_000 && (revokedAt === null || pending.length > 0)) {
    if (lease.due(holder.local(now)) && revokedAt === null && (holder.local(now) < lease.deadline || !everHeld))
      send(now);
    const next = pending.reduce<Arrival | null>(
      (best, each) => (best === null || each.at < best.at ? each : best),
      null,
    );
    const step = now + random.between(1, 20);
    if (next !== null && next.at <= step) {
      pending.splice(pending.indexOf(next), 1);
      now = Math.max(now, next.at);
      next.then(now);
    } else now = step;
  }
  const known = seen as { readonly lease: LeaseFacts; readonly at: number } | null;
  if (revokedAt === null || known === null || !everHeld) return null;
  return {
    silentAt: holder.world(lease.deadline + drawn.stopWithinMs),
    lapsesAt: lapsesAt(known, drawn, fencer),
    seenAt: known.at,
  };
}

/** The first moment at which the shipped question calls it proved, by the fencer's own clock. */
function lapsesAt(
  seen: { readonly lease: LeaseFacts; readonly at: number },
  drawn: Timing,
  fencer: MachineClock,
): number {
  const { successorWaitMs } = leaseBounds(drawn);
  const outlookAt = (now: number) =>
    expiryOutlook({
      component: indexOf(topology).component.get(ENGINE)!,
      revoked: { instance: seen.lease.holder, epoch: epoch(7), leaseRevision: seen.lease.revision, promotable: [] },
      lease: { ...seen.lease, seenMsAgo: fencer.local(now) - fencer.local(seen.at) },
      successorWaitMs,
    }).kind;
  let [early, late] = [seen.at, seen.at + successorWaitMs * 3];
  assert.deepEqual([outlookAt(early), outlookAt(late)], ['in', 'proved']);
  while (late - early > 0.01) {
    const middle = (early + late) / 2;
    if (outlookAt(middle) === 'proved') late = middle;
    else early = middle;
  }
  return early;
}

test('I1: whatever is lost or late and however the clocks run, the holder is silent before its lease counts as lapsed', () => {
  let stories = 0;
  let narrow = Number.POSITIVE_INFINITY;
  forSeeds(1500, (random) => {
    const told = play(random, drawStory(random));
    if (told === null) return;
    stories += 1;
    narrow = Math.min(narrow, told.lapsesAt - told.silentAt);
    assert.ok(told.silentAt <= told.lapsesAt, JSON.stringify(told));
  });
  assert.ok(stories > 500, `${stories} stories had a holder and a revocation`);
  // The bound is not so wide that nothing could break it.
  assert.ok(narrow < 60, `the narrowest was ${narrow} ms`);
});

test('a database whose renewal named a gate inside it is never taken for silent', () => {
  const outlook = expiryOutlook({
    component: indexOf(topology).component.get(DB)!,
    revoked: { instance: instanceId('alfa-db'), epoch: epoch(7), leaseRevision: revision(3), promotable: [] },
    lease: {
      holder: instanceId('alfa-db'),
      epoch: epoch(7),
      revision: revision(3),
      seenMsAgo: 1e9,
      gate: { kind: 'self', boundMs: 20 },
    },
    successorWaitMs: 1,
  });
  assert.equal(outlook.kind, 'unattainable');
});
