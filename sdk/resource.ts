import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { Bookkeeping, KindOutline } from "../provider/kind";
import { defaultOf, type referenced, type Shape } from "../provider/schema";

/** What a resource tells others of itself: pass the resource, these few values of it travel. */
export interface Referenced<V> {
  readonly reference: pulumi.Output<V>;
}

/** `T` as a program gives it: any value at any depth may be an output, and a reference is the resource itself. */
export type Given<T> = T extends { readonly [referenced]: string }
  ? Referenced<T> | pulumi.Input<{ [K in keyof Omit<T, typeof referenced>]: Given<T[K & keyof T]> }>
  : T extends readonly (infer U)[]
    ? pulumi.Input<Given<U>[]>
    : T extends object
      ? pulumi.Input<{ [K in keyof T]: Given<T[K]> }>
      : pulumi.Input<T>;

type Taken<S extends Shape> = z.input<z.ZodObject<S>>;
type Had<S extends Shape> = z.output<z.ZodObject<S>>;

/** Set by this file, not by programs. */
type Internal = "owner";

/** The arguments of a class whose properties are declared in `S`. */
export type Args<S extends Shape> = { [K in keyof Taken<S> as Exclude<K, Internal>]: Given<Taken<S>[K]> };

/** The outputs of a class: its properties, what the host adds (`O`), and whether it is as declared. */
export type Outputs<S extends Shape, O> = {
  readonly [K in keyof Omit<Had<S>, keyof O>]-?: pulumi.Output<Had<S>[K]>;
} & { readonly [K in keyof O]: pulumi.Output<O[K]> } & {
  /** In which ways the host differs from what was declared, in words; filled by `pulumi refresh`. */
  readonly drift: pulumi.Output<Bookkeeping["drift"]>;
};

/** Base of all resource classes: a dynamic resource whose state holds data and one constant line, never code. */
export abstract class VnetResource extends pulumi.CustomResource {
  readonly #kind: KindOutline;
  readonly #given: Readonly<Record<string, unknown>>;

  /**
   * @param handler the export of `pulumi-freebsd-vnet/provider` that makes this kind; part of every stack's
   * state, so it never changes.
   */
  protected constructor(
    kind: KindOutline,
    handler: string,
    name: string,
    args: object,
    options: pulumi.CustomResourceOptions | undefined,
  ) {
    const answered = [...kind.outputs, ...(kind.derived ?? []), "drift", "made"];
    const outputs = Object.fromEntries(answered.map((key) => [key, undefined]));
    const owner = "owner" in kind.inputs ? { owner: ownerOf(kind.name, name) } : {};
    const given = references(args) as Record<string, unknown>;
    super(
      `pulumi-nodejs:dynamic/pulumi-freebsd-vnet:${kind.name}`,
      name,
      {
        ...outputs,
        ...given,
        ...owner,
        __provider: `exports.handler=()=>require("pulumi-freebsd-vnet/provider").${handler};`,
      },
      options,
    );
    this.#kind = kind;
    this.#given = given;
    // What was left out is told when it is asked for: each output takes Pulumi about half a millisecond.
    for (const key of Object.keys(kind.inputs)) {
      if (Object.hasOwn(this, key)) continue;
      const get = () => this.tell(key).apply((told) => told[key]);
      Object.defineProperty(this, key, { get, enumerable: true, configurable: true });
    }
  }

  /**
   * What a reference says of properties. Of an optional one that was left out, a preview would say that it is not
   * known yet, so what the provider does not decide comes from the arguments. It waits for the resource all the same.
   */
  protected tell(...properties: string[]): pulumi.Output<Record<string, unknown>> {
    const { inputs, outputs, decides } = this.#kind;
    const values = properties.map((name) => {
      if (!outputs.includes(name)) return this.#given[name];
      const own = (this as Readonly<Record<string, unknown>>)[name];
      if (decides === undefined || !(name in inputs)) return own;
      return pulumi.output(this.#given).apply((given) => (decides(name, given) ? own : given[name]));
    });
    return pulumi
      .all([this.urn, ...values])
      .apply(([, ...known]) =>
        Object.fromEntries(
          properties.map((name, i) => [name, known[i] ?? defaultOf(inputs[name] as Shape[string])]),
        ),
      );
  }
}

/** By this mark the host tells whose an interface, a file or a dataset is. */
function ownerOf(kind: string, name: string): string {
  return [pulumi.getProject(), pulumi.getStack(), kind, name]
    .map((part) =>
      part.replaceAll(/[^A-Za-z0-9_.:@-]/g, (c) => encodeURIComponent(c).replaceAll(/[!'()*]/g, "_")),
    )
    .join("/");
}

function references(value: unknown): unknown {
  if (
    value === null ||
    typeof value !== "object" ||
    pulumi.Output.isInstance(value) ||
    value instanceof Promise
  ) {
    return value;
  }
  if (value instanceof VnetResource) {
    if (!("reference" in value))
      throw new Error(`a ${value.constructor.name} cannot be referred to by other resources`);
    return value.reference;
  }
  if (Array.isArray(value)) return value.map(references);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, references(item)]));
}
