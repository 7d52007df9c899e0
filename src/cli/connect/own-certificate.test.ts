import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createPki, type LabPki } from '../../../lab/pki.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { readTlsFiles, type TlsFiles } from '../../wire/peer-identity.ts';
import { errorOutcome } from '../view/error-outcome.ts';
import { withOwnCertificate } from './own-certificate.ts';

const DAY_MS = 86_400_000;
let directory: string;
let ours: LabPki;
let others: LabPki;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'höld fast '));
  const plan = {
    organisation: 'test',
    machines: [],
    operators: [
      { name: 'Ada', role: 'admin' as const },
      { name: 'Omar', role: 'operator' as const },
    ],
    evidenceOwners: [],
  };
  ours = await createPki({ directory: join(directory, 'ours'), ...plan });
  others = await createPki({ directory: join(directory, 'others'), ...plan });
});
after(() => rmSync(directory, { recursive: true, force: true }));

const turnedAway = new HoldfastError({
  code: 'HF-3106',
  attempted: 'use the operator API',
  found: 'not authenticated',
  next: 'use a certificate of this firm',
});
const told = (files: TlsFiles, nowMs = Date.now()): string => {
  const error = withOwnCertificate(turnedAway, { name: 'Ada', files, identity: readTlsFiles(files), nowMs });
  assert.ok(error instanceof HoldfastError && error.code === 'HF-3106');
  return error.found;
};

test('somebody whom the controllers do not know is told what their own certificate shows', () => {
  const files = ours.identity('operator/Ada');
  assert.match(told(files, Date.now() + 200 * DAY_MS), /the certificate of Ada, .*Ada\.pem, expired at \d{4}-/);
  assert.match(told(files, Date.now() - 200 * DAY_MS), /is not valid before \d{4}-.*clock may be wrong/);
  assert.match(told({ ...others.identity('operator/Ada'), ca: files.ca }), /was not issued by the authority/);
  assert.match(told(files), /nothing is wrong with .*Ada\.pem as seen from here/);
});

test('what another error says is left alone', () => {
  const other = new Error('x');
  const files = ours.identity('operator/Ada');
  assert.equal(withOwnCertificate(other, { name: 'Ada', files, identity: readTlsFiles(files), nowMs: 0 }), other);
});

test('files that are no certificate, no key, or do not belong together are usage errors that name them, not defects', () => {
  const files = ours.identity('operator/Ada');
  const garbage = join(directory, 'garbage.pem');
  writeFileSync(garbage, 'hello\n');
  const wrong: readonly (readonly [TlsFiles, RegExp])[] = [
    [{ ...files, cert: join(directory, 'absent.pem') }, /absent\.pem[\s\S]*ENOENT/],
    [{ ...files, cert: garbage }, /garbage\.pem[\s\S]*no certificate in PEM form/],
    [{ ...files, ca: garbage }, /garbage\.pem[\s\S]*no certificate in PEM form/],
    [{ ...files, key: garbage }, /garbage\.pem[\s\S]*no private key in PEM form/],
    [
      { ...files, key: ours.identity('operator/Omar').key },
      /Ada\.pem with the key .*Omar\.key[\s\S]*another certificate/,
    ],
  ];
  for (const [given, found] of wrong) {
    let error: unknown;
    try {
      readTlsFiles(given);
    } catch (thrown) {
      error = thrown;
    }
    const { exitCode, text } = errorOutcome(error);
    assert.equal(exitCode, 2, text);
    assert.match(text, /^USAGE HF-3201/);
    assert.match(text.replaceAll(/\n +/g, ' '), found);
  }
});
