import { z } from "zod";

/**
 * What it costs on the host when a property changes.
 * - `replace`: the thing is made anew, the old one removed.
 * - `restart`: the jail is stopped and started.
 * - `live`: changed while everything runs.
 * - `none`: only the stack's state changes.
 */
export type Cost = "replace" | "restart" | "live" | "none";

declare module "zod" {
  interface GlobalMeta {
    cost?: Cost;
    /** A reference: the class of the resource that programs give. */
    reference?: string;
    /** A reference: which properties say that it is the same thing. */
    identity?: readonly string[];
    /** Says how the resource is created; once it exists, another value is no change. */
    creation?: boolean;
    /** Set by the SDK, not by programs; left out of argument types and docs. */
    internal?: boolean;
  }
}

/** The properties of a kind of resource: a plain object, so that doc comments reach the user's editor. */
export type Shape = Readonly<Record<string, z.ZodType>>;

export type InputOf<S extends Shape> = z.output<z.ZodObject<S>>;

const costing =
  (cost: Cost) =>
  <T extends z.ZodType>(schema: T): T =>
    schema.meta({ ...schema.meta(), cost }) as T;

/** Marks what a change of the property costs; the outermost call on a schema. */
export const replace = costing("replace");
export const restart = costing("restart");
export const live = costing("live");
export const none = costing("none");

/** Only in types: tells a reference from a plain object. */
export declare const referenced: unique symbol;

/** A property that takes another resource: programs pass the resource, the provider gets these few values of it. */
export type Reference<K extends string, V> = V & { readonly [referenced]: K };

/**
 * A reference to a resource of kind `kind`. `identity` names the values whose change means that it is another
 * thing; the rest only informs (the subnets of the bridge behind a link) and never shows as a change.
 */
export function reference<K extends string, S extends Shape>(
  kind: K,
  shape: S,
  identity: readonly (keyof S & string)[],
): z.ZodType<Reference<K, InputOf<S>>, Reference<K, InputOf<S>>> {
  return z.object(shape).meta({ reference: kind, identity }) as never;
}

/** What a property takes when it is given. */
export const unwrapped = (schema: z.ZodType): z.ZodType =>
  "unwrap" in schema && typeof schema.unwrap === "function" ? (schema.unwrap() as z.ZodType) : schema;

/** The default of a property, if it has one. */
export function defaultOf(schema: z.ZodType): unknown {
  return schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
}
