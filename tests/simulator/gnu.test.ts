import { Machine } from "pulumi-freebsd-vnet/testing";

/*
 * What works with GNU's tools and not with FreeBSD 14's: a script that uses it must fail here as it would there.
 * `recorded`: a real host's answer (15-base-tools); all others are of the sources or manual pages only.
 */

let machine: Machine;

beforeAll(async () => {
  machine = await Machine.create();
});

afterAll(() => machine.halt());

const illegal = (name: string, letter: string) => `${name}: illegal option -- ${letter}\nusage: ${name}`;
const invalid = (name: string, letter: string) => `${name}: invalid option -- ${letter}\nusage: ${name}`;
const unrecognized = (name: string, option: string) =>
  `${name}: unrecognized option \`${option}'\nusage: ${name}`;

/** The beginning of what goes to standard error. */
const refused: [command: string, status: number, says: string][] = [
  ["stat -c %s /etc/rc.conf", 1, illegal("stat", "c")], // recorded
  ["stat --format=%s /etc/rc.conf", 1, illegal("stat", "-")],
  ["date -d 2026-01-01", 1, illegal("date", "d")], // recorded
  ["date --date=yesterday", 1, illegal("date", "-")],
  ["grep -P a /etc/rc.conf", 2, invalid("grep", "P")], // recorded
  ["grep -oP a /etc/rc.conf", 2, invalid("grep", "P")],
  ["grep --perl-regexp a /etc/rc.conf", 2, unrecognized("grep", "--perl-regexp")],
  ["cp --preserve=mode /etc/rc.conf /tmp/x", 64, illegal("cp", "-")], // recorded
  ["cp -t /tmp /etc/rc.conf", 64, illegal("cp", "t")],
  ["cp -u /etc/rc.conf /tmp/x", 64, illegal("cp", "u")],
  ["mv -t /tmp /tmp/x", 64, illegal("mv", "t")],
  ["ln -r -s /tmp/x /tmp/y", 1, illegal("ln", "r")],
  ["rm --force /tmp/x", 64, illegal("rm", "-")],
  ["mkdir --parents /tmp/x", 64, illegal("mkdir", "-")],
  ["chmod --reference=/etc/rc.conf /tmp/x", 1, illegal("chmod", "-")],
  ["install -t /tmp /etc/rc.conf", 64, illegal("install", "t")],
  ["touch -d '2 days ago' /tmp/x", 1, "touch: out of range or illegal time specification: YYYY-MM-DDThh:mm"],
  ["sed -i s/a/b/ /etc/rc.conf", 1, "sed: -i may not be used with stdin"],
  ["sed --in-place s/a/b/ /etc/rc.conf", 1, "sed: illegal option -- -\nusage: sed"],
  ["sed -z s/a/b/ /etc/rc.conf", 1, "sed: illegal option -- z\nusage: sed"],
  ["find /etc -maxdepth 0 -printf %p", 1, "find: -printf: unknown primary or operator"],
  ["readlink -e /etc", 1, illegal("readlink", "e")],
  ["readlink -m /etc", 1, illegal("readlink", "m")],
  ["realpath -m /etc", 1, illegal("realpath", "m")],
  ["mktemp --suffix=.x", 1, unrecognized("mktemp", "--suffix=.x")],
  ["echo a | xargs -d , echo", 1, illegal("xargs", "d")],
  ["echo a | xargs --no-run-if-empty echo", 1, illegal("xargs", "-")],
  ["head -c -1 /etc/rc.conf", 1, "head: illegal byte count -- -1\n"],
  ["head -n -1 /etc/rc.conf", 1, "head: illegal line count -- -1\n"],
  ["printf %q a", 1, "printf: illegal format character q\n"],
  ["ls --full-time /etc", 1, unrecognized("ls", "--full-time")],
  ["du -b /etc", 64, invalid("du", "b")],
  ["du --max-depth=1 /etc", 64, unrecognized("du", "--max-depth=1")],
  ["df --output=size /", 1, "df: illegal option -- -\nusage: df"],
  ["wc --lines /etc/rc.conf", 1, illegal("wc", "-")],
  ["cut --delimiter=: -f 1 /etc/passwd", 1, illegal("cut", "-")],
  ["tr --delete a < /etc/rc.conf", 1, illegal("tr", "-")],
  ["cat -A /etc/rc.conf", 1, illegal("cat", "A")],
  ["tee --append /tmp/x < /dev/null", 1, illegal("tee", "-")],
  ["ps -ef", 1, illegal("ps", "f")],
  ["ps aux --sort=pid", 1, illegal("ps", "-")],
  ["hostname -I", 1, illegal("hostname", "I")],
  ["uname --all", 1, illegal("uname", "-")],
  ["truncate --size=0 /tmp/x", 1, illegal("truncate", "-")],
  ["tac /etc/rc.conf", 127, "sh: tac: not found\n"],
  ["ip addr", 127, "sh: ip: not found\n"],
  ["ss -l", 127, "sh: ss: not found\n"],
  ["systemctl status", 127, "sh: systemctl: not found\n"],
];

test.each(refused)("%s is refused", async (command, status, says) => {
  const answer = await machine.exec(command);
  expect({ status: answer.status, stderr: answer.stderr.slice(0, says.length) }).toEqual({
    status,
    stderr: says,
  });
});

/** FreeBSD has learned these. */
const shared: [command: string, stdout: string][] = [
  ["ls --color=auto -d /etc", "/etc\n"],
  ["printf '1.10\\n1.9\\n' | sort -V", "1.9\n1.10\n"],
  ["printf 'a\\nb\\n' | tail --lines=1", "b\n"],
  ["printf 'a\\nb\\n' | head --lines=1", "a\n"],
  ["echo a | grep --color=auto a", "a\n"],
  ["echo a | xargs -r echo", "a\n"],
  ["seq --separator=, 1 3", "1,2,3,"],
  ["printf 'abc\\nd\\n' | wc -L", "       3\n"],
  ["[ a == a ] && echo same", "same\n"],
  ["readlink -f /etc/..", "/\n"],
  ["stat -f %Su /etc", "root\n"],
  ["date -r 0 -u +%Y", "1970\n"],
];

test.each(shared)("%s works", async (command, stdout) => {
  expect(await machine.exec(command)).toMatchObject({ stdout, stderr: "", status: 0 });
});

test("sed -i takes the next word for the extension", async () => {
  await machine.exec("echo a > /tmp/f && sed -i -e s/a/b/ /tmp/f");
  expect((await machine.exec("cd /tmp && ls f*; cat f")).stdout).toBe("f\nf-e\nb\n");
});
