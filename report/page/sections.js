// The sections of a drawer. Each gives null when there is nothing to show: a host that
// was not asked for something has no empty box for it.
const section = (title, ...children) => {
  const content = children.flat().filter(Boolean);
  return content.length ? el("section", {}, el("h3", {}, title), ...content) : null;
};
const sub = (...words) => el("p", { class: "sub" }, ...words);

// gauge is a number against its limit. plain: a full bar is nothing bad.
const gauge = (name, used, limit, options = {}) => {
  const share = known(used) && limit > 0 ? used / limit : null;
  const numbers = options.numbers || count(used) + " of " + count(limit) + (share === null ? "" : " (" + percent(Math.min(share, 1e4)) + ")");
  return el("div", { class: "gauge" + (options.plain ? "" : fullness(share)) },
    el("span", {}, clip(name, 120)),
    share === null ? el("span", {}) : meter(share, options.plain ? " plain" : ""),
    el("span", {}, numbers));
};

const adviceSection = (h) => {
  const said = new Set(), verdicts = ["overflowing", "overflowed", "near-limit", "unknown", "fixed", "ok"];
  for (const f of h.findings || []) {
    // A milder verdict beside the given one advises less of the same, unless it is about
    // another namespace.
    const milder = verdicts.includes(f.rule) && verdicts.indexOf(f.rule) > verdicts.indexOf(h.verdict);
    if (milder && (h.facts?.namespaces || []).length < 2) continue;
    for (const advice of f.advice || []) said.add(clip(advice));
  }
  const none = h.status === "audited" ? "Nothing that the rules advise." : "Find out what stands between, then scan again.";
  const commands = commandList(h);
  return section("What to do",
    said.size ? el("ol", { class: "do" }, ...[...said].map((a) => el("li", {}, a))) : sub(none),
    commands.childElementCount ? commands : null);
};

const timelineSection = (h, now, offset) => {
  const events = eventsOf(h, now), whose = h.facts?.host?.clock ? "the host's clock, " : "our clock, ";
  const rows = events.slice(-60).map((e) => el("li", {},
    el("span", {}, stamp(e.at, offset)), el("span", {}, ago(e.at, now)), el("span", {}, e.words)));
  return section("Timeline (" + whose + zoneWords(offset) + ")",
    drawTimeline(h, events, now, offset), el("ul", { class: "events" }, ...rows), historyNotes(h).map((note) => sub(note)));
};

const tableNames = {
  "orphans": "orphaned sockets", "conntrack": "conntrack entries", "neighbour-ipv4": "IPv4 neighbours",
  "neighbour-ipv6": "IPv6 neighbours", "tcp-memory-pages": "TCP memory, pages",
};
const endpoint = (p) => !p.port ? p.address : (p.address.includes(":") ? "[" + p.address + "]" : p.address) + ":" + p.port;

const numbersSection = (h) => {
  const facts = h.facts || {}, tw = facts.time_wait || {}, tables = facts.tables || {};
  const list = [gauge("TIME_WAIT buckets", tw.buckets, tw.limit)];
  for (const [key, name] of Object.entries(tableNames)) if (tables[key]) list.push(gauge(name, tables[key].used, tables[key].limit));
  const range = /^(\d+) (\d+)$/.exec(facts.sysctl?.["net.ipv4.ip_local_port_range"] || "");
  // Of the ports toward one destination: a total over all of them says nothing about any.
  if (range) for (const d of (facts.top?.destinations || []).slice(0, 5)) list.push(gauge("ports to " + endpoint(d), d.count, range[2] - range[1] + 1));
  for (const b of (facts.openvz?.beancounters || []).filter((b) => b.failcnt > 0).slice(0, 5)) {
    list.push(gauge("CT" + b.uid + " " + b.resource + ", refused " + count(b.failcnt) + " times", b.held, b.limit));
  }
  const pairs = headroomPairs(h.headroom || {}, tw);
  return section("Numbers against limits", list, pairs.length ? sub("Headroom, an estimate:") : null,
    pairs.length ? el("dl", { class: "pairs" }, ...pairs.map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v)))) : null);
};

// safe is the limit that the advice names; 0 is none. roundUp: a little room is some.
const safe = (room) => room.advised_limit || room.needed_limit || 0;
const roundUp = (room) => room.lower_bound ? Math.ceil(room.load_factor * 10) / 10 : room.load_factor;

const headroomPairs = (room, tw) => [
  ["the limit sustains", known(room.capacity) && rate(room.capacity) + " closes/s"],
  ["measured", known(room.close_rate) && rate(room.close_rate) + " closes/s"],
  ["mean of the last minute", known(room.mean_rate) && rate(room.mean_rate) + " closes/s"],
  ["destroyed", known(room.overflow_rate) && rate(room.overflow_rate) + " sockets/s beside them"],
  ["room for", known(room.load_factor) && (room.lower_bound ? "less than " : "") + roundUp(room).toFixed(1) + " × " + (room.lower_bound ? "that load" : "this load")],
  ["the load needs", room.needed_limit > 0 && room.needed_limit !== room.advised_limit && "a limit of " + (room.lower_bound ? "at least " : "") + count(room.needed_limit)],
  ["a safe limit", safe(room) > 0 && count(safe(room)) + ", " + bytes(safe(room) * 256)],
  ["the kernel's default", known(tw.default_limit) && count(tw.default_limit)],
].filter(([, value]) => value);

const statesSection = (h) => {
  if (!h.facts?.tcp_states) return null;
  const states = Object.entries(h.facts.tcp_states).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const most = states.length ? states[0][1] : 1, source = h.facts.tcp_states_source;
  return section("TCP sockets by state" + (source ? " (" + clip(source, 60) + ")" : ""),
    states.length ? states.map(([name, n]) => gauge(name, n, most, { plain: true, numbers: count(n) })) : sub("None."));
};

const namespacesSection = (h) => {
  const list = h.facts?.namespaces || [];
  if (list.length < 2) return null; // the login's own alone is what the rest is about
  const rank = (n) => { const at = index.kinds.indexOf(n.verdict); return at < 0 ? 99 : at; };
  const rows = [...list].sort((a, b) => rank(a) - rank(b)).slice(0, 300);
  const what = (n) => n.kind && n.name !== "host" && !n.name?.startsWith(n.kind) ? el("small", {}, " " + clip(n.kind, 40)) : null;
  const titles = ["Verdict", "Namespace", "Buckets / limit", "Overflows", "PID"];
  return section("Network namespaces: " + count(list.length), el("div", { class: "scroll" }, el("table", { class: "small-table" },
    el("thead", {}, el("tr", {}, ...titles.map((t, i) => el("th", { scope: "col", class: i > 1 ? "n" : null }, t)))),
    el("tbody", {}, ...rows.map((n) => el("tr", {},
      el("td", {}, index.kinds.includes(n.verdict) ? badge(n.verdict, n.verdict) : null),
      el("td", {}, clip(n.name || "net:[" + n.id + "]", 120), what(n)),
      el("td", { class: "n" }, count(n.buckets) + " / " + count(n.limit)),
      el("td", { class: "n" }, count(n.overflow_total) + (n.overflow_delta > 0 ? " +" + count(n.overflow_delta) : "")),
      el("td", { class: "n" }, n.pid ? String(n.pid) : "")))))),
  list.length > rows.length ? sub("and " + plural(list.length - rows.length, "more")) : null);
};

const topSection = (h) => {
  const top = h.facts?.top;
  if (!top) return null;
  const total = [top.inbound, top.outbound, top.internal].filter(known).reduce((a, b) => a + b, 0);
  const part = (title, list, name) => {
    if (!list?.length) return null;
    const most = Math.max(1, total, ...list.map((p) => p.count));
    const numbers = (n) => count(n) + (total ? " (" + percent(Math.min(1, n / total)) + ")" : "");
    return el("div", {}, sub(title), ...list.slice(0, 10).map((p) => gauge(name(p), p.count, most, { plain: true, numbers: numbers(p.count) })));
  };
  const ways = [[top.inbound, "of clients of this host"], [top.outbound, "that this host opened"], [top.internal, "of the host with itself"]]
    .filter(([n]) => known(n)).map(([n, word]) => count(n) + " " + word);
  return section("Who makes the TIME_WAIT sockets", ways.length ? el("p", {}, "Connections: " + ways.join(", ") + ".") : null,
    top.sampled ? sub("Scaled up from a sample" + (known(top.sampled_rows) ? " of " + plural(top.sampled_rows, "socket") : "") + ".") : null,
    part("Local ports", top.local_ports, (p) => "port " + p.port + (p.listening ? ", listens" : "")), part("Peers", top.peers, endpoint));
};

const findingsSection = (h, offset) => section("Findings and their evidence", (h.findings || []).map((f) => {
  const where = (e) => [e.source && clip(e.source, 200), e.at && stamp(time(e.at), offset)].filter(Boolean).join(", ");
  return el("div", { class: "finding s-" + (["critical", "warning"].includes(f.severity) ? f.severity : "info") },
    el("p", {}, el("span", { class: "sev" }, clip(f.severity, 20)), " ", el("b", {}, clip(f.rule, 80)), clip(f.title)),
    f.evidence?.length ? el("ul", {}, ...f.evidence.slice(0, 40).map((e) => el("li", {}, clip(e.text) + " ", el("small", {}, where(e))))) : null);
}));

const configSection = (h, offset) => {
  const config = h.facts?.config;
  if (!config) return null;
  const said = known(config.value) ? "The files set " + count(config.value) + (config.source ? " (" + clip(config.source, 200) + ")" : "") : "No file sets the limit";
  const line = (e) => el("li", {}, el("code", {}, clip(e.line + ": " + (e.commented ? "# " : "") + e.key + " = " + e.value, 300)));
  const files = (config.files || []).filter((f) => f.entries?.length || f.error).slice(0, 40).map((f) => el("li", {},
    el("code", {}, clip(f.path, 200)), " ",
    el("small", {}, f.error ? clip(f.error, 200) : stamp(time(f.mtime), offset) + (f.ignored ? ", not read: " + clip(f.ignored, 160) : "")),
    el("ul", {}, ...(f.entries || []).slice(0, 12).map(line))));
  return section("Configuration",
    el("p", {}, said + "; running: " + count(h.facts.time_wait?.limit) + "; read at boot by " + clip(config.reader || "an unknown reader", 40) + "."),
    files.length ? el("ul", { class: "plain" }, ...files) : null);
};

const logSection = (h, offset) => {
  const log = h.facts?.log;
  if (!log) return null;
  const span = (s) => s.error ? clip(s.error, 200) : [plural(s.lines, "overflow"),
    s.first && s.last ? stamp(time(s.first), offset) + " to " + stamp(time(s.last), offset) : "", s.kernel ? "" : "no kernel lines",
    s.unread_bytes > 0 ? bytes(s.unread_bytes) + " not read" : ""].filter(Boolean).join(", ");
  return section("Kernel log",
    (log.sources || []).slice(0, 40).map((s) => el("p", {}, el("code", {}, clip(s.path, 200)), " ", el("small", {}, span(s)))),
    log.undated > 0 ? sub(plural(log.undated, "overflow") + " without a time that could be told.") : null,
    log.foreign_lines > 0 ? sub(plural(log.foreign_lines, "line") + " of other programs quote the message and do not count.") : null,
    log.suppressed > 0 ? sub("The kernel left out " + count(log.suppressed) + " more messages beside ours, of any kind.") : null,
    log.unattributed > 0 ? sub("The kernel left out " + count(log.unattributed) + " messages beside none of ours, which may hide some.") : null);
};

const gapsSection = (h) => section("Not read", h.gaps?.length ? el("ul", { class: "plain gaps" }, ...h.gaps.slice(0, 60).map((g) => el("li", {},
  el("b", {}, clip(g.section, 80)), " " + clip(g.reason), g.remedy ? el("span", { class: "remedy" }, clip(g.remedy)) : null))) : null);

const systemSection = (h) => {
  const f = h.facts?.host || {}, who = known(f.uid) ? (f.uid === 0 ? "root" : "uid " + f.uid + ", not root") : "";
  const rows = [["system", f.os], ["kernel", [f.kernel, f.arch].filter(Boolean).join(" ")], ["inside", f.virtualization],
    ["calls itself", f.hostname !== h.name ? f.hostname : ""], ["groups", (h.groups || []).join(", ")], ...Object.entries(h.labels || {}).slice(0, 40),
    ["memory", known(f.memory_bytes) ? bytes(f.memory_bytes) : ""], ["read as", who],
    ["took", h.timing?.total_ms ? Math.round(h.timing.total_ms) + " ms" : ""]].filter(([, value]) => value);
  return section("System", el("dl", { class: "facts" }, ...rows.map(([k, v]) => [el("dt", {}, clip(k, 60)), el("dd", {}, clip(v, 400))])));
};
