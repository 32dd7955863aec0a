// Nodes are made from tags and text, never from markup: whatever a host calls
// itself, it stays text. The policy of the page refuses the other way too.
const byId = (id) => document.getElementById(id);

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== ""));
  return node;
};
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const glyph = (kind) => svg("svg", { class: "g f-" + kind, "aria-hidden": "true" }, svg("use", { href: "#g-" + kind }));
const badge = (kind, word) => el("span", { class: "v k-" + kind }, glyph(kind), word);

// meter is a bar of a share; class says what a full one means.
const meter = (share, level) => svg("svg", { class: "meter", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
  svg("rect", { class: "track", width: 100, height: 6 }),
  svg("rect", { class: "level" + (level || ""), width: Math.round(Math.min(Math.max(share, 0), 1) * 100), height: 6 }));

// Absent is not zero: what was not read is a question mark.
const known = (n) => n !== null && n !== undefined;
const count = (n) => known(n) ? n.toLocaleString("en-US", { maximumFractionDigits: 0 }) : "?";
const plural = (n, noun) => count(n) + " " + noun + (n === 1 ? "" : "s");
// percent rounds down, as the table does: 100 % is a full table, and nothing is not 0.0.
const percent = (share) => {
  if (share >= 0.1 || share <= 0) return Math.floor(share * 100 + 1e-9) + " %";
  return share < 0.001 ? "<0.1 %" : (share * 100).toFixed(1) + " %";
};
const rate = (n) => n < 100 ? n.toFixed(1) : count(Math.round(n));

const bytes = (n) => {
  if (n < 1024) return n + " B";
  let unit = -1;
  for (; n >= 1023.95 && unit < 5; unit++) n /= 1024;
  return n.toFixed(1) + " " + "KMGTPE"[unit] + "iB";
};

// clip keeps a megabyte in one field from becoming the page.
const clip = (text, most = 2000) => text.length <= most ? text
  : text.slice(0, most) + "… (" + count(text.length) + " characters, the JSON has them all)";

const duration = (ms) => {
  const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, "0");
  if (s < 60) return s + "s";
  if (s < 3600) return Math.floor(s / 60) + "m";
  if (s < 48 * 3600) return Math.floor(s / 3600) + "h" + two(Math.floor(s % 3600 / 60)) + "m";
  return Math.floor(s / 86400) + "d";
};
const ago = (at, now) => {
  const d = now - at;
  if (d < -60000) return "in " + duration(-d);
  return d < 60000 ? "now" : duration(d) + " ago";
};

// offsetOf is the minutes east of UTC that an RFC 3339 time was written with: the
// clock of the host, by which its own logs are read.
const offsetOf = (text) => {
  const found = /([+-])(\d\d):(\d\d)$/.exec(text || "");
  return found ? (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) : 0;
};
const stamp = (ms, offset) => {
  const at = new Date(ms + offset * 60000);
  return isNaN(at) ? "?" : at.toISOString().slice(0, 19).replace("T", " ");
};
const zoneWords = (offset) => {
  const m = Math.abs(offset), two = (n) => String(n).padStart(2, "0");
  return "UTC" + (offset < 0 ? "-" : "+") + two(Math.floor(m / 60)) + ":" + two(m % 60);
};

// later runs f once, when nobody has asked for it again for a while.
const later = (f, ms) => {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(f, ms); };
};
