"use strict";
// Builds the tables of a report from the data in it: sorts, filters, folds. Texts become text, never markup.

const STEP = 100; // rows that are shown at first, and more each time that more are asked for

function make(name, properties, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (key === "text") element.textContent = value;
    else if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function written(column, value) {
  if (value === null) return "-";
  if (column.kind === "word") return column.words[value][0];
  if (column.kind === "number") {
    const digits = { minimumFractionDigits: column.decimals, maximumFractionDigits: column.decimals };
    return value.toLocaleString("en-US", digits);
  }
  return value;
}

// Numbers by size, texts as people sort them; what nobody knows comes last, whichever way.
function comparison(column, place, descending) {
  const sign = descending ? -1 : 1;
  const texts = new Intl.Collator("en", { numeric: true });
  return (a, b) => {
    const [x, y] = [a[place], b[place]];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (column.kind === "text" ? texts.compare(x, y) : x - y);
  };
}

class Table {
  constructor(data, place) {
    this.data = data;
    this.rows = data.rows.map((cells, number) => ({ cells, number, search: null }));
    this.shown = STEP;
    this.classes = data.columns.map((column, number) => this.classOf(column, number));
    this.order = null; // [column, descending]; at first as the rows are
    this.build(place);
    this.update();
  }

  // A column of long texts gets room for them, others leave it.
  classOf(column, number) {
    const isLong = column.kind === "text" && this.data.rows.some((row) => row[number].length > 24);
    return isLong ? `${column.kind} long` : column.kind;
  }

  build(place) {
    const { data } = this;
    const id = `${data.key}-search`;
    this.search = make("input", { type: "search", id, autocomplete: "off", spellcheck: "false", oninput: () => this.reset() });
    const controls = [make("span", { class: "control" }, make("label", { for: id, text: "Find" }), this.search)];
    this.filters = [];
    data.columns.forEach((column, number) => {
      if (!column.filter) return;
      const used = new Set(data.rows.map((row) => row[number]));
      const name = `${data.key}-filter-${number}`;
      const options = column.words.map(([text], word) => used.has(word) && make("option", { value: word, text }));
      const select = make("select", { id: name, onchange: () => this.reset() }, make("option", { value: "", text: "all" }), ...options.filter(Boolean));
      this.filters.push([number, select]);
      controls.push(make("span", { class: "control" }, make("label", { for: name, text: column.title }), select));
    });
    this.status = make("p", { class: "status", role: "status" });
    this.heads = data.columns.map((column, number) =>
      make("th", { scope: "col", class: this.classes[number] }, make("button", { type: "button", text: column.title, onclick: () => this.sort(number) })));
    this.body = make("tbody");
    this.more = make("button", { type: "button", class: "more", onclick: () => this.showMore() });
    const table = make("table", {}, make("caption", { text: data.title }), make("thead", {}, make("tr", {}, ...this.heads)), this.body);
    const region = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": `${data.key}-title` }, table);
    place.replaceChildren(make("div", { class: "controls", role: "search", "aria-label": data.title }, ...controls), this.status, region, this.more);
  }

  // What a row is searched by: made when somebody searches, since most readers do not.
  textOf(row) {
    row.search ??= row.cells.map((value, number) => written(this.data.columns[number], value)).join("\n").toLowerCase();
    return row.search;
  }

  chosen() {
    const wanted = this.search.value.trim().toLowerCase();
    const chosen = this.filters.filter(([, select]) => select.value !== "").map(([number, select]) => [number, Number(select.value)]);
    const rows = this.rows.filter((row) => chosen.every(([number, word]) => row.cells[number] === word) && (!wanted || this.textOf(row).includes(wanted)));
    if (this.order) {
      const [number, descending] = this.order;
      const compare = comparison(this.data.columns[number], number, descending);
      rows.sort((a, b) => compare(a.cells, b.cells));
    }
    return rows;
  }

  sort(number) {
    const same = this.order && this.order[0] === number;
    this.order = [number, same ? !this.order[1] : this.data.columns[number].kind === "number"];
    this.heads.forEach((head, place) => head.removeAttribute("aria-sort"));
    this.heads[number].setAttribute("aria-sort", this.order[1] ? "descending" : "ascending");
    this.reset();
  }

  reset() {
    this.shown = STEP;
    this.update();
  }

  showMore() {
    const first = this.shown;
    this.shown += STEP;
    this.update();
    const next = this.body.querySelectorAll("tr.row")[first]; // whoever came by keyboard goes on at the new rows
    if (next && this.more.hidden) next.querySelector("th").focus();
  }

  update() {
    const rows = this.chosen();
    const shown = rows.slice(0, this.shown);
    this.body.replaceChildren(...shown.map((row) => this.rowOf(row)));
    const count = (number) => number.toLocaleString("en-US");
    const part = shown.length < rows.length ? `first ${count(shown.length)} of ` : "";
    this.status.textContent = rows.length === this.rows.length
      ? `${part}${count(rows.length)} rows`
      : `${part}${count(rows.length)} rows of ${count(this.rows.length)} that fit`;
    this.more.hidden = shown.length === rows.length;
    this.more.textContent = `Show ${count(Math.min(STEP, rows.length - shown.length))} more`;
  }

  rowOf(row) {
    const cells = this.data.columns.map((column, number) => {
      const value = row.cells[number];
      const text = written(column, value);
      if (number === 0) return this.nameOf(row, text);
      if (column.kind === "word" && value !== null) {
        return make("td", {}, make("span", { class: `word ${column.words[value][1]}`, text }));
      }
      return make("td", { class: this.classes[number], text });
    });
    return make("tr", { class: "row" }, ...cells);
  }

  nameOf(row, text) {
    const details = this.data.details[row.number];
    const head = make("th", { scope: "row", tabindex: "-1", class: this.classes[0] });
    if (!details) {
      head.append(make("span", { class: "name", text }));
      return head;
    }
    head.append(make("button", { type: "button", class: "fold", "aria-expanded": "false", text, onclick: (event) => this.fold(event.currentTarget, row, details) }));
    return head;
  }

  fold(button, row, details) {
    const id = `${this.data.key}-details-${row.number}`;
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) {
      button.removeAttribute("aria-controls");
      document.getElementById(id).remove();
      return;
    }
    const parts = details.flatMap(([title, text, isLog]) => [make("h3", { text: title }), make(isLog ? "pre" : "p", { text, ...(isLog ? { tabindex: "0" } : {}) })]);
    const cell = make("td", { colspan: String(this.data.columns.length) }, make("div", { class: "folded" }, ...parts));
    button.closest("tr").after(make("tr", { id, class: "details" }, cell));
    for (const log of cell.querySelectorAll("pre")) log.scrollTop = log.scrollHeight; // how it ended stands last
    button.setAttribute("aria-controls", id);
  }
}

for (const table of JSON.parse(document.getElementById("data").textContent).tables) {
  new Table(table, document.querySelector(`[data-table="${table.key}"]`));
}
