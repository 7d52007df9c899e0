import { createServer, type Server, type Socket } from 'node:net';
import { asRecord, countField, type JsonRecord, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';
import { TokenFile } from '../base/token-file.ts';

export type LoadMethods = Readonly<Record<string, (params: JsonRecord) => unknown>>;

/**
 * Control of the generator, framed like the component contract: `{"id","method","params"}` answered by `{"id","ok",…}`. The
 * first request must be `hello {token}`. A method refuses by throwing.
 */
export class LoadControl {
  readonly #server: Server;
  readonly #token: TokenFile;
  readonly #methods: LoadMethods;
  readonly #sockets = new Set<Socket>();

  private constructor(options: { readonly tokenFile: string; readonly methods: LoadMethods }) {
    this.#token = new TokenFile(options.tokenFile);
    this.#methods = options.methods;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async listen(options: {
    readonly host: string;
    /** 0 = any free port. */
    readonly port: number;
    readonly tokenFile: string;
    readonly methods: LoadMethods;
  }): Promise<LoadControl> {
    const control = new LoadControl(options);
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject);
      control.#server.listen(options.port, options.host, resolve);
    });
    return control;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    for (const socket of this.#sockets) socket.end();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    let greeted = false;
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    const lines = new LineReader({
      maxLineLength: 64 * 1024,
      onOverflow: () => socket.destroy(),
      onLine: (line) => {
        const request = parseRecord(line);
        const id = request === null ? null : countField(request, 'id');
        if (request === null || id === null) return socket.destroy();
        const params = asRecord(request['params'] ?? {}) ?? {};
        if (!greeted) {
          greeted = request['method'] === 'hello' && this.#token.accepts(params['token']);
          if (greeted) return answer(socket, { id, ok: true, result: { component: 'load', pid: process.pid } });
          answer(socket, { id, ok: false, error: { code: 'unauthorized', message: 'say hello with the token first' } });
          lines.end();
          socket.end();
          return;
        }
        void this.#call(socket, { id, method: String(request['method']), params });
      },
    });
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #call(
    socket: Socket,
    request: { readonly id: number; readonly method: string; readonly params: JsonRecord },
  ): Promise<void> {
    const { id, method, params } = request;
    const handler = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
    if (handler === undefined) {
      const known = Object.keys(this.#methods).join(', ');
      return answer(socket, {
        id,
        ok: false,
        error: { code: 'unknown-method', message: `${method}: known are ${known}` },
      });
    }
    try {
      answer(socket, { id, ok: true, result: (await handler(params)) ?? {} });
    } catch (error) {
      answer(socket, {
        id,
        ok: false,
        error: { code: 'bad-params', message: error instanceof Error ? error.message : String(error) },
      });
    }
  }
}

const answer = (socket: Socket, frame: object): void => {
  if (socket.writable) socket.write(`${JSON.stringify(frame)}\n`);
};
