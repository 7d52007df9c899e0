import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixFrame } from '../testing/fix-text.ts';
import { ACCEPTOR, INITIATOR, SessionUnderTest } from '../testing/session-under-test.ts';
import { MAX_FIELDS_BYTES } from './session-entry.ts';

const acceptor = (more = {}) => new SessionUnderTest({ ...ACCEPTOR, ...more });
const initiator = (more = {}) => new SessionUnderTest({ ...INITIATOR, ...more });
const ORDER = '55=S|54=1|60=20260105-09:00:00|40=1|38=1';

describe('logon', () => {
  test('an acceptor answers with the interval that was asked for', () => {
    const session = acceptor().connect().receive('35=A|34=1|98=0|108=17');
    assert.deepEqual(session.sent(), ['35=A|34=1|98=0|108=17']);
    assert.equal(session.core.state, 'up');
  });

  test('an initiator asks first and is up when it is answered', () => {
    const session = initiator({ heartBtIntS: 5 }).connect();
    assert.deepEqual(session.sent(), ['35=A|34=1|98=0|108=5']);
    assert.equal(session.core.state, 'logon-sent');
    assert.equal(session.receive('35=A|34=1|98=0|108=5').core.state, 'up');
  });

  test('anything else first ends the connection without a word', () => {
    for (const first of ['35=0|34=1', '35=D|34=1|11=x']) {
      const session = acceptor().connect().receive(first);
      assert.deepEqual([session.sent(), session.disconnects.length, session.core.state], [[], 1, 'down']);
    }
    const garbage = acceptor().connect().receiveBytes(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    assert.deepEqual([garbage.sent(), garbage.disconnects.length], [[], 1]);
  });

  for (const [what, logon, options, text] of [
    ['a number that is too low', '35=A|34=1|98=0|108=30', {}, /too low, expecting 2 but received 1/],
    ['an interval out of range', '35=A|34=2|98=0|108=999', {}, /HeartBtInt/],
    ['a negative interval', '35=A|34=2|98=0|108=-1', {}, /HeartBtInt/],
    ['encryption', '35=A|34=2|98=1|108=30', {}, /EncryptMethod/],
    ['a missing interval', '35=A|34=2|98=0', {}, /HeartBtInt/],
    ['a reset where none is granted', '35=A|34=1|98=0|108=30|141=Y', { acceptReset: false }, /141/],
    ['a reset with another number than 1', '35=A|34=2|98=0|108=30|141=Y', {}, /141/],
    ['numbers from the future', '35=A|34=2|98=0|108=30|789=99', {}, /forgotten/],
    ['what the owner refuses', '35=A|34=2|98=0|108=30', { admit: () => 'epoch 3 is over' }, /epoch 3 is over/],
  ] as const)
    test(`${what} is refused with a Logout that says why`, () => {
      const first = acceptor().loggedOn();
      const session = new SessionUnderTest({ ...ACCEPTOR, ...options }, first.log);
      session.connect().receive(logon);
      const [logout = ''] = session.sent();
      assert.match(logout, /^35=5\|/);
      assert.match(logout, text);
      assert.equal(session.disconnects.length, 1);
    });

  test('with ResetSeqNumFlag both sides begin again at 1', () => {
    const before = acceptor().loggedOn().order('a');
    before.sent();
    const session = new SessionUnderTest(ACCEPTOR, before.log).connect().receive('35=A|34=1|98=0|108=30|141=Y');
    assert.deepEqual(session.sent(), ['35=A|34=1|98=0|108=30|141=Y']);
    assert.deepEqual(session.core.numbers, { nextOut: 2, nextIn: 2 });
    const own = new SessionUnderTest({ ...INITIATOR, resetOnLogon: true }, before.log).connect();
    assert.deepEqual(own.sent(), ['35=A|34=1|98=0|108=30|141=Y']);
    assert.equal(own.receive('35=A|34=1|98=0|108=30|141=Y').core.state, 'up');
  });

  test('an initiator takes no reset that it did not ask for: its own Logon had another number', () => {
    const before = initiator().connect().order('a');
    before.sent();
    const session = new SessionUnderTest(INITIATOR, before.log).connect().receive('35=A|34=1|98=0|108=30|141=Y');
    assert.match(session.sent().at(-1)!, /^35=5.*not asked for/);
    assert.equal(session.core.numbers.nextIn, 1);
  });

  test('on a connection that is up, ResetSeqNumFlag begins again as well', () => {
    const session = acceptor().loggedOn().receive('35=0|34=2').receive('35=A|34=1|98=0|108=30|141=Y');
    assert.deepEqual(session.sent(), ['35=A|34=1|98=0|108=30|141=Y']);
    assert.deepEqual(session.receive('35=0|34=2').core.numbers, { nextOut: 2, nextIn: 3 });
  });

  test('messages of the application wait until the logon is answered', () => {
    const session = initiator().connect().order('a');
    assert.deepEqual(session.sent(), ['35=A|34=1|98=0|108=30']);
    session.receive('35=A|34=1|98=0|108=30');
    assert.deepEqual(session.sent(), ['35=D|34=2|11=a']);
  });

  test('a message that no record can hold is refused with its code before it has a number; the next one gets it', () => {
    const session = initiator().loggedOn();
    const before = session.core.numbers;
    const send = (fields: Buffer, msgType = 'D') => session.core.send(msgType, fields, { now: session.now });
    assert.throws(() => send(Buffer.alloc(MAX_FIELDS_BYTES + 1, 'x')), { code: 'HF-7301', message: /61441 bytes/ });
    assert.throws(() => send(Buffer.from('11=a\u0001'), 'x'.repeat(256)), { code: 'HF-7301' });
    assert.deepEqual([session.core.numbers, session.sent(), session.core.state], [before, [], 'up']);
    assert.equal(send(Buffer.alloc(MAX_FIELDS_BYTES, 'x')), before.nextOut);
    assert.equal(session.sent().length, 1);
  });

  test('a session that keeps nothing for later takes nothing while it is down', () => {
    const session = initiator({ whileDown: 'refuse' });
    assert.equal(session.core.send('D', Buffer.from('11=a\u0001'), { now: session.now }), null);
  });
});

describe('numbers', () => {
  test('what is too high is left aside, asked for once, and taken in order when it comes', () => {
    const session = acceptor().loggedOn();
    session.receive(`35=D|34=4|11=c|${ORDER}`).receive(`35=D|34=5|11=d|${ORDER}`);
    assert.deepEqual(session.sent(), ['35=2|34=2|7=2|16=0']);
    assert.deepEqual(session.delivered, []);
    const dup = `43=Y|122=${session.timestamp()}`;
    session.receive(`35=D|34=2|${dup}|11=a|${ORDER}`).receive(`35=4|34=3|43=Y|123=Y|36=4`);
    session.receive(`35=D|34=4|${dup}|11=c|${ORDER}`).receive(`35=D|34=5|${dup}|11=d|${ORDER}`);
    assert.deepEqual(session.delivered, ['a dup', 'c dup', 'd dup']);
    assert.equal(session.core.caughtUp, true);
    assert.deepEqual(session.sent(), []);
  });

  test('what was left aside after the answer had begun is asked for again', () => {
    const session = acceptor().loggedOn().receive('35=0|34=3');
    session.receive('35=4|34=2|43=Y|123=Y|36=3').receive('35=0|34=9').receive('35=0|34=3|43=Y|122=20260105-09:00:00');
    assert.deepEqual(session.sent(), ['35=2|34=2|7=2|16=0', '35=2|34=3|7=4|16=0']);
  });

  test('a gap that is not filled is asked for three times, and then the session ends', () => {
    const session = acceptor().loggedOn('34=1|98=0|108=0').receive('35=0|34=3');
    session.pass(10_000).pass(10_000).pass(10_000);
    const sent = session.sent();
    assert.equal(sent.filter((text) => text.startsWith('35=2')).length, 3);
    assert.match(sent.at(-1)!, /^35=5/);
    assert.equal(session.core.state, 'down');
  });

  test('too low without PossDupFlag ends the session; with it, it is ignored', () => {
    const session = acceptor().loggedOn().receive('35=0|34=2').receive('35=0|34=2|43=Y|122=20260105-09:00:00');
    assert.equal(session.core.state, 'up');
    session.receive('35=0|34=2');
    assert.deepEqual(session.sent(), ['35=5|34=2|58=MsgSeqNum too low, expecting 3 but received 2']);
    assert.equal(session.disconnects.length, 1);
  });

  test('a message without a number ends the session', () => {
    const session = acceptor().loggedOn().receive('35=0');
    assert.match(session.sent()[0]!, /^35=5.*MsgSeqNum/);
  });

  test('a garbled message takes no number', () => {
    const session = acceptor().loggedOn();
    const frame = fixFrame('35=0|49=FIRM|56=VENUE|34=2|52=20260105-09:00:00');
    frame[frame.length - 2] = 57;
    session.receiveBytes(frame).receive('35=0|34=2');
    assert.deepEqual([session.core.numbers.nextIn, session.sent()], [3, []]);
  });

  test('SequenceReset goes forward in both modes and never back', () => {
    const session = acceptor().loggedOn();
    session.receive('35=4|34=2|123=Y|36=10').receive('35=4|34=1|36=20');
    assert.equal(session.core.numbers.nextIn, 20);
    session.receive('35=4|34=20|123=Y|36=5').receive('35=4|34=999|36=7');
    const [gapFill, reset] = session.sent();
    assert.match(gapFill!, /^35=3\|34=2\|45=20\|371=36\|372=4\|373=5\|58=.*numbers only go forward/);
    assert.match(reset!, /^35=3\|34=3\|45=999/);
    assert.equal(session.core.numbers.nextIn, 21);
  });
});

describe('resend', () => {
  const withOrders = (more = {}) => {
    const session = acceptor(more).loggedOn().order('a');
    session.receive('35=1|34=2|112=t').order('b').order('c');
    session.sent();
    return session;
  };

  test('orders go again as possible duplicates, everything else is a filled gap', () => {
    const session = withOrders().receive('35=2|34=3|7=1|16=0');
    assert.deepEqual(session.sent(), [
      '35=4|34=1|43=Y|122=…|123=Y|36=2',
      '35=D|34=2|43=Y|122=…|11=a',
      '35=4|34=3|43=Y|122=…|123=Y|36=4',
      '35=D|34=4|43=Y|122=…|11=b',
      '35=D|34=5|43=Y|122=…|11=c',
    ]);
  });

  test('only what was asked for, also when the request itself is too high', () => {
    const session = withOrders().receive('35=2|34=9|7=4|16=4');
    assert.deepEqual(session.sent(), ['35=D|34=4|43=Y|122=…|11=b', '35=2|34=6|7=3|16=0']);
  });

  test('a range that is none is rejected', () => {
    const session = withOrders()
      .receive('35=2|34=3|7=6|16=0')
      .receive('35=2|34=4|7=4|16=2')
      .receive('35=2|34=5|7=0|16=0');
    const rejects = session.sent();
    assert.equal(rejects.length, 3);
    for (const text of rejects) assert.match(text, /^35=3.*371=7\|372=2\|373=5/);
  });

  test('a new process resends what the old one kept', () => {
    const session = new SessionUnderTest(ACCEPTOR, withOrders().log).loggedOn('34=3|98=0|108=30');
    session.receive('35=2|34=4|7=5|16=0');
    assert.deepEqual(session.sent(), ['35=D|34=5|43=Y|122=…|11=c', '35=4|34=6|43=Y|122=…|123=Y|36=7']);
  });

  test('while the transport is full nothing leaves, and then everything in order', () => {
    const session = withOrders();
    session.roomInTransport = false;
    session.receive('35=2|34=3|7=4|16=0').order('d').receive('35=1|34=4|112=u');
    assert.deepEqual(session.sent(), ['35=D|34=4|43=Y|122=…|11=b']);
    assert.equal(session.core.backlog, 2);
    session.roomInTransport = true;
    session.core.drained(session.now);
    assert.deepEqual(session.sent(), ['35=D|34=5|43=Y|122=…|11=c', '35=D|34=6|11=d', '35=0|34=7|112=u']);
  });

  test('with NextExpectedMsgSeqNum gaps are filled without a request, in both directions', () => {
    const before = withOrders({ useNextExpected: true });
    const session = new SessionUnderTest({ ...ACCEPTOR, useNextExpected: true }, before.log).connect();
    session.receive('35=A|34=7|98=0|108=30|789=5');
    assert.deepEqual(session.sent(), [
      '35=A|34=6|98=0|108=30|789=3',
      '35=D|34=5|43=Y|122=…|11=c',
      '35=4|34=6|43=Y|122=…|123=Y|36=7',
    ]);
    session.receive('35=4|34=3|43=Y|123=Y|36=8');
    assert.equal(session.core.caughtUp, true);
  });

  test('a successor begins behind the reserved numbers, and fills what it does not know', () => {
    const before = initiator({ reserveAhead: 5 }).connect();
    before.receive('35=A|34=1|98=0|108=30').order('a');
    before.sent();
    const session = new SessionUnderTest({ ...INITIATOR, reserveAhead: 5 }, before.log).connect();
    assert.deepEqual(session.sent(), ['35=A|34=7|98=0|108=30']);
    session.receive('35=A|34=2|98=0|108=30').receive('35=2|34=3|7=3|16=0');
    assert.deepEqual(session.sent(), ['35=4|34=3|43=Y|122=…|123=Y|36=8']);
  });
});

describe('time', () => {
  test('a heartbeat goes when nothing else went', () => {
    const session = acceptor().loggedOn().pass(29_000).receive('35=0|34=2');
    assert.deepEqual(session.sent(), []);
    assert.deepEqual(session.pass(1_000).sent(), ['35=0|34=2']);
    assert.equal(session.core.wakeAtMs, 60_000);
  });

  test('silence is tested, an answer ends the test, and no answer ends the session', () => {
    const session = acceptor().loggedOn().pass(36_000);
    assert.deepEqual(session.sent(), ['35=1|34=2|112=test-1']);
    session.receive('35=0|34=2|112=test-1').pass(36_000).pass(35_999);
    assert.equal(session.core.state, 'up');
    session.pass(1);
    assert.match(session.disconnects[0]!, /TestRequest/);
  });

  test('with HeartBtInt 0 nothing is ever due', () => {
    const session = acceptor().loggedOn('34=1|98=0|108=0').pass(1e9);
    assert.deepEqual([session.sent(), session.core.wakeAtMs], [[], Number.POSITIVE_INFINITY]);
  });

  test('a TestRequest is answered with its id', () => {
    assert.deepEqual(acceptor().loggedOn().receive('35=1|34=2|112=hello').sent(), ['35=0|34=2|112=hello']);
  });

  test('a TestRequest is answered with its id, also when that is no text', () => {
    assert.deepEqual(acceptor().loggedOn().receive('35=1|34=2|112=\n\u0007ÿ').sent(), ['35=0|34=2|112=\n\u0007ÿ']);
  });

  test('a Logon that does not come, or is not answered, ends the connection', () => {
    assert.equal(acceptor().connect().pass(10_000).core.state, 'down');
    assert.equal(initiator().connect().pass(10_000).core.state, 'down');
  });
});

describe('logout', () => {
  test('is answered, and the other side is to hang up', () => {
    const session = acceptor().loggedOn().receive('35=5|34=2|58=bye');
    assert.deepEqual([session.sent(), session.core.state], [['35=5|34=2'], 'logout-answered']);
    assert.equal(session.pass(5_000).disconnects.length, 1);
  });

  test('of ours waits for the answer, and a resend may come in between', () => {
    const session = acceptor().loggedOn().order('a');
    session.core.logout('end of day', session.now);
    session.receive('35=2|34=2|7=2|16=0').receive('35=5|34=3');
    assert.deepEqual(session.sent(), [
      '35=D|34=2|11=a',
      '35=5|34=3|58=end of day',
      '35=D|34=2|43=Y|122=…|11=a',
      '35=4|34=3|43=Y|122=…|123=Y|36=4',
    ]);
    assert.deepEqual(session.disconnects, ['logged out']);
  });

  test('of ours that is not answered ends the connection all the same', () => {
    const session = acceptor().loggedOn();
    session.core.logout('end of day', session.now);
    assert.equal(session.pass(5_000).core.state, 'down');
  });
});

describe('what is wrong with a message', () => {
  test('is told in a Reject with reason, field and words, and the number counts', () => {
    const session = acceptor()
      .loggedOn()
      .receive(`35=D|34=2|11=a|${ORDER.replace('54=1', '54=Z')}`);
    assert.deepEqual(session.sent(), ['35=3|34=2|45=2|371=54|372=D|373=5|58=Side (54) has no value "Z"']);
    assert.deepEqual([session.core.numbers.nextIn, session.delivered], [3, []]);
  });

  test('a type that FIX does not define is rejected, one that is not in use here is refused as business', () => {
    const session = acceptor().loggedOn().receive('35=ZZ|34=2').receive('35=B|34=3|148=news');
    const [reject, business] = session.sent();
    assert.match(reject!, /^35=3\|34=2\|45=2\|371=35\|372=ZZ\|373=11\|58=/);
    assert.match(business!, /^35=j\|34=3\|45=3\|372=B\|380=3\|58=/);
  });

  test('a Reject is never rejected', () => {
    assert.deepEqual(acceptor().loggedOn().receive('35=3|34=2|45=x').sent(), []);
  });

  test('a Reject of ours reaches the application', () => {
    const session = acceptor().loggedOn().order('a').receive('35=3|34=2|45=2|371=55|373=1|58=Symbol');
    assert.deepEqual(session.notices.at(-1), { kind: 'rejected-by-peer', seq: 2, tag: 55, reason: 1, text: 'Symbol' });
  });

  test('the wrong CompID is rejected and ends the session', () => {
    for (const header of ['49=OTHER', '56=OTHER']) {
      const session = acceptor().loggedOn().receive(`35=0|${header}|34=2`);
      const [reject, logout] = session.sent();
      assert.match(reject!, /^35=3\|.*373=9/);
      assert.match(logout!, /^35=5\|.*CompID/);
    }
  });

  test('a SendingTime too far from our clock ends the session, unless nobody looks', () => {
    const late = new SessionUnderTest(ACCEPTOR).loggedOn();
    late.receive(`35=0|52=${late.timestamp(-121_000)}|34=2`);
    assert.match(late.sent().join(), /373=10.*35=5/);
    const lax = acceptor({ maxClockSkewMs: null }).loggedOn();
    lax.receive(`35=0|52=${lax.timestamp(-121_000)}|34=2`);
    assert.deepEqual(lax.sent(), []);
  });

  test('PossDupFlag needs an OrigSendingTime that is not later', () => {
    const session = acceptor().loggedOn().receive('35=0|34=2|43=Y');
    assert.match(session.sent()[0]!, /373=1\|.*OrigSendingTime/);
    session.receive(`35=0|34=3|43=Y|122=${session.timestamp(5_000)}`);
    assert.match(session.sent().join(), /373=10.*35=5/);
  });

  test('another BeginString ends the session', () => {
    const session = acceptor().loggedOn();
    session.receiveBytes(fixFrame('35=0|49=FIRM|56=VENUE|34=2|52=20260105-09:00:00', 'FIX.4.2'));
    assert.match(session.sent()[0]!, /^35=5.*BeginString/);
  });

  test('PossResend is delivered and marked', () => {
    const session = acceptor().loggedOn().receive(`35=D|34=2|97=Y|11=a|${ORDER}`);
    assert.deepEqual(session.delivered, ['a resend']);
  });
});
