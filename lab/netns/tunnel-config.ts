import { generateKeyPairSync } from 'node:crypto';

/** A WireGuard key pair in its own notation. */
export interface TunnelKeys {
  readonly privateKey: string;
  readonly publicKey: string;
}

export const tunnelPort = 51_820;

export function newTunnelKeys(): TunnelKeys {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const inBase64 = (text: string | undefined) => Buffer.from(text ?? '', 'base64url').toString('base64');
  return { privateKey: inBase64(d), publicKey: inBase64(x) };
}

/** For `wg setconf`: one peer, and everything may pass, because routing decides what does. */
export function tunnelFile(options: {
  readonly own: TunnelKeys;
  readonly peer: TunnelKeys;
  readonly peerEndpoint: string;
}): string {
  return `[Interface]
PrivateKey = ${options.own.privateKey}
ListenPort = ${tunnelPort}
[Peer]
PublicKey = ${options.peer.publicKey}
Endpoint = ${options.peerEndpoint}:${tunnelPort}
AllowedIPs = 0.0.0.0/0
`;
}
