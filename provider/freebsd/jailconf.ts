/** One statement of jail.conf(5): a boolean parameter, or one with one or several values (`=`, then `+=`). */
export type JailParameter = readonly [name: string, value?: string | number | readonly (string | number)[]];

/**
 * A string of jail.conf(5). Between double quotes the parser expands `$`, so a value that holds one goes between
 * single quotes; what fits neither is refused by the schemas.
 */
export function jailString(value: string | number): string {
  const text = String(value);
  if (typeof value === "number") return text;
  if (/[\x00-\x1f\x7f\\]/.test(text))
    throw new Error(`cannot be written to jail.conf: ${JSON.stringify(text)}`);
  if (!/["$]/.test(text)) return `"${text}"`;
  if (!text.includes("'")) return `'${text}'`;
  throw new Error(`cannot be written to jail.conf: ${JSON.stringify(text)}`);
}

/** A jail's block, as an administrator would write it. */
export function jailBlock(name: string, parameters: readonly JailParameter[]): string {
  const statement = ([parameter, value]: JailParameter): string[] => {
    if (value === undefined) return [`\t${parameter};`];
    const values = typeof value === "string" || typeof value === "number" ? [value] : value;
    return values.map((item, i) => `\t${parameter} ${i === 0 ? "=" : "+="} ${jailString(item)};`);
  };
  return [
    `${/^[A-Za-z0-9_]+$/.test(name) ? name : jailString(name)} {`,
    ...parameters.flatMap(statement),
    "}",
  ].join("\n");
}

/** Whether /etc/jail.conf reads `path`, by name or by a wildcard for all of its folder. */
export function includes(jailConf: string | undefined, path: string): boolean {
  if (jailConf === undefined) return false;
  const folder = path.slice(0, path.lastIndexOf("/"));
  return jailConf.split("\n").some((line) => {
    const included = /^\s*\.include\s+"([^"]+)"\s*;/.exec(line)?.[1];
    return included === path || included === `${folder}/*.conf` || included === `${folder}/*`;
  });
}
