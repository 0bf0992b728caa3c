import { join } from "node:path";

/** As a stack's state has it, as far as it is used here. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly custom?: boolean;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
}

/** What the floor's provider gives as outputs, by the properties they belong to. */
export type FloorOutputs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Floor {
  readonly program: string;
  readonly outputs: FloorOutputs;
}

/** What the program gave: with it the engine records what it depends on, be it nothing. The rest is our defaults. */
const given = (inputs: Readonly<Record<string, unknown>>, dependencies: object) =>
  Object.fromEntries(Object.entries(inputs).filter(([name]) => name in dependencies));

const isOurs = ({ type }: Recorded) => type.startsWith("pulumi-nodejs:dynamic/");

/**
 * The program whose resources do nothing, made of the state of the one whose resources do: as many, with the same
 * names, the same values, the same dependencies. What it takes is Pulumi's, whoever writes the provider.
 */
export function floorOf(state: readonly Recorded[]): Floor {
  const ours = state.filter(isOurs);
  const resources = ours.map(({ urn, type, inputs = {}, propertyDependencies = {} }) => {
    const { __provider: _, ...values } = given(inputs, propertyDependencies);
    const after = Object.fromEntries(
      Object.entries(propertyDependencies).filter(([, urns]) => (urns ?? []).length > 0),
    );
    return { urn, type: type.split(":").at(-1), name: urn.split("::").at(-1), values, after };
  });
  const outputs = Object.fromEntries(
    ours.map(({ inputs = {}, outputs: all = {}, propertyDependencies = {} }) => {
      const added = Object.entries(all).filter(([name]) => !(name in propertyDependencies));
      return [floorKey(inputs), Object.fromEntries(added)];
    }),
  );
  const provider = JSON.stringify(join(__dirname, "floor-provider.js"));
  return {
    outputs,
    program: `
const pulumi = require("@pulumi/pulumi");

class Nothing extends pulumi.CustomResource {
  constructor(type, name, values) {
    super("pulumi-nodejs:dynamic/floor:" + type, name, {
      ...values,
      __provider: 'exports.handler=()=>require(${provider}).nothing;',
    });
  }
}

const made = new Map();
for (const { urn, type, name, values, after } of ${JSON.stringify(resources)}) {
  const inputs = { ...values };
  for (const [property, urns] of Object.entries(after)) {
    inputs[property] = pulumi.all(urns.map((each) => made.get(each).id)).apply(() => values[property]);
  }
  made.set(urn, new Nothing(type, name, inputs));
}
`,
  };
}

/** A resource's owner is different from all others'; a host has none. */
const floorKey = (inputs: Readonly<Record<string, unknown>>) => String(inputs.owner ?? inputs.address);
