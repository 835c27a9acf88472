// The tournament's page: tables that sort, the payoff table's orders, and films opened in place.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);

  // Tables ---------------------------------------------------------------------------------------

  function valueOf(row, column) {
    const cell = row.cells[column];
    const given = cell.dataset.value;
    if (given === undefined) return cell.textContent;
    return given === "" ? null : Number(given);
  }

  function compare(a, b) {
    if (a === null || b === null) return (a === null) - (b === null); // the undefined last
    return typeof a === "number" ? a - b : a.localeCompare(b);
  }

  for (const table of document.querySelectorAll("table.sorts")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const first = head.dataset.first || "descending";
        const other = first === "descending" ? "ascending" : "descending";
        const now = before === first ? other : first;
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", now);
        const sign = now === "ascending" ? 1 : -1;
        const rows = [...table.tBodies[0].rows];
        rows.sort((x, y) => {
          const [a, b] = [valueOf(x, column), valueOf(y, column)];
          return a === null || b === null ? compare(a, b) : sign * compare(a, b);
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  // The payoff table -----------------------------------------------------------------------------

  const map = document.getElementById("payoff-map");
  const { agents, mean, half, count, orders } = data;
  const films = new Map(data.films.map((f) => [f.pair.join(), f]));
  const without = new Map(data.without.map(([i, j, why]) => [`${i},${j}`, why]));
  let rows = orders[0].order.slice();
  let columns = rows.slice();

  function filmOf(i, j) {
    return films.get(i < j ? `${i},${j}` : `${j},${i}`);
  }

  function number(x) {
    return x === null ? "–" : Number(x.toPrecision(4)).toString().replace("-", "−");
  }

  const table = map.querySelector("table");
  const byPlace = [...table.tBodies[0].rows];
  const cells = new Map(); // "i,j" -> td
  const rowOf = new Map();
  byPlace.forEach((row) => {
    rowOf.set(Number(row.dataset.agent), row);
    for (const cell of row.querySelectorAll("td")) {
      cells.set(`${row.dataset.agent},${cell.dataset.column}`, cell);
    }
  });
  const heads = new Map(
    [...table.tHead.rows[0].querySelectorAll("th[data-agent]")].map((h) => [Number(h.dataset.agent), h]));

  function arrange() {
    table.tHead.rows[0].append(...columns.map((j) => heads.get(j)));
    for (const i of rows) rowOf.get(i).append(...columns.map((j) => cells.get(`${i},${j}`)));
    table.tBodies[0].append(...rows.map((i) => rowOf.get(i)));
  }

  function unmark() {
    for (const th of table.querySelectorAll("th[aria-sort]")) th.removeAttribute("aria-sort");
  }

  const select = document.getElementById("payoff-order");
  select.addEventListener("change", () => {
    rows = orders[Number(select.value)].order.slice();
    columns = rows.slice();
    unmark();
    arrange();
  });

  function sortBy(head, value, set) {
    const now = head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
    unmark();
    head.setAttribute("aria-sort", now);
    const sign = now === "ascending" ? 1 : -1;
    const sorted = orders[0].order.slice();
    sorted.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return x === null || y === null ? compare(x, y) : sign * (x - y);
    });
    set(sorted);
    arrange();
  }

  for (const [j, head] of heads) {
    head.querySelector("button").addEventListener("click", () =>
      sortBy(head, (i) => mean[i][j], (order) => { rows = order; }));
  }
  for (const [i, row] of rowOf) {
    const head = row.querySelector("th");
    head.querySelector("button").addEventListener("click", () =>
      sortBy(head, (j) => mean[i][j], (order) => { columns = order; }));
  }

  // A pairing, with its film ---------------------------------------------------------------------

  const panel = document.getElementById("pairing");
  let player = null;

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function open(i, j) {
    if (player) { player.remove(); player = null; }
    for (const cell of table.querySelectorAll("td.chosen")) cell.classList.remove("chosen");
    cells.get(`${i},${j}`).classList.add("chosen");
    panel.replaceChildren(element("h3", i === j ? `${agents[i]}, against or with itself`
      : `${agents[i]} and ${agents[j]}`));
    const interval = half[i][j] === null ? "" : ` ± ${number(half[i][j])}`;
    const other = i === j ? "" : `; ${agents[j]}: ${number(mean[j][i])}`;
    panel.append(element("p", `Mean return of ${agents[i]}: ${number(mean[i][j])}${interval}${other}. ` +
      `${count[i][j]} paired episodes.`));
    const film = filmOf(i, j);
    if (!film) {
      const why = without.get(i < j ? `${i},${j}` : `${j},${i}`) || "they have not met";
      panel.append(element("p", `No sample replay of this pairing is in the page: ${why}.`, "faint"));
      return;
    }
    const cut = film.shown < film.length ? `its first ${film.shown} of ${film.length} steps` : "whole";
    panel.append(element("p", `A sample episode, seed ${film.seed}, ${cut}. Seats: ` +
      film.agents.join(", ") + ".", "faint"));
    if (film.file) {
      const line = element("p", "The whole of it, with every seat's view: ", "faint");
      line.append(element("span", `arenas replay ${film.file}`, "command"));
      panel.append(line);
    }
    const root = element("div", undefined, "film");
    panel.append(root);
    player = ArenasPlayer.mount(root, [document.getElementById(film.id).textContent]);
    panel.scrollIntoView({ block: "start", behavior: "auto" });
  }

  map.addEventListener("click", (event) => {
    const cell = event.target.closest("td[data-column]");
    if (cell) open(Number(cell.parentNode.dataset.agent), Number(cell.dataset.column));
  });

  // One cell can be reached by Tab, the others from it by arrows.
  map.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td[data-column]");
    if (!cell) return;
    const i = rows.indexOf(Number(cell.parentNode.dataset.agent));
    const j = columns.indexOf(Number(cell.dataset.column));
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      open(rows[i], columns[j]);
      event.preventDefault();
    } else if (step) {
      const next = cells.get(`${rows[i + step[0]]},${columns[j + step[1]]}`);
      if (next) {
        cell.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
      event.preventDefault();
    }
  });

  for (const button of document.querySelectorAll("button[data-open]")) {
    button.addEventListener("click", () => open(...button.dataset.open.split(",").map(Number)));
  }
})();
