/* A table over data: sorted, filtered and shown a page at a time, so that 5,000 rows cost no more than fifty. */
(function () {
  "use strict";
  const { element } = window.benchhost;
  const SIZES = [50, 100, 250];
  const collator = new Intl.Collator(undefined, { numeric: true });

  /* Numbers by size, texts by the alphabet; what is missing (null, NaN) stays last in either direction. */
  function compare(a, b, direction) {
    const noA = a === null || a !== a;
    const noB = b === null || b !== b;
    if (noA || noB) return noA - noB;
    return direction * (typeof a === "number" ? a - b : collator.compare(a, b));
  }

  /* The number that a printed text shows. */
  window.benchhost.number = function (text) {
    if (text === "∞") return Infinity;
    if (text === "−∞") return -Infinity;
    return text === "~" || text === "" ? NaN : Number(text);
  };

  /*
   * columns: {title, numeric, first (1 or -1: direction of the first click), value(row), fill(cell, row), head, quiet}.
   * keep(row): whether a filter lets the row through.  Returns {refresh, setColumns}.
   */
  window.benchhost.table = function ({ table, pager, count, columns, rows, keep, noun }) {
    const state = { column: -1, direction: 1, page: 0, size: SIZES[0], found: rows };
    const head = table.tHead;
    const body = table.tBodies[0];

    function drawHead() {
      const line = element("tr");
      columns.forEach((column, place) => {
        const sorted = place === state.column;
        const button = element("button", { type: "button", class: "sort" }, column.title);
        button.addEventListener("click", () => sortBy(place));
        const order = state.direction === 1 ? "ascending" : "descending";
        const classes = [column.numeric ? "num" : "", column.quiet ? "muted" : ""].join(" ").trim();
        line.append(
          element("th", { scope: "col", class: classes || null, "aria-sort": sorted ? order : null }, button),
        );
      });
      const focused = head.contains(document.activeElement)
        ? [...head.querySelectorAll("button")].indexOf(document.activeElement)
        : -1;
      head.replaceChildren(line);
      if (focused >= 0 && head.querySelectorAll("button")[focused]) head.querySelectorAll("button")[focused].focus();
    }

    function sortBy(place) {
      const first = columns[place].first || 1;
      if (state.column !== place) Object.assign(state, { column: place, direction: first });
      else if (state.direction === first) state.direction = -first;
      else Object.assign(state, { column: -1, direction: 1 }); // third click: the order of the run again
      refresh();
    }

    function refresh() {
      state.found = rows.filter(keep);
      const column = columns[state.column];
      if (column) {
        const keyed = state.found.map((row, place) => [column.value(row), place, row]);
        keyed.sort((a, b) => compare(a[0], b[0], state.direction) || a[1] - b[1]);
        state.found = keyed.map((entry) => entry[2]);
      }
      state.page = 0;
      drawHead();
      draw();
    }

    function draw() {
      const start = state.page * state.size;
      const shown = state.found.slice(start, start + state.size);
      body.replaceChildren(
        ...shown.map((row) => {
          const line = element("tr");
          for (const column of columns) {
            const cell = element(column.head ? "th" : "td", { scope: column.head ? "row" : null });
            if (column.numeric) cell.className = "num";
            column.fill(cell, row);
            line.append(cell);
          }
          return line;
        }),
      );
      const total = state.found.length;
      const of = total === rows.length ? "" : ` of ${rows.length}`;
      count.textContent = `${total}${of} ${noun}${rows.length === 1 ? "" : "s"}`;
      drawPager(total);
    }

    function drawPager(total) {
      const last = Math.max(0, Math.ceil(total / state.size) - 1);
      pager.hidden = rows.length <= SIZES[0];
      const go = (text, name, page) => {
        const button = element("button", { type: "button", "aria-label": name, disabled: page < 0 || page > last }, text);
        button.addEventListener("click", () => {
          state.page = page;
          draw();
          pager.querySelector(`[aria-label="${name}"]:not(:disabled)`)?.focus();
        });
        return button;
      };
      const sizes = element("select");
      window.benchhost.options(sizes, SIZES.map((size) => [size, String(size)]));
      sizes.value = state.size;
      sizes.addEventListener("change", () => {
        Object.assign(state, { size: Number(sizes.value), page: 0 });
        draw();
        pager.querySelector("select").focus();
      });
      const start = total ? state.page * state.size + 1 : 0;
      const end = Math.min(total, (state.page + 1) * state.size);
      pager.replaceChildren(
        go("«", "First page", state.page ? 0 : -1),
        go("‹", "Previous page", state.page - 1),
        element("span", { class: "where" }, `${start}–${end} of ${total}`),
        go("›", "Next page", state.page + 1),
        go("»", "Last page", state.page < last ? last : last + 1),
        element("label", {}, "Rows ", sizes),
      );
    }

    refresh();
    return {
      refresh,
      setColumns(changed) {
        columns = changed;
        refresh();
      },
    };
  };
})();
