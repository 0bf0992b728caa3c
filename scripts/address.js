// How a host is named on the command line and in the environment: ssh://user@address:port.

/**
 * @param {string} text `user@address:port` without `ssh://` will do; user and port may be left out
 * @returns {{ address: string, port: number, user: string } | undefined} undefined when it is nothing of the kind
 */
function parseAddress(text) {
  const url = text.includes("://") ? text : `ssh://${text}`;
  const parts = URL.canParse(url) ? new URL(url) : undefined;
  if (parts?.protocol !== "ssh:" || !parts.hostname || parts.password || !/^\/?$/.test(parts.pathname))
    return undefined;
  return {
    address: parts.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(parts.port || 22),
    user: decodeURIComponent(parts.username) || "root",
  };
}

module.exports = { parseAddress };
