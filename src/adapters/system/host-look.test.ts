import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { HostEyes, loadIn, memoryIn, waitIn } from './host-look.ts';

const directory = mkdtempSync(join(tmpdir(), 'host-look-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A certificate of Debian's openssl, self-signed, that ended on 2 January 2020. */
const ended = `-----BEGIN CERTIFICATE-----
MIIBCDCBrgIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVhZ2VudDAeFw0yMDAx
MDEwMDAwMDBaFw0yMDAxMDIwMDAwMDBaMBAxDjAMBgNVBAMMBWFnZW50MFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAE1A3nXq0DJgzL6OydJF4P/Jx1/yuBknxxIEGy
QVoerW0F6I1+ma26wzaBicP01gfJLSZv3gxAioAEqBEjmeRCSjAKBggqhkjOPQQD
AgNJADBGAiEAvRGYJca0VGA3ngIGZiRAyKAXC+XntoemJrxNVArsf68CIQCW5xH5
2UWn5VbRq33npvcVAhxYA5C4lGH8O5gfIps8OQ==
-----END CERTIFICATE-----
`;

describe('a look at a host', () => {
  it('has the free space as df counts it', async () => {
    const { disks } = await new HostEyes({ directories: [directory], certificates: [], deadlineMs: 2_000 }).look();
    const [used, available] = execFileSync('df', ['-B1', '--output=used,avail', directory], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .at(-1)!
      .trim()
      .split(/ +/)
      .map(Number);
    const { freeBytes, totalBytes } = disks[0]!.space!;
    // Others write meanwhile.
    assert.ok(Math.abs(freeBytes - available!) < 500e6);
    assert.ok(Math.abs(totalBytes - used! - available!) < 500e6);
  });

  it('has what a certificate says of its end', async () => {
    const file = join(directory, 'ended.pem');
    writeFileSync(file, ended);
    const { certificates } = await new HostEyes({
      directories: [],
      certificates: [{ name: 'agent', file }],
      deadlineMs: 2_000,
    }).look();
    assert.deepEqual(certificates, [{ name: 'agent', notAfter: Date.UTC(2020, 0, 2) }]);
  });

  it('does not know what is not there, and throws nothing', async () => {
    const eyes = new HostEyes({
      directories: [join(directory, 'gone')],
      certificates: [{ name: 'agent', file: join(directory, 'gone.pem') }],
      deadlineMs: 2_000,
      proc: join(directory, 'gone'),
    });
    assert.deepEqual(await eyes.look(), {
      disks: [{ path: join(directory, 'gone'), space: null }],
      certificates: [{ name: 'agent', notAfter: null }],
      memory: null,
      memoryWaitPercent: null,
      loadPerProcessor: null,
    });
  });

  it('reads what the kernel prints (6.18)', async () => {
    const proc = join(directory, 'proc');
    mkdirSync(join(proc, 'pressure'), { recursive: true });
    writeFileSync(
      join(proc, 'meminfo'),
      'MemTotal:       24689644 kB\nMemFree:        20992336 kB\nMemAvailable:   23145768 kB\nBuffers:          118448 kB\n',
    );
    writeFileSync(
      join(proc, 'pressure', 'memory'),
      'some avg10=1.25 avg60=0.88 avg300=1.06 total=487090969\nfull avg10=0.15 avg60=0.38 avg300=0.41 total=96346304\n',
    );
    writeFileSync(join(proc, 'loadavg'), '4.54 2.54 2.64 3/1022 30781\n');
    const seen = await new HostEyes({ directories: [], certificates: [], deadlineMs: 2_000, proc }).look();
    assert.deepEqual(seen.memory, { availableBytes: 23_145_768 * 1024, totalBytes: 24_689_644 * 1024 });
    assert.equal(seen.memoryWaitPercent, 1.25);
    assert.equal(loadIn('4.54 2.54 2.64 3/1022 30781\n', 2), 2.27);
    assert.equal(memoryIn('MemTotal: 1 kB\n'), null);
    assert.equal(waitIn('full avg10=0.15 avg60=0.38 avg300=0.41 total=96346304\n'), null);
  });
});
