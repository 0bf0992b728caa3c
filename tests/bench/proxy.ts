import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What went through since the last time. */
export interface Traffic {
  readonly bytes: number;
  /** How often the client sent something after the host had: what a connection with one user waits for. */
  readonly roundTrips: number;
}

/** A network between client and host: it lets everything through, later. */
export class DelayingProxy {
  private readonly sockets = new Set<Socket>();
  private bytes = 0;
  private roundTrips = 0;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param roundTripMs how much longer an answer takes than without it; half of it is spent in each direction. */
  static async open(target: number, roundTripMs: number): Promise<DelayingProxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = new DelayingProxy(server, (server.address() as AddressInfo).port);
    server.on("connection", (client) => {
      proxy.keep(client);
      // TCP's own handshake: a client behind a real network is connected only then.
      later(() => proxy.join(client, target, roundTripMs / 2), roundTripMs);
    });
    return proxy;
  }

  count(): Traffic {
    const { bytes, roundTrips } = this;
    this.bytes = 0;
    this.roundTrips = 0;
    return { bytes, roundTrips };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }

  private join(client: Socket, target: number, delayMs: number): void {
    const host = connect({ host: "127.0.0.1", port: target, noDelay: true });
    this.keep(host);
    let last: Socket | undefined;
    const pass = (from: Socket, to: Socket) => {
      from.on("data", (data) => {
        this.bytes += data.length;
        if (from === client && last !== client) this.roundTrips++;
        last = from;
        later(() => to.write(data), delayMs);
      });
      from.on("end", () => later(() => to.end(), delayMs));
      from.on("close", () => later(() => to.destroy(), delayMs));
    };
    pass(client, host);
    pass(host, client);
  }
}

/** Timers of the same length ring in the order in which they were set, so nothing overtakes. */
function later(action: () => void, ms: number): void {
  if (ms === 0) action();
  else setTimeout(action, ms);
}
