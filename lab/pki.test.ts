import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { identityOf, mustBe, readTlsFiles } from '../src/wire/peer-identity.ts';
import { createPki, type LabPki } from './pki.ts';

describe('certificates of a lab', { timeout: 30_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-pki-'));
  let pki: LabPki;
  before(async () => {
    pki = await createPki({
      directory: join(directory, 'pki'),
      organisation: 'Holdfast lab test',
      machines: [{ name: 'controller/east', role: 'controller', ips: ['127.0.0.1'] }],
      operators: [{ name: 'Zoë Ångström', role: 'approver' }],
      evidenceOwners: ['controller/east'],
    });
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('let a person with a name and a role talk to a controller that both can verify', async () => {
    const person = readTlsFiles(pki.identity('operator/Zoë Ångström'));
    const controller = readTlsFiles(pki.identity('controller/east'));
    const server = createServer({ ...controller, requestCert: true, rejectUnauthorized: true }, (socket: TLSSocket) =>
      socket.end(JSON.stringify(identityOf(socket.getPeerCertificate()))),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const seen = await new Promise<string>((resolve, reject) => {
      const checkServerIdentity = mustBe({ name: 'east', role: 'controller' });
      const socket = connect({ ...person, host: '127.0.0.1', port, checkServerIdentity });
      socket.on('data', (text) => resolve(text.toString()));
      socket.on('error', reject);
    });
    server.close();
    assert.deepEqual(JSON.parse(seen), { name: 'Zoë Ångström', role: 'approver' });
  });

  it('are refused when another authority issued them', async () => {
    const other = await createPki({
      directory: join(directory, 'other'),
      organisation: 'other',
      machines: [],
      operators: [{ name: 'Eve', role: 'admin' }],
      evidenceOwners: [],
    });
    const controller = readTlsFiles(pki.identity('controller/east'));
    const server = createServer({ ...controller, requestCert: true, rejectUnauthorized: true }, (s) => s.end('secret'));
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const eve = { ...readTlsFiles(other.identity('operator/Eve')), ca: controller.ca };
    const refused = await new Promise<boolean>((resolve) => {
      const socket = connect({ ...eve, host: '127.0.0.1', port });
      socket.on('data', () => resolve(false));
      socket.on('error', () => resolve(true));
      socket.on('close', () => resolve(true));
    });
    server.close();
    assert.equal(refused, true);
  });

  it('keep private keys to their owner', () => {
    for (const file of [pki.identity('controller/east').key, pki.evidenceKey('controller/east').privateKeyFile])
      assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('come with evidence keys whose public half verifies what the private one signed', () => {
    const files = pki.evidenceKey('controller/east');
    const signature = sign(null, Buffer.from('entry'), createPrivateKey(readFileSync(files.privateKeyFile)));
    const listed = JSON.parse(readFileSync(pki.evidenceKeysFile, 'utf8')) as Record<string, string>;
    assert.ok(verify(null, Buffer.from('entry'), createPublicKey(listed['controller/east']!), signature));
  });
});
