// What the reader has chosen lives in the fragment, so that a link shows the same:
// v verdicts, g group, f stage of failure, r rule, l limit, q words, s order, p page,
// h open host (n: which of several of that name). A fragment without "=" is an
// ordinary link into the page.
const empty = () => ({ v: [], g: "", f: "", r: "", l: "", q: "", s: "", p: 1, h: "", n: 0 });
let state = empty();

const readState = () => {
  const text = location.hash.slice(1), next = empty();
  if (!text.includes("=")) return text === "" ? next : null;
  const given = new URLSearchParams(text);
  for (const key of ["g", "f", "r", "l", "q", "s", "h"]) next[key] = given.get(key) || "";
  next.v = (given.get("v") || "").split(",").filter((v) => index.kinds.includes(v));
  next.p = Math.max(1, parseInt(given.get("p"), 10) || 1);
  next.n = Math.max(0, parseInt(given.get("n"), 10) || 0);
  return next;
};

const stateText = (s) => {
  const out = new URLSearchParams();
  for (const key of ["v", "g", "f", "r", "l", "q", "s", "p", "h", "n"]) {
    const value = key === "v" ? s.v.join(",") : s[key];
    if (value && !(key === "p" && value === 1)) out.set(key, value);
  }
  return out.toString().replaceAll("%2C", ",");
};

// writeState does not add to the history for each key stroke, but does for what a
// reader would want to come back from.
const writeState = (add) => {
  const text = stateText(state), url = text ? "#" + text : location.pathname + location.search;
  if (location.hash.slice(1) === text) return;
  try { history[add ? "pushState" : "replaceState"](null, "", url); } catch { location.hash = text; }
};

const filtered = () => state.v.length > 0 || state.g || state.f || state.r || state.l || state.q;

// matching are the rows that pass the filters, and how many of each kind would without
// the filter by verdict.
const matching = () => {
  const place = (word) => index.dictionary.indexOf(word), counts = new Array(index.kinds.length).fill(0);
  const kinds = state.v.length ? new Set(state.v.map((v) => index.kinds.indexOf(v))) : null;
  const group = state.g ? place(state.g) : null, stage = state.f ? place(state.f) : null, rule = state.r ? place(state.r) : null;
  const limit = state.l === "" ? undefined : state.l === "none" ? null : Number(state.l);
  const terms = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [];
  for (let i = 0; i < index.rows; i++) {
    if (group !== null && !index.groups[i].includes(group)) continue;
    if (stage !== null && index.stage[i] !== stage) continue;
    if (rule !== null && !index.flags[i].includes(rule)) continue;
    if (limit !== undefined && (index.own_limit[i] !== limit || !index.audited[i])) continue;
    if (terms.length && !terms.every((t) => haystack(i).includes(t))) continue;
    counts[index.kind[i]]++;
    if (!kinds || kinds.has(index.kind[i])) rows.push(i);
  }
  return { rows, counts };
};

// columns of the order: the direction that a reader wants first, and the value. A
// host without the value is last, whatever the direction.
const orders = {
  kind: ["up", (i) => i, "verdict"], name: ["up", null, "name"], ratio: ["down", (i) => index.ratio[i], "table used"],
  limit: ["down", (i) => index.limit[i], "limit"], total: ["down", (i) => index.total[i], "overflows"],
  last: ["down", (i) => index.last[i], "last overflow"], changed: ["down", (i) => index.changed[i], "configuration change"],
  room: ["up", (i) => index.room[i], "room"],
};
const orderOf = (text) => {
  const key = text.replace(/^[+-]/, "");
  if (!Object.hasOwn(orders, key)) return { key: "kind", down: false };
  return { key, down: text[0] === "-" ? true : text[0] === "+" ? false : orders[key][0] === "down" };
};
const sortRows = (rows) => {
  const { key, down } = orderOf(state.s), sign = down ? -1 : 1;
  if (key === "kind") return down ? rows.reverse() : rows;
  if (key === "name") {
    orderByName();
    return rows.sort((a, b) => sign * (ranks[a] - ranks[b]));
  }
  const value = orders[key][1];
  return rows.sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * (x - y) || a - b;
  });
};

// The order by name is made once: comparing words by their numbers costs much more
// than comparing places.
let ranks = null;
const orderByName = () => {
  if (ranks) return;
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const order = [...index.name.keys()].sort((a, b) => compare(index.name[a], index.name[b]) || a - b);
  ranks = new Uint32Array(order.length);
  order.forEach((i, at) => { ranks[i] = at; });
};
