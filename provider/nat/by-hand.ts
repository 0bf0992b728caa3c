import { redirectText } from "../freebsd/natdconf";
import type { Found } from "../kind";
import { body, EDITOR, hasBlock, LOCK, locked } from "../library";
import { quote, ShellFunction } from "../sh";
import type { RedirectInput } from "./engine";
import { overlap, type PublicSide, parsePorts } from "./ports";
import { redirections } from "./redirections";

/*
 * Redirects that somebody wrote by hand into a file of ours, in the words of natd(8). The line is all there is of a
 * redirect, so to take it over is to put our marks around it.
 */

interface ByHand extends PublicSide {
  readonly text: string;
}

/** Lines in no block of ours. Ports by name are nothing that a redirect here could be. */
function byHand(file: string): ByHand[] {
  const found: ByHand[] = [];
  let ours = false;
  for (const line of file.split("\n")) {
    if (line.startsWith("# BEGIN pulumi-freebsd-vnet ")) ours = true;
    if (line.startsWith("# END pulumi-freebsd-vnet ")) ours = false;
    const text = line.trim().split(/\s+/);
    const [word, protocol, , outside = ""] = text;
    if (ours || word !== "redirect_port" || (protocol !== "tcp" && protocol !== "udp")) continue;
    const [, publicAddress, publicPort = ""] = /^(?:(.*):)?([^:]*)$/.exec(outside) ?? [];
    if (parsePorts(publicPort)) found.push({ protocol, publicPort, publicAddress, text: text.join(" ") });
  }
  return found;
}

/** What of the redirect is in `file` by hand. */
export function foundByHand(path: string, file: string, input: RedirectInput): Found<never> | undefined {
  const wanted = redirections(input, ["inet"]).map(redirectText);
  const there = byHand(file).filter((each) => overlap(each, input));
  if (there.length === 0) return undefined;
  const lines = there.map(({ text }) => text);
  return {
    what: `a redirect of ${input.protocol} port ${input.publicPort} by hand`,
    obstacles: [
      ...lines
        .filter((line) => !wanted.includes(line))
        .map((line) => `${path} has the line "${line}": remove it, or declare it like that`),
      ...wanted.filter((line) => !lines.includes(line)).map((line) => `${path} has no line "${line}"`),
    ],
  };
}

// man page only: touch -r.
/** The time of the file stays: natd(8) is started anew when it is newer than what natd has read. */
const edit = (awk: string) => body`
file=$1
${EDITOR}
check="touch -r $file"
begin="# BEGIN pulumi-freebsd-vnet $2" end="# END pulumi-freebsd-vnet $2" content=$3
export begin end content
result=$(awk '
  BEGIN { begin = ENVIRON["begin"]; end = ENVIRON["end"]; content = ENVIRON["content"] }
${awk}' "$file" && echo .) || exit
printf '%s' "${"$"}{result%.}" | put`;

const underLock = (name: string, awk: string) =>
  `locked ${LOCK} 60 /bin/sh -c ${quote(edit(awk))} ${name} "$@"`;

/** `mark_lines FILE OWNER LINES`: puts marks around the lines, which stand in the file as somebody wrote them. */
export const markLines = new ShellFunction(
  "mark_lines",
  underLock(
    "mark_lines",
    `  /^# BEGIN pulumi-freebsd-vnet / { ours = 1 }
  /^# END pulumi-freebsd-vnet / { ours = 0 }
  { line = $0; gsub(/[ \t]+/, " ", line); sub(/^ /, "", line); sub(/ $/, "", line) }
  !ours && line != "" && index("\n" content "\n", "\n" line "\n") > 0 {
    if (!put) { print begin; print content; print end; put = 1 }
    next
  }
  { print }`,
  ),
  [locked],
);

/** `unmark_lines FILE OWNER` */
export const unmarkLines = new ShellFunction(
  "unmark_lines",
  underLock("unmark_lines", "  $0 != begin && $0 != end { print }"),
  [locked],
);

/** `has_lines FILE OWNER LINES`: they are there, as ours. */
export const hasLines = new ShellFunction(
  "has_lines",
  body`
has_block "$1" "$2" || return 1
there=$(begin="# BEGIN pulumi-freebsd-vnet $2" end="# END pulumi-freebsd-vnet $2" awk '
  $0 == ENVIRON["begin"], $0 == ENVIRON["end"]' "$1" | sed -e '1d' -e '$d')
[ "$there" = "$3" ]`,
  [hasBlock],
);
