// Unpacks the data of the page and shows it as a matrix that can be filtered and walked by keyboard.
// Texts only ever become text nodes: nothing from a host is read as markup.
(async () => {
  "use strict";
  const ROW = 24; // pixels, as in page.css
  const ADVICE = { f: "not met (advisory)", u: "not verified (advisory)" };
  const RANK = "FUWAfuMN";
  const find = (id) => document.getElementById(id);
  const make = (tag, text = "", className = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  async function unpacked() {
    const text = find("data").textContent;
    const bytes = Uint8Array.fromBase64
      ? Uint8Array.fromBase64(text)
      : Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  const note = find("matrix-note");
  const complete = " Everything that is not met stands above and is complete; every check is in results.json.";
  if (!("DecompressionStream" in window)) {
    note.textContent = "This browser is too old to unpack the matrix." + complete;
    return;
  }
  let source, data;
  try {
    source = await unpacked();
    data = JSON.parse(source);
  } catch {
    note.textContent = "The data of the matrix is damaged and cannot be shown." + complete;
    return;
  }
  const { requirements, hosts } = data;
  // Whatever occurs first is written out, and is a number from then on; see page_data.py.
  const texts = [];
  const evidence = [];
  const answers = [];
  const numbered = (item, known, read) => (typeof item === "number" ? item : known.push(read(item)) - 1);
  const text = (item) => numbered(item, texts, (words) => words);
  const piece = (item) => numbered(item, evidence, (parts) => parts.map(text));
  const answer = (item) =>
    numbered(item, answers, ([verdict, summary, remedy, pieces]) => [
      verdict,
      text(summary),
      text(remedy),
      pieces.map(piece),
    ]);
  const cells = hosts.map(() => []);
  for (const column of data.columns) column.forEach((item, host) => cells[host].push(answer(item)));
  const words = { ...data.verdicts, ...ADVICE };
  const collected = new Map(data.collected.map(([host, column, at]) => [`${host},${column}`, at]));
  const { sentences, cells: acceptedCells } = data.accepted;
  const accepted = new Map(acceptedCells.map(([host, column, index]) => [`${host},${column}`, sentences[index]]));
  const letter = (host, column) => {
    const answer = cells[host][column];
    return answer < 0 ? "" : answers[answer][0];
  };
  // A host's own name and address are left out of its texts; see page_words.py.
  const told = (index, host) =>
    texts[index].replaceAll("\u0001", () => hosts[host][0]).replaceAll("\u0002", () => hosts[host][2][0] ?? "");
  const searched = hosts.map(([name, , addresses]) => [name, ...addresses].join(" ").toLowerCase());
  const rank = cells.map((row) =>
    row.reduce((worst, answer) => (answer < 0 ? worst : Math.min(worst, RANK.indexOf(answers[answer][0]))), 99)
  );

  const form = find("filters").elements;
  const grid = find("grid");
  const detail = find("detail");
  const top = make("div", "", "row top");
  const body = make("div", "", "rows");
  top.setAttribute("role", "row");
  top.setAttribute("aria-rowindex", "1");
  body.setAttribute("role", "rowgroup");
  grid.append(top, body);
  const drawn = new Map(); // the rows in view, by their number
  let rows = []; // [host, number of hosts alike that are shown in this row]
  let columns = [];
  let here = { row: 0, column: 0 };
  let open = false;

  function option(select, value, text) {
    const made = make("option", text);
    made.value = value;
    select.append(made);
  }
  for (const role of new Set(hosts.flatMap((host) => host[1]))) option(form.role, role, role);
  requirements.forEach(([id], column) => {
    if (cells.some((row) => row[column] >= 0)) option(form.requirement, column, id);
  });
  const used = new Set(cells.flatMap((row) => row.map((answer) => (answer < 0 ? "" : answers[answer][0]))));
  for (const each of RANK) if (used.has(each)) option(form.verdict, each, words[each]);

  function filter() {
    const text = form.text.value.trim().toLowerCase();
    const role = form.role.value;
    const verdict = form.verdict.value;
    const only = form.requirement.value === "" ? null : Number(form.requirement.value);
    const saying = text && answers.map((answer) => texts[answer[1]].toLowerCase().includes(text));
    const matching = new Array(requirements.length).fill(false);
    const groups = new Map();
    rows = [];
    let shown = 0;
    for (let host = 0; host < hosts.length; host++) {
      if (role && !hosts[host][1].includes(role)) continue;
      const row = cells[host];
      const named = !text || searched[host].includes(text);
      const found = [];
      for (let column = 0; column < row.length; column++) {
        const answer = row[column];
        if (answer < 0 || (only !== null && column !== only)) continue;
        if (verdict && answers[answer][0] !== verdict) continue;
        if (!named && !saying[answer]) continue;
        found.push(column);
      }
      if (!found.length && !(named && only === null && !verdict)) continue;
      shown += 1;
      for (const column of found) matching[column] = true;
      const group = form.fold.checked ? groups.get(hosts[host][4]) : undefined;
      if (group) group[1] += 1;
      else {
        const made = [host, 1];
        groups.set(hosts[host][4], made);
        rows.push(made);
      }
    }
    rows.sort((one, other) => rank[one[0]] - rank[other[0]] || one[0] - other[0]);
    columns = requirements.map((_, column) => column).filter((column) => matching[column]);
    here = { row: 0, column: 0 };
    const many = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    find("count").textContent =
      `${shown} of ${many(hosts.length, "host")}` +
      (rows.length === shown ? "" : ` in ${many(rows.length, "row")}`) +
      `, ${many(columns.length, "requirement")}`;
    grid.setAttribute("aria-rowcount", rows.length + 1);
    grid.setAttribute("aria-colcount", columns.length + 1);
    head();
    body.style.height = `${rows.length * ROW}px`;
    grid.scrollTo(0, 0);
    draw();
    if (open) explain();
  }

  function placed(element, role, column) {
    element.setAttribute("role", role);
    element.setAttribute("aria-colindex", column);
    return element;
  }

  function head() {
    const made = columns.map((column, index) => {
      const [id, title] = requirements[column];
      const each = placed(make("span", id, "head"), "columnheader", index + 2);
      each.title = title;
      return each;
    });
    top.replaceChildren(placed(make("span", "Host", "name"), "columnheader", 1), ...made);
  }

  function drawnRow(index) {
    const [host, alike] = rows[index];
    const row = make("div", "", "row");
    row.style.top = `${index * ROW}px`;
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", index + 2);
    const label = hosts[host][0] + (alike > 1 ? ` + ${alike - 1} alike` : "");
    const name = placed(make("span", label, "name"), "rowheader", 1);
    name.title = `${label} (${hosts[host][1].join(", ")})`;
    row.append(name);
    columns.forEach((column, position) => {
      const seen = letter(host, column);
      const cell = placed(make("span", seen === "M" ? "·" : seen, `c ${seen}`), "gridcell", position + 2);
      cell.setAttribute("aria-label", `${requirements[column][0]}: ${words[seen] ?? "not asked"}`);
      cell.dataset.row = index;
      cell.dataset.column = position;
      if (index === here.row && position === here.column) {
        cell.classList.add("here");
        cell.id = "here";
      }
      row.append(cell);
    });
    return row;
  }

  // Rows that stay in view stay in place: a click that began on one would be lost with it.
  function roll() {
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - 8);
    const last = Math.min(rows.length, first + Math.ceil(grid.clientHeight / ROW) + 16);
    for (const [index, row] of drawn) {
      if (index >= first && index < last) continue;
      row.remove();
      drawn.delete(index);
    }
    let below = null;
    for (let index = last - 1; index >= first; index--) {
      if (!drawn.has(index)) {
        drawn.set(index, drawnRow(index));
        body.insertBefore(drawn.get(index), below);
      }
      below = drawn.get(index);
    }
    if (find("here")) grid.setAttribute("aria-activedescendant", "here");
    else grid.removeAttribute("aria-activedescendant");
  }

  function draw() {
    drawn.clear();
    body.replaceChildren();
    roll();
    locate();
  }

  function locate() {
    const chosen = rows[here.row];
    const column = columns[here.column];
    find("where").textContent =
      chosen && column !== undefined
        ? `${hosts[chosen[0]][0]} · ${requirements[column][1]} · ${words[letter(chosen[0], column)] ?? "not asked"}`
        : "";
  }

  function named(list, name, ...values) {
    const value = make("dd");
    value.append(...values);
    list.append(make("dt", name), value);
  }

  function explain() {
    const chosen = rows[here.row];
    const column = columns[here.column];
    if (!chosen || column === undefined) {
      detail.replaceChildren(make("p", "Nothing is shown that could be explained.", "muted"));
      return;
    }
    const [host, alike] = chosen;
    const [id, title, section, sentence, reading, ours] = requirements[column];
    const seen = letter(host, column);
    const [name, roles, addresses, at] = hosts[host];
    const facts = document.createElement("dl");
    const verdict = make("p");
    verdict.append(make("strong", words[seen] ?? "not asked", `v ${seen}`));
    const parts = [make("h3", title), verdict];
    parts.push(make("p", `${name} (${[...roles, ...addresses].join(", ")})`, "hosts"));
    if (seen) {
      const [, summary, remedy, known] = answers[cells[host][column]];
      const by = accepted.get(`${host},${column}`);
      if (by) parts.push(make("p", by, "by"));
      parts.push(make("p", told(summary, host)));
      const what = told(remedy, host);
      if (what && seen !== "M") {
        const fix = make("p", "", "remedy");
        fix.append(make("b", "What to do: "), what);
        parts.push(fix);
      }
      parts.push(make("h3", "How do we know"));
      const list = document.createElement("ul");
      for (const index of known) {
        const [statement, origin, excerpt] = evidence[index];
        const item = make("li", told(statement, host) + " ");
        if (texts[origin]) item.append(make("span", told(origin, host), "source"));
        if (texts[excerpt]) item.append(make("pre", told(excerpt, host)));
        list.append(item);
      }
      parts.push(known.length ? list : make("p", "Nothing was seen."));
      named(facts, "Collected (UTC)", (collected.get(`${host},${column}`) ?? at) || "not recorded");
    } else {
      parts.push(make("p", "The requirement does not speak of a host of this role, or it was not planned."));
    }
    named(facts, ours ? "Source: ours" : `The document, ${section}`, ours ? sentence : make("q", sentence));
    if (reading) named(facts, "How we read it", reading);
    named(facts, "Requirement", make("code", id));
    if (alike > 1) {
      named(facts, "The row also stands for", `${alike - 1} hosts alike; untick "one row for hosts alike" to see each`);
    }
    detail.replaceChildren(...parts, facts);
    detail.scrollTop = 0;
  }

  function reveal() {
    const y = here.row * ROW;
    const height = grid.clientHeight - top.offsetHeight;
    if (y < grid.scrollTop) grid.scrollTop = y;
    else if (y + ROW > grid.scrollTop + height) grid.scrollTop = y + ROW - height;
    const fixed = top.firstChild.offsetWidth;
    const x = here.column * ROW;
    if (x < grid.scrollLeft) grid.scrollLeft = x;
    else if (x + ROW > grid.scrollLeft + grid.clientWidth - fixed) grid.scrollLeft = x + ROW - grid.clientWidth + fixed;
  }

  function go(row, column) {
    const clamp = (value, length) => Math.max(0, Math.min(length - 1, value));
    here = { row: clamp(row, rows.length), column: clamp(column, columns.length) };
    reveal();
    draw();
    if (open) explain();
  }

  function show() {
    open = true;
    explain();
  }

  let frame = 0;
  grid.addEventListener("scroll", () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(roll);
  });
  grid.addEventListener("click", (event) => {
    const { row, column } = event.target.dataset;
    if (row === undefined) return;
    go(Number(row), Number(column));
    show();
  });
  grid.addEventListener("keydown", (event) => {
    const { row, column } = here;
    const page = Math.max(1, Math.floor((grid.clientHeight - top.offsetHeight) / ROW) - 1);
    const moves = {
      ArrowDown: [row + 1, column],
      ArrowUp: [row - 1, column],
      ArrowRight: [row, column + 1],
      ArrowLeft: [row, column - 1],
      PageDown: [row + page, column],
      PageUp: [row - page, column],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? rows.length : row, columns.length],
    };
    if (event.key in moves) go(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") {
      show();
      detail.focus();
    } else return;
    event.preventDefault();
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key === "Escape") grid.focus();
  });
  find("filters").addEventListener("input", filter);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("reset", () => setTimeout(filter));
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
  });

  note.hidden = true;
  find("explorer").hidden = false;
  filter();
  document.documentElement.dataset.ready = Math.round(performance.now());
  if (globalThis.crypto?.subtle) {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(source));
    const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    find("digest-checked").textContent = hex === find("digest").textContent ? "(checked: matches)" : "(DOES NOT MATCH)";
  }
})();
