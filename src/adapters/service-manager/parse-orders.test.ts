import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ServiceVerb, Told } from './managed-service.ts';
import { supervisordAnswered, supervisordStartsItself, systemdAnswered, systemdUnit } from './parse.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');

/** As it was recorded: the order, what was printed, how it ended. */
const orders = fixture('supervisorctl-orders-4.2.5.txt')
  .split('$ supervisorctl ')
  .slice(1)
  .map((recorded) => {
    const [order = '', ...lines] = recorded.trim().split('\n');
    const [verb, name = ''] = order.split(' ');
    const code = Number(lines.pop()?.replace('rc=', ''));
    return { order, told: supervisordAnswered(name, verb as ServiceVerb, { code, text: lines.join('\n') }) };
  });
const toldOf = (told: Told) => (told.kind === 'refused' ? told.code : told.kind);

describe('what supervisorctl answers to an order', () => {
  it('is told, also what is done already, or refused with a stable code', () => {
    assert.deepEqual(
      orders.map(({ order, told }) => [order, toldOf(told)]),
      [
        ['stop good', 'told'],
        ['stop rests', 'told'],
        ['start good', 'told'],
        ['start g:ga', 'told'],
        ['start good', 'told'],
        ['start ends', 'would-not-start'],
        ['start badcmd', 'would-not-start'],
        ['start nosuch', 'no-such-service'],
        ['stop gone', 'manager-unreachable'],
      ],
    );
  });

  it('names who may not ask, keeps the words, and is unknown where it says nothing', () => {
    const refused = supervisordAnswered('good', 'stop', {
      code: 2,
      text: fixture('supervisorctl-refused-4.2.5.txt'),
    });
    assert.ok(refused.kind === 'refused');
    assert.equal(refused.code, 'not-permitted');
    assert.match(refused.reason, /Permission denied/);
    assert.equal(supervisordAnswered('good', 'stop', { code: 0, text: '' }).kind, 'unknown');
  });

  it('says whether a program starts with its manager', () => {
    const text = fixture('supervisorctl-avail-4.2.5.txt');
    const of = (name: string) => supervisordStartsItself(name, text);
    assert.deepEqual([of('good'), of('g:ga'), of('rests'), of('nobody')], [true, true, false, null]);
  });
});

/** By the manual (systemctl(1), org.freedesktop.systemd1(5)); not recorded. */
const unit = (title: string) => {
  const [, text = ''] = fixture('systemctl-from-documentation.txt').split(`# ${title}\n`);
  return systemdUnit(text.split('# ')[0] ?? '');
};

describe('what systemctl says of a unit', () => {
  it('has a masked unit with its state, its main process and its control group', () => {
    assert.deepEqual(unit('running'), {
      state: 'running',
      said: 'active (running), pid 812',
      masked: false,
      enabled: true,
      mainPid: 812,
      controlGroup: '/system.slice/haproxy.service',
    });
    const masked = unit('masked-and-gone');
    assert.ok(typeof masked !== 'string');
    assert.deepEqual(
      [masked.state, masked.said, masked.masked, masked.mainPid, masked.controlGroup],
      ['stopped', 'inactive (dead), masked', true, null, ''],
    );
  });

  it('says why it says nothing', () => {
    assert.equal(systemdUnit('LoadState=not-found\nActiveState=inactive\n'), 'it is not-found');
    assert.equal(systemdUnit(fixture('systemctl-no-systemd-252.txt')), 'Failed to connect to bus: Host is down');
  });

  it('answers an order with a stable code, and unknown where the bus did not answer', () => {
    const said = (verb: string, stderr: string) => toldOf(systemdAnswered(verb, { code: 1, stdout: '', stderr }));
    assert.equal(systemdAnswered('stop', { code: 0, stdout: '', stderr: '' }).kind, 'told');
    assert.deepEqual(
      [
        said('stop', fixture('systemctl-no-systemd-252.txt')),
        said('stop', 'Failed to stop x.service: Unit x.service not loaded.'),
        said('mask', 'Failed to mask unit: Access denied'),
        said('stop', 'sudo: a password is required'),
        said('start', 'Job for x.service failed because the control process exited with error code.'),
        said('stop', 'Failed to stop x.service: Connection timed out'),
      ],
      ['manager-unreachable', 'no-such-service', 'not-permitted', 'not-permitted', 'would-not-start', 'unknown'],
    );
  });
});
