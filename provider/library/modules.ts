import { body, unloadModule } from "../library";
import { ShellFunction } from "../sh";
import { rcSays } from "./rcconf";

/**
 * `module_is_loaded NAME`: as a file of that name, or as a module, in another file or in the kernel itself. A driver's
 * has its bus before its name there (`nexus/aesni`), and `kldstat -m` wants all of it. `kldstat -n` of a loaded file,
 * and `kldstat -v`: man page and kldstat.c only.
 */
export const moduleIsLoaded = new ShellFunction(
  "module_is_loaded",
  body`
kldstat -q -n "$1" 2>/dev/null || kldstat -q -m "$1" ||
  kldstat -v | grep -qE -e "^[[:space:]]+[0-9]+ [^ ]+/$1\$"`,
);

/**
 * `release_module NAME`: unloads a module that we loaded; one that others list for boot, or that somebody uses by now,
 * stays. kldunload(8) refuses most that are in use; pf(4) would let go of an enabled firewall.
 */
export const releaseModule = new ShellFunction(
  "release_module",
  body`
for listed in $(rc_says kld_list); do
  if [ "$listed" = "$1" ]; then return 0; fi
done
if [ "$1" = pf ] && pfctl -s info 2>/dev/null | grep -q '^Status: Enabled'; then return 0; fi
said=$(unload_module "$1" 2>&1) && return 0
status=$?
case $said in *busy*) return 0 ;; esac
echo "$said" >&2
return "$status"`,
  [unloadModule, rcSays],
);

/** `claim_accepting`: ipfw accepts by default, now and at boot. Otherwise loading it ends the SSH session that does it. */
export const claimAccepting = new ShellFunction(
  "claim_accepting",
  body`
accept=net.inet.ip.fw.default_to_accept
if module_is_loaded ipfw || [ "$(kenv -q "$accept")" = 1 ]; then
  cat /boot/loader.conf /boot/loader.conf.local /boot/loader.conf.d/*.conf 2>/dev/null |
    grep -qE '^[[:space:]]*net\.inet\.ip\.fw\.default_to_accept[[:space:]]*=[[:space:]]*"?1"?[[:space:]]*(#.*)?$' && return 0
fi
echo "it brings in ipfw, which denies everything once it is loaded, this SSH session first: run 'kenv $accept=1' and add the line $accept=\"1\" to /boot/loader.conf before, or declare a NatGateway, which does both, and name that in dependsOn" >&2
return 3`,
  [moduleIsLoaded],
);
