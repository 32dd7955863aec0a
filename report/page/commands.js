// Commands to copy. Each word is quoted for a POSIX shell; one that holds a control
// character, or the mark that stands where one was, makes the whole command vanish:
// what is pasted into a terminal must be what was seen.
const unsafe = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\uFFFD]/u;
const quote = (word) => /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'";
const command = (...parts) => {
  if (parts.some((w) => w === "" || w.length > 255 || unsafe.test(w))) return "";
  return parts.map(quote).join(" ");
};
// A name or path that begins with a dash would be an option to the program.
const named = (word) => word && !word.startsWith("-") ? word : "";

// commandsOf lists [what it does, command] for a host.
const commandsOf = (h) => {
  if (index.redacted) return []; // the names are pseudonyms
  const list = [...raise(h), ["Look again, from where twaudit runs", command("twaudit", "show", named(h.name), "--scan")], ["Log in", command("ssh", named(h.name))]];
  return list.filter(([, text]) => text);
};

// raise makes commands of the advice to raise the limit, where it is about the table
// of the host itself: a container has its limit from outside.
const raise = (h) => {
  const advice = (h.findings || []).flatMap((f) => f.advice || []).find((a) => /^Raise net\.ipv4\.tcp_max_tw_buckets to [\d,]{1,20} /.test(a) && !a.includes("inside that namespace"));
  const config = h.facts?.config;
  if (!advice || !config) return [];
  const value = /to ([\d,]+) /.exec(advice)[1].replaceAll(",", ""), source = /^(.*):\d+$/.exec(config.source || "");
  const list = [["Raise the running limit, on the host", command("sudo", "sysctl", "-w", limitKey + "=" + value)]];
  if (source) {
    const file = (config.files || []).find((f) => f.path === source[1]);
    if (file && !file.kind && source[1].startsWith("/")) list.push(["Edit the line that sets it: " + clip(config.source, 200), command("sudoedit", "--", source[1])]);
  } else if (!known(config.value)) {
    const line = limitKey + " = " + value, into = config.reader === "busybox" ? ["-a", "/etc/sysctl.conf"] : ["/etc/sysctl.d/90-tcp-max-tw-buckets.conf"];
    list.push(["Keep it after a reboot", command("echo", line) + " | " + command("sudo", "tee", ...into)]);
  }
  return list;
};

const copy = async (text, button) => {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch { // no permission, or a page that came over plain HTTP
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Select";
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
};

const commandList = (h) => el("div", { class: "cmds" }, ...commandsOf(h).map(([words, text]) => el("div", { class: "cmd" }, el("p", {}, words),
  el("div", {}, el("code", {}, text), el("button", { type: "button", "aria-label": "Copy the command: " + words, click: (e) => copy(text, e.currentTarget) }, "Copy")))));
