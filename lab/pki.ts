import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PersonRole, TlsFiles } from '../src/wire/peer-identity.ts';
import './reflect-metadata.ts';

/** What a person may do. Until accounts exist a person is a client certificate: CN the name, OU the role. */
export type OperatorRole = PersonRole;
/** OU of a machine's certificate. */
export type MachineRole = 'agent' | 'controller' | 'authority' | 'server';

export interface LabPki {
  readonly caFile: string;
  /** PEM files of one party: `agent/HOST`, `controller/SITE`, `operator/NAME`. The key is PKCS #8, 0600. */
  readonly identity: (name: string) => TlsFiles;
  /** Ed25519 keys that sign evidence, by owner; private half 0600, public halves also in `evidence-keys.json`. */
  readonly evidenceKey: (owner: string) => { readonly privateKeyFile: string; readonly publicKeyFile: string };
  readonly evidenceKeysFile: string;
}

export interface PkiPlan {
  readonly directory: string;
  /** Organisation in every subject: tells one lab's certificates from another's. */
  readonly organisation: string;
  readonly machines: readonly {
    /** e.g. `agent/HOST` or `controller/SITE`; what follows the slash becomes the CN. */
    readonly name: string;
    readonly role: MachineRole;
    /** Addresses at which it is reached, relays included. */
    readonly ips: readonly string[];
    /** Its certificate has no name, which some clients cannot read without more libraries than they come with. */
    readonly nameless?: true;
  }[];
  readonly operators: readonly { readonly name: string; readonly role: OperatorRole }[];
  readonly evidenceOwners: readonly string[];
}

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const validDays = 90;

/**
 * A certificate authority for one lab and what it signs: P-256, one key per party, client and server use. The authority's own
 * key is dropped after use, so nothing can be issued later.
 */
export async function createPki(plan: PkiPlan): Promise<LabPki> {
  const x509 = await import('@peculiar/x509');
  const now = Date.now();
  const validity = { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + validDays * 86_400_000) };
  mkdirSync(plan.directory, { recursive: true, mode: 0o700 });
  const caKeys = await webcrypto.subtle.generateKey(signing, false, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: subject(plan.organisation, 'Holdfast lab CA', 'ca'),
    ...validity,
    signingAlgorithm: signing,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const caFile = join(plan.directory, 'ca.pem');
  writeFileSync(caFile, `${ca.toString('pem')}\n`, { mode: 0o644 });

  const issue = async (name: string, role: string, ips: readonly string[], nameless?: true): Promise<void> => {
    const keys = await webcrypto.subtle.generateKey(signing, true, ['sign', 'verify']);
    const names = [
      ...(nameless ? [] : [dnsName(name), 'localhost']).map((value) => ({ type: 'dns' as const, value })),
      ...[...new Set(ips)].map((value) => ({ type: 'ip' as const, value })),
    ];
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: subject(plan.organisation, name.slice(name.indexOf('/') + 1), role),
      issuer: ca.subject,
      ...validity,
      signingAlgorithm: signing,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension(names),
      ],
    });
    const files = identityFiles(plan.directory, name);
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    writeSecret(files.key, pem('PRIVATE KEY', Buffer.from(key)));
    writeFileSync(files.cert, `${certificate.toString('pem')}\n`, { mode: 0o644 });
  };
  for (const { name, role, ips, nameless } of plan.machines) await issue(name, role, ips, nameless);
  for (const { name, role } of plan.operators) await issue(`operator/${name}`, role, []);

  const publicKeys: Record<string, string> = {};
  for (const owner of plan.evidenceOwners) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const files = evidenceFiles(plan.directory, owner);
    writeSecret(files.privateKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    publicKeys[owner] = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    writeFileSync(files.publicKeyFile, publicKeys[owner], { mode: 0o644 });
  }
  const evidenceKeysFile = join(plan.directory, 'evidence-keys.json');
  writeFileSync(evidenceKeysFile, `${JSON.stringify(publicKeys, null, 1)}\n`, { mode: 0o644 });
  return pkiOf(plan.directory);
}

/** The same files by name, for a lab whose certificates exist already. */
export function pkiOf(directory: string): LabPki {
  return {
    caFile: join(directory, 'ca.pem'),
    identity: (name) => identityFiles(directory, name),
    evidenceKey: (owner) => evidenceFiles(directory, owner),
    evidenceKeysFile: join(directory, 'evidence-keys.json'),
  };
}

/** Name under which TLS checks a party, whatever address it was reached at: pass it as `servername`. */
export const dnsName = (name: string): string =>
  `${name
    .toLowerCase()
    .split('/')
    .reverse()
    .map((part) => part.replace(/[^a-z0-9-]+/g, '-'))
    .join('.')}.holdfast.internal`;

/** A random token in a file that only its owner may read; returns the file. */
export function createToken(file: string): string {
  writeSecret(file, `${randomBytes(24).toString('base64url')}\n`);
  return file;
}

/** File names keep apart what names keep apart, and never leave their directory. */
const fileName = (name: string): string => encodeURIComponent(name.replaceAll('/', '-')).replaceAll('%', '_');

const identityFiles = (directory: string, name: string): TlsFiles => ({
  ca: join(directory, 'ca.pem'),
  cert: join(directory, `${fileName(name)}.pem`),
  key: join(directory, `${fileName(name)}.key`),
});

const evidenceFiles = (directory: string, owner: string) => ({
  privateKeyFile: join(directory, `evidence-${fileName(owner)}.key`),
  publicKeyFile: join(directory, `evidence-${fileName(owner)}.pub`),
});

const subject = (organisation: string, name: string, role: string) => [
  { O: [organisation] },
  { OU: [role] },
  { CN: [name] },
];

const serial = (): string => `01${randomBytes(15).toString('hex')}`;

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')}\n-----END ${label}-----\n`;

function writeSecret(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
  chmodSync(file, 0o600);
}
