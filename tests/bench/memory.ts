import type { Machine } from "../../simulator/machine";
import { Sink, type Stream, Text } from "../../simulator/shell/streams";

/** Made up anew for each script: the marks of provider/script.ts and provider/ssh/shell.ts. */
const RANDOM = /@@[0-9a-f]{16}|\b[0-9a-f]{24}\b/g;

/** A script that waits for another connection, or is what it waits for, is a conversation: it is run. */
const CONVERSES = /\$run\.confirmed/;

interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** The script, or what it printed, without its random words, and with those of another. */
const standIn = (i: number) => `\0${i}\0`;
const without = (words: readonly string[], text: string) =>
  words.reduce((rest, word, i) => rest.replaceAll(word, standIn(i)), text);
const withWords = (words: readonly string[], text: string) =>
  words.reduce((rest, word, i) => rest.replaceAll(standIn(i), word), text);

/**
 * What scripts printed, by their text. A machine that knows it answers at once and does nothing: what `pulumi` takes
 * then is what it takes beside a host that takes no time of this machine's CPU.
 */
export class Memory {
  /** Scripts that were answered and not run. */
  answered = 0;
  private readonly answers = new Map<string, Answer>();

  /** The machine's sessions go through the memory from now on. */
  attach(machine: Machine, manner: "learning" | "knowing"): void {
    const start = machine.start.bind(machine);
    machine.start = async (command, options) => {
      const [input, out, err] = [0, 1, 2].map((fd) => options.fds.get(fd) as Stream) as [
        Stream,
        Stream,
        Stream,
      ];
      if (command !== "/bin/sh -s") return start(command, options);
      const script = await input.readAll();
      const run = (stdout: Stream, stderr: Stream) => {
        const fds = new Map([new Text(script), stdout, stderr].map((stream, fd) => [fd, stream]));
        return start(command, { ...options, fds });
      };
      if (script === "" || CONVERSES.test(script)) return run(out, err);
      const words = [...new Set(script.match(RANDOM))];
      const key = without(words, script);
      let answer = manner === "knowing" ? this.answers.get(key) : undefined;
      if (answer) this.answered++;
      else {
        const [stdout, stderr] = [new Sink(), new Sink()];
        const status = await run(stdout, stderr);
        answer = { stdout: without(words, stdout.bytes), stderr: without(words, stderr.bytes), status };
        this.answers.set(key, answer);
      }
      out.write(withWords(words, answer.stdout));
      err.write(withWords(words, answer.stderr));
      return answer.status;
    };
  }
}
