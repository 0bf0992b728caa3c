import { check } from "../../../provider/check";
import type { Kind, State } from "../../../provider/kind";
import { lifecycle, type ResourceProvider, type Runner } from "../../../provider/lifecycle";
import { Reader } from "../../../provider/reader";
import { article, type Declarations, declarations, type Place } from "./place";

/** A resource as a test holds it: what was declared, and what was recorded. */
export interface Made {
  readonly id: string;
  readonly inputs: Record<string, unknown>;
  state: State & Record<string, unknown>;
}

/** Resources on one host, made by the provider one by one and without the engine. */
export class Resources {
  readonly declare: Declarations;

  constructor(
    protected readonly runner: Runner,
    readonly place: Place,
  ) {
    this.declare = declarations(place);
  }

  provider(kind: unknown): ResourceProvider {
    const reader = new Reader(this.runner);
    return lifecycle(kind as Kind, {
      runner: this.runner,
      reader,
      configure: async () => {},
      who: "tests@here",
    });
  }

  async create(kind: unknown, declared: object): Promise<Made> {
    const { inputs, failures } = check(kind as Kind, declared as Record<string, unknown>);
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return this.make(kind, inputs);
  }

  protected async make(kind: unknown, inputs: Record<string, unknown>): Promise<Made> {
    const { id, outs } = await this.provider(kind).create(inputs);
    return { id, inputs, state: outs as Made["state"] };
  }

  async update(kind: unknown, made: Made, changed: object = {}): Promise<void> {
    const { inputs } = check(kind as Kind, { ...made.inputs, ...changed });
    const { outs } = await this.provider(kind).update(made.id, made.state, inputs);
    made.state = outs as Made["state"];
  }

  /** Reads it into its state; false when it is gone. */
  async read(kind: unknown, made: Made): Promise<boolean> {
    const { id, props } = await this.provider(kind).read(made.id, made.state);
    if (id !== "") made.state = props as Made["state"];
    return id !== "";
  }

  delete(kind: unknown, made: Made): Promise<void> {
    return this.provider(kind).delete(made.id, made.state);
  }

  /** One of each kind, in the order in which Pulumi would make them. */
  all(): [kind: unknown, declared: object][] {
    return article(this.declare);
  }

  /** Makes everything before `kind`. */
  async before(kind: unknown): Promise<[kind: unknown, made: Made][]> {
    const made: [unknown, Made][] = [];
    for (const [each, declared] of this.all()) {
      if (each === kind) break;
      made.push([each, await this.create(each, declared)]);
    }
    return made;
  }
}
