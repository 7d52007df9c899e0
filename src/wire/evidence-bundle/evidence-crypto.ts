import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { Digest } from '../../core/base/canonical-json.ts';
import type { SignatureCheck } from '../../core/evidence/hash-chain.ts';

/** SHA-256, lower-case hex. */
export const sha256: Digest = (text) => createHash('sha256').update(text, 'utf8').digest('hex');

export interface EvidenceKey {
  /** Base64 SPKI: what bundles carry and fingerprints are made of. */
  readonly publicKey: string;
  /** PKCS #8 PEM, for the key file. Never leaves the host. */
  readonly privatePem: string;
  /** Base64 Ed25519 signature of a text. */
  sign(text: string): string;
}

export function generateEvidenceKey(): EvidenceKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return evidenceKey(privateKey);
}

/** Throws when the text is not an Ed25519 private key. */
export function loadEvidenceKey(privatePem: string): EvidenceKey {
  const privateKey = createPrivateKey(privatePem);
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('not an Ed25519 key');
  return evidenceKey(privateKey);
}

function evidenceKey(privateKey: KeyObject): EvidenceKey {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    publicKey,
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    sign: (text) => sign(null, Buffer.from(text, 'utf8'), privateKey).toString('base64'),
  };
}

/** A check that parses each public key once. A key or signature that cannot be read verifies nothing. */
export function signatureCheck(): SignatureCheck {
  const keys = new Map<string, KeyObject | null>();
  return (text, signature, publicKey) => {
    let key = keys.get(publicKey);
    if (key === undefined) {
      key = readPublicKey(publicKey);
      keys.set(publicKey, key);
    }
    return key !== null && isCanonicalBase64(signature) && verifies(text, signature, key);
  };
}

function verifies(text: string, signature: string, key: KeyObject): boolean {
  try {
    return verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** Node's decoder skips what it does not know; a signature with such characters is not the one that was written. */
const isCanonicalBase64 = (text: string): boolean => Buffer.from(text, 'base64').toString('base64') === text;

function readPublicKey(publicKey: string): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}
