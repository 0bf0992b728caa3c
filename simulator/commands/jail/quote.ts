/** How jail(8) and jls(8) quote a value that has spaces or quotes, or none at all. */
export function quoted(text: string): string {
  if (text === "") return '""';
  const quote = text.includes("'") ? '"' : text.includes('"') ? "'" : /[ \t]/.test(text) ? '"' : "";
  const escaped = [...text].map((char) => (char === "\\" || char === quote ? `\\${char}` : char)).join("");
  return quote + escaped + quote;
}
