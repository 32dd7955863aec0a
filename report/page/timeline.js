// The timeline of a host: what happened when, by the host's own clock. Whether a file
// changed before or after the overflows is what decides about a cure.
const time = (text) => text ? Date.parse(text) : NaN;

// eventsOf lists {at, kind, words}, oldest first.
const eventsOf = (h, now) => {
  const facts = h.facts || {}, config = facts.config || {}, log = facts.log || {}, tw = facts.time_wait || {}, list = [];
  const add = (text, kind, said) => { const at = time(text); if (!isNaN(at)) list.push({ at, kind, words: said }); };
  add(facts.host?.booted_at, "boot", "booted");
  let listed = false;
  for (const file of (config.files || []).slice(0, 60)) {
    const says = fileWords(file);
    if (!says && file.path !== "/etc/sysctl.conf") continue;
    listed ||= file.path === "/etc/sysctl.conf";
    add(file.mtime, "config", clip(file.path, 200) + " changed: " + (says || "it does not mention the limit"));
  }
  if (!listed) add(config.sysctl_conf_changed_at, "config", "/etc/sysctl.conf changed: it does not mention the limit");
  // Whoever looks at it first gives it the time of looking: one from a moment ago is our own.
  if (Math.abs(now - time(config.runtime_changed_at)) > 60000) add(config.runtime_changed_at, "config", "running value written, or looked at first");
  const source = (log.sources || []).filter((s) => s.kernel && s.first).sort((a, b) => time(a.first) - time(b.first))[0];
  if (source) add(source.first, "log", clip(source.path, 200) + " begins");
  const bounds = !known(log.events_min) ? "" : log.events_max > log.events_min
    ? ", between " + count(log.events_min) + " and " + count(log.events_max) + " in all" : ", " + count(log.events_min) + " in all";
  if (log.first && log.first === log.last) add(log.first, "over", "the only overflow in the log");
  else {
    add(log.first, "over", "first overflow in the log");
    add(log.last, "over", "last overflow in the log" + bounds);
  }
  for (const [at, said] of earlierRuns(h)) add(at, "run", said);
  const destroyed = tw.overflow_total === 0 ? "; no socket destroyed since boot" : "; " + plural(tw.overflow_total, "socket") + " destroyed since boot";
  const delta = tw.overflow_delta > 0 ? ", " + count(tw.overflow_delta) + " of them just now" : "";
  list.push({ at: now, kind: "now", words: "asked: " + count(tw.buckets) + " of " + count(tw.limit) + " buckets in use" + (known(tw.overflow_total) ? destroyed : "") + delta });
  return list.sort((a, b) => a.at - b.at);
};

// earlierRuns is what the history says of times: [at, words].
const earlierRuns = (h) => {
  const past = h.history || {}, list = [], verdict = past.last_verdict ? ", " + clip(past.last_verdict, 40) : "";
  if (past.first_seen) list.push([past.first_seen, "first audited"]);
  if (past.last_seen && past.last_seen !== past.first_seen) list.push([past.last_seen, "last audited before this run" + verdict]);
  for (const c of (past.limit_changes || []).slice(-20)) {
    list.push([c.and, "limit seen changed from " + count(c.from) + " to " + count(c.to) + "; it was " + count(c.from) + " still at " + stamp(time(c.between), offsetOf(c.between))]);
  }
  const rise = past.last_rise;
  if (rise && rise.unmoved_looks > 0) {
    list.push([rise.to, plural(rise.sockets, "socket") + " destroyed before this look" + (rise.from ? ", and after " + stamp(time(rise.from), offsetOf(rise.from)) : "")]);
  }
  const peak = past.peak;
  if (peak) {
    const of = known(peak.limit) ? " of " + count(peak.limit) : "", share = known(peak.ratio) ? " (" + percent(peak.ratio) + ")" : "";
    list.push([peak.at, "fullest look: " + count(peak.buckets) + of + " buckets" + share]);
  }
  if (past.unmoved_since) list.push([past.unmoved_since, "since this look the overflow counter has not moved"]);
  if (past.missed_since) list.push([past.missed_since, "did not answer " + plural(past.missed || 1, "earlier run") + " from here on"]);
  return list;
};

// historyNotes is what it says of no time in particular.
const historyNotes = (h) => {
  const past = h.history || {}, notes = [];
  if (past.since_last) notes.push(plural(past.since_last.overflow_delta, "socket") + " destroyed in the " + duration(past.since_last.seconds * 1000) + " since the look before.");
  if (known(past.busiest_hour)) notes.push("Most days have their peak at " + past.busiest_hour + " o'clock.");
  if (past.verdict_alone) notes.push("Without the earlier runs the verdict would be " + clip(past.verdict_alone, 40) + ".");
  return notes.concat((past.notes || []).map((n) => clip(n)));
};

const limitKey = "net.ipv4.tcp_max_tw_buckets";
const fileWords = (file) => {
  const said = (file.entries || []).filter((e) => e.key === limitKey)
    .map((e) => (e.commented ? "has, commented out, " : "sets ") + clip(e.value, 24) + " (line " + e.line + ")");
  if (said.length === 0) return "";
  const list = said.length > 6 ? ["…", ...said.slice(-6)] : said;
  if (file.target) list.push("a link to " + clip(file.target, 120));
  if (file.ignored) list.push("not read: " + clip(file.ignored, 160));
  return list.join(", ");
};

// frame chooses what the picture spans. One old event must not squeeze a week of
// bursts into a pixel: what is older than it is in the list only.
const frame = (events, hours, now) => {
  const near = events.filter((e) => e.kind !== "log" && e.at <= now).map((e) => e.at).concat(hours.map((h) => h.at));
  const sorted = near.sort((a, b) => a - b).filter((at) => now - at < 400 * 86400000);
  let begin = sorted[0] ?? now;
  const busy = hours.reduce((least, h) => Math.min(least, h.at), now - 86400000);
  for (const at of sorted) { begin = at; if (now - at <= 6 * (now - busy)) break; }
  return Math.min(begin, now - 86400000) - (now - begin) * 0.02;
};

// The tags on top of the lines, by the kind of event.
const tags = {
  config: ["M-5 -10h10l-5 9z", "configuration or running value changed"], boot: ["M-4 -9h8v8h-8z", "booted"], run: ["M0 -9l4 4l-4 4l-4-4z", "earlier run"],
};
const hour = 3600000;

// drawTimeline has bars for overflows and a line for each other event.
const drawTimeline = (h, events, now, offset) => {
  const hours = (h.facts?.log?.histogram || []).map((b) => ({ at: time(b.hour), events: b.events })).filter((b) => b.events > 0 && !isNaN(b.at));
  const width = 700, height = 132, base = 96, from = frame(events, hours, now), span = Math.max(now - from, 1);
  const x = (at) => 8 + (at - from) / span * (width - 16);
  const { bars, step } = barsOf(hours, from, span, width, offset), delta = h.facts?.time_wait?.overflow_delta;
  const total = plural(hours.reduce((n, b) => n + b.events, 0), "overflow") + " in the log";
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Timeline: " +
    (delta > 0 ? "sockets are destroyed now, " : "") + (bars.size ? total : "no overflow in the log") + ", and the events of the list below" });
  picture.append(svg("line", { class: "axis", x1: 8, x2: width - 8, y1: base, y2: base }));
  for (const [at, word] of ticks(from, now, offset)) {
    const anchor = x(at) > width - 50 ? "end" : x(at) < 50 ? "start" : "middle";
    picture.append(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: base, y2: base + 5 }), svg("text", { x: x(at), y: base + 19, "text-anchor": anchor }, word));
  }
  const most = [...bars.values()].reduce((a, b) => Math.max(a, b), 1), wide = Math.max(2, step * hour / span * (width - 16) - 1);
  for (const [slot, n] of bars) {
    const tall = Math.max(3, Math.sqrt(n / most) * (base - 24)), at = slot * step * hour - offset * 60000;
    picture.append(svg("rect", { class: "hits", x: Math.min(Math.max(8, x(at)), width - 8 - wide), y: base - tall, width: wide, height: tall },
      svg("title", {}, stamp(at, offset).slice(0, 16) + ": " + plural(n, "overflow") + " in " + (step > 1 ? step + " hours" : "an hour"))));
  }
  if (delta > 0) picture.append(svg("rect", { class: "hits", x: width - 12, y: 16, width: 4, height: base - 16 }, svg("title", {}, plural(delta, "socket") + " destroyed between the two readings")));
  for (const e of events) {
    if (e.at < from || e.at > now + span * 0.02 || !tags[e.kind]) continue;
    const at = Math.min(x(e.at), width - 8);
    picture.append(svg("line", { class: "mark " + e.kind, x1: at, x2: at, y1: 16, y2: base }),
      svg("path", { class: "tag " + e.kind, d: tags[e.kind][0], transform: `translate(${at} 16)` }, svg("title", {}, stamp(e.at, offset) + " " + e.words)));
  }
  return el("div", { class: "line" }, picture, timelineKey(events, from, bars.size ? step : 0, delta));
};

// barsOf puts as many hours into one bar as make it two pixels wide, by the host's
// calendar: what causes overflows repeats by its hours.
const barsOf = (hours, from, span, width, offset) => {
  const step = [1, 2, 3, 6, 12, 24, 48, 168].find((n) => n * hour / span * width >= 2) || 672, bars = new Map();
  for (const b of hours) {
    if (b.at < from) continue;
    const slot = Math.floor((b.at + offset * 60000) / (step * hour));
    bars.set(slot, (bars.get(slot) || 0) + b.events);
  }
  return { bars, step };
};

const timelineKey = (events, from, step, delta) => {
  const item = (box, shape, words) => el("span", {}, svg("svg", { class: "swatch", viewBox: box, "aria-hidden": "true" }, shape), words);
  const per = step === 1 ? "hour" : step % 24 ? step + " hours" : step === 24 ? "day" : step / 24 + " days";
  const older = events.filter((e) => e.at < from).length;
  return el("p", { class: "key" },
    delta > 0 ? item("0 0 10 10", svg("rect", { class: "hits", x: 3, width: 4, height: 10 }), "sockets are destroyed now") : null,
    step ? item("0 0 10 10", svg("rect", { class: "hits", width: 10, height: 10 }), "overflows per " + per + " (height: square root)") : null,
    ...Object.entries(tags).filter(([kind]) => events.some((e) => e.kind === kind && e.at >= from))
      .map(([kind, [shape, words]]) => item("-6 -11 12 12", svg("path", { class: "tag " + kind, d: shape }), words)),
    older ? el("span", {}, plural(older, "older event") + " in the list only") : null);
};

// ticks are five to eight round times.
const ticks = (from, to, offset) => {
  const steps = [1, 2, 3, 6, 12, 24, 48, 168, 336, 744, 1488, 2976, 8760].map((h) => h * hour), list = [];
  const step = steps.find((s) => (to - from) / s <= 7) || (to - from) / 6, shift = offset * 60000;
  for (let at = Math.ceil((from + shift) / step) * step - shift; at <= to; at += step) {
    const words = stamp(at, offset);
    list.push([at, step < 24 * hour ? words.slice(5, 16) : step < 8760 * hour ? words.slice(5, 10) : words.slice(0, 7)]);
  }
  return list;
};
