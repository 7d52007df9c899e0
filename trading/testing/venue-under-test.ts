import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readVenueConfig } from '../venue/venue-config.ts';
import { VenueServer } from '../venue/venue-server.ts';
import { ExchangeClient } from './exchange-client.ts';
import { LineClient } from './line-client.ts';

export const VENUE_TOKEN = 'a-token-for-tests';

/** An exchange in this process with all its protocols, in a temporary directory; `close` ends it and removes it. */
export class VenueUnderTest {
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast venue é-'));
  readonly #settings: object;
  server!: VenueServer;
  ports: Readonly<Record<string, number>> = {};

  private constructor(settings: object) {
    this.#settings = settings;
  }

  static async open(settings: object = {}): Promise<VenueUnderTest> {
    const world = new VenueUnderTest(settings);
    mkdirSync(join(world.directory, 'data'));
    writeFileSync(join(world.directory, 'token'), VENUE_TOKEN, { mode: 0o600 });
    await world.start();
    return world;
  }

  start(): Promise<void> {
    return this.startAt({});
  }

  /** With the feeds at these ports, where they are named. */
  async startAt(ports: Readonly<Record<string, number>>): Promise<void> {
    const file = join(this.directory, 'venue.json');
    const address = { port: 0 };
    const config = { listen: address, binary: address, dataDir: 'data', tokenFile: 'token', fillShare: 0 };
    const { feedA, feedB, recovery } = ports;
    const feeds = feedA === undefined ? {} : { marketData: { feedA, feedB, recovery } };
    writeFileSync(file, JSON.stringify({ ...config, ...this.#settings, ...feeds }));
    this.server = new VenueServer(readVenueConfig([file]));
    this.ports = await this.server.listen();
  }

  async restart(): Promise<void> {
    await this.server.close();
    await this.start();
  }

  /** As `restart`, with the feeds where they were. */
  async restartAt(ports: Readonly<Record<string, number>>): Promise<void> {
    await this.server.close();
    await this.startAt(ports);
  }

  line(): Promise<LineClient> {
    return LineClient.open(this.ports['venue']!);
  }

  binary(): Promise<ExchangeClient> {
    return ExchangeClient.open(this.ports['binary']!);
  }

  /** A binary session that is seated and has all reports so far. */
  async seated(logon: { readonly [name: string]: string | number } = {}): Promise<ExchangeClient> {
    const client = await this.binary();
    client.logon(logon);
    await client.expect(({ t }) => t === 'replay-end');
    return client;
  }

  async admin(message: object): Promise<void> {
    const client = await this.line();
    client.send({ t: 'admin', token: VENUE_TOKEN, ...message });
    await client.expect(({ t }) => t === 'admin-ok');
    client.close();
  }

  async close(): Promise<void> {
    await this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
