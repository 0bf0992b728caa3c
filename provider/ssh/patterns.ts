/** Whether a pattern of ssh_config(5) (`*` and `?`) is that of `text`. Case counts. */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/\*+/g, "*")
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

/** Whether a list of patterns speaks of `text`: a negated one that matches takes the whole list out. */
export function matchesPatternList(patterns: readonly string[], text: string): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, text)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
