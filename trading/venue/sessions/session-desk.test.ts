import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CancelOnDisconnect, type Seat, SessionDesk, type SessionRules } from './session-desk.ts';

const desk = (rules: Partial<SessionRules> = {}) => {
  const epochs = new Map<number, number>();
  const story: string[] = [];
  const made = new SessionDesk(
    { mode: 'epochs', passwords: new Map(), cancelOnDisconnect: 'off', graceMs: 100, ...rules },
    {
      firmName: (firm) => `F${firm}`,
      epochOf: (firm) => epochs.get(firm) ?? 0,
      raiseEpoch: (firm, epoch) => epochs.set(firm, epoch),
      endOrders: ({ session, keepPersistent }) =>
        story.push(`end ${session}${keepPersistent ? ' but persistent' : ''}`),
    },
  );
  const logon = (
    session: number,
    epoch: number,
    more: { cancelOnDisconnect?: CancelOnDisconnect; password?: string } = {},
  ): Seat | string => {
    const outcome = made.logon({
      firm: 1,
      session,
      epoch,
      password: more.password ?? '',
      cancelOnDisconnect: more.cancelOnDisconnect ?? null,
      onCut: (code) => story.push(`cut ${session}@${epoch} ${code}`),
    });
    return outcome.kind === 'seated' ? outcome.seat : outcome.kind;
  };
  return { desk: made, logon, story };
};

test('a newer epoch cuts every older seat of the firm, and an older one is refused', () => {
  const { logon, story } = desk();
  logon(1, 1);
  logon(2, 1);
  logon(1, 2);
  assert.deepEqual(story, ['cut 1@1 stale-epoch', 'cut 2@1 stale-epoch']);
  assert.equal(logon(2, 1), 'stale-epoch');
});

test('without epochs whoever has the password takes the session over, and nobody else', () => {
  const { desk: made, logon, story } = desk({ mode: 'credentials', passwords: new Map([['F1', 'secret']]) });
  assert.equal(logon(1, 9, { password: 'wrong' }), 'not-authorised');
  logon(1, 9, { password: 'secret' });
  logon(1, 3, { password: 'secret' });
  assert.deepEqual(story, ['cut 1@9 replaced']);
  assert.equal(made.raise(1, 50), false);
});

test('the orders of a lost session end after the grace, unless it came back', () => {
  const { desk: made, logon, story } = desk({ cancelOnDisconnect: 'keep-persistent' });
  made.lost(logon(1, 1) as Seat, 1000);
  made.tick(1099);
  assert.deepEqual(story, []);
  assert.equal(made.nextDueAtMs, 1100);
  const back = logon(1, 1) as Seat;
  made.tick(5000);
  assert.deepEqual(story, []);
  made.lost(back, 6000);
  made.tick(6100);
  assert.deepEqual(story, ['end 1 but persistent']);
  made.lost(logon(2, 1, { cancelOnDisconnect: 'all' }) as Seat, 7000);
  made.tick(7100);
  assert.deepEqual(story.at(-1), 'end 2');
});

test('a goodbye, a cut and a newer epoch leave the orders where they are', () => {
  const { desk: made, logon, story } = desk({ cancelOnDisconnect: 'all' });
  made.left(logon(1, 1) as Seat);
  const dead = logon(2, 1) as Seat;
  made.lost(dead, 0);
  const overtaken = logon(3, 1) as Seat;
  logon(9, 2);
  made.lost(overtaken, 10);
  made.tick(10_000);
  assert.deepEqual(story, ['cut 3@1 stale-epoch']);
});
