import { Errno } from "../command";
import type { OpenFile } from "../kernel/vfs";

/** What a file descriptor leads to. All data are byte strings: one character is one byte. */
export interface Stream {
  /** Everything up to the end. */
  readAll(): Promise<string>;
  /** One line with its newline; "" at the end. */
  readLine(): Promise<string>;
  /** The same as `readAll` if its end is known already, else undefined. */
  readNow(): string | undefined;
  /** What has arrived by now, waiting for something; "" at the end. For what comes over time. */
  readSome?(): Promise<string>;
  write(bytes: string): void;
  readonly terminal?: boolean;
}

/** Bytes that are there already: a here-document, the left side of a pipe. */
export class Text implements Stream {
  private offset = 0;

  constructor(private readonly bytes: string) {}

  async readAll(): Promise<string> {
    return this.readNow();
  }
  async readLine(): Promise<string> {
    const end = this.bytes.indexOf("\n", this.offset);
    const line = this.bytes.slice(this.offset, end < 0 ? undefined : end + 1);
    this.offset += line.length;
    return line;
  }
  readNow(): string {
    const rest = this.bytes.slice(this.offset);
    this.offset = this.bytes.length;
    return rest;
  }
  write(): void {
    throw new Errno("EBADF");
  }
}

/** Collects what is written: the right side of a pipe, `$(…)`. */
export class Sink implements Stream {
  bytes = "";

  async readAll(): Promise<string> {
    return "";
  }
  async readLine(): Promise<string> {
    return "";
  }
  readNow(): string {
    return "";
  }
  write(bytes: string): void {
    this.bytes += bytes;
  }
}

export class FileStream implements Stream {
  constructor(readonly file: OpenFile) {}

  async readAll(): Promise<string> {
    return this.file.read();
  }
  async readLine(): Promise<string> {
    return this.file.readLine();
  }
  readNow(): string {
    return this.file.read();
  }
  write(bytes: string): void {
    this.file.write(bytes);
  }
}

/** Writes go to `sink` at once: the client of an SSH session. */
export class Output implements Stream {
  constructor(private readonly sink: (bytes: string) => void) {}

  async readAll(): Promise<string> {
    return "";
  }
  async readLine(): Promise<string> {
    return "";
  }
  readNow(): string {
    return "";
  }
  write(bytes: string): void {
    this.sink(bytes);
  }
}

/** Bytes that arrive over time: the standard input of an SSH session. */
export class Input implements Stream {
  private bytes = "";
  private ended = false;
  private waiting: (() => void)[] = [];

  push(bytes: string): void {
    this.bytes += bytes;
    this.wake();
  }
  end(): void {
    this.ended = true;
    this.wake();
  }
  private wake(): void {
    for (const go of this.waiting.splice(0)) go();
  }

  async readAll(): Promise<string> {
    while (!this.ended) await this.more();
    return this.take(this.bytes.length);
  }
  async readLine(): Promise<string> {
    for (;;) {
      const end = this.bytes.indexOf("\n");
      if (end >= 0) return this.take(end + 1);
      if (this.ended) return this.take(this.bytes.length);
      await this.more();
    }
  }
  readNow(): string | undefined {
    return this.ended ? this.take(this.bytes.length) : undefined;
  }
  async readSome(): Promise<string> {
    while (this.bytes === "" && !this.ended) await this.more();
    return this.take(this.bytes.length);
  }
  /** Whole lines that have arrived and, at the end, the rest; "" only at the end. */
  async readLines(): Promise<string> {
    for (;;) {
      if (this.ended) return this.take(this.bytes.length);
      const end = this.bytes.lastIndexOf("\n");
      if (end >= 0) return this.take(end + 1);
      await this.more();
    }
  }
  /** Nothing more will come after what has been read. */
  get exhausted(): boolean {
    return this.ended && this.bytes === "";
  }
  write(): void {
    throw new Errno("EBADF");
  }

  private take(length: number): string {
    const taken = this.bytes.slice(0, length);
    this.bytes = this.bytes.slice(length);
    return taken;
  }
  private more(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
