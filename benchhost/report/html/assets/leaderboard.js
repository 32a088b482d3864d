/* The leaderboard: one row per condition and method, from data/leaderboard.js. */
(function () {
  "use strict";
  const { element, hole, number, options, table } = window.benchhost;
  const data = window.benchhost_leaderboard;
  const [PAGE, TASK, LEVEL, DATASET, METHOD, RANK, CELLS, TIME, OK, ALL, PROTOCOL] = Array(11).keys();
  const $ = (id) => document.getElementById(id);
  const distinct = (place) => [...new Set(data.rows.map((row) => row[place]))];

  options($("task"), distinct(TASK));
  options($("dataset"), distinct(DATASET));
  options($("method"), distinct(METHOD));

  const text = (title, place, extra) => ({
    title,
    value: (row) => row[place],
    fill: (cell, row) => cell.append(row[place]),
    ...extra,
  });

  function score(title, place) {
    return {
      title,
      numeric: true,
      first: title.endsWith("↓") ? 1 : -1,
      value: (row) => (row[CELLS][place] ? number(row[CELLS][place][0]) : NaN),
      fill(cell, row) {
        if (!row[CELLS][place]) return;
        const [printed, spread, marks, style, reason] = row[CELLS][place];
        if (style) cell.classList.add(style);
        if (number(printed) !== number(printed)) {
          cell.append(hole(printed, reason), marks);
          return;
        }
        const tag = { best: "strong", second: "u" }[style];
        cell.append(tag ? element(tag, {}, printed) : printed);
        if (spread) cell.append(element("span", { class: "sd" }, ` ± ${spread}`));
        if (marks) cell.append(element("span", { class: "count", title: reason || null }, ` ${marks}`));
      },
    };
  }

  const columns = [
    text("method", METHOD, { head: true }),
    text("task", TASK),
    text("level", LEVEL),
    {
      ...text("data set", DATASET),
      fill: (cell, row) =>
        cell.append(element("a", { href: `pages/${data.pages[row[PAGE]]}.html` }, row[DATASET])),
    },
    { ...text("rank", RANK, { numeric: true }), value: (row) => number(row[RANK]) },
    ...data.columns.map(score),
    {
      title: "time [s]",
      numeric: true,
      value: (row) => number(row[TIME]),
      fill: (cell, row) => cell.append(row[TIME] === "~" ? "" : row[TIME]),
    },
    {
      title: "images",
      numeric: true,
      first: -1,
      value: (row) => row[OK] / row[ALL],
      fill: (cell, row) => cell.append(row[OK] === row[ALL] ? String(row[ALL]) : `${row[OK]}/${row[ALL]}`),
    },
    text("protocol", PROTOCOL),
  ];

  function keep(row) {
    const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const line = `${row[TASK]} ${row[LEVEL]} ${row[DATASET]} ${row[METHOD]}`.toLowerCase();
    return (
      words.every((word) => line.includes(word)) &&
      (!$("task").value || row[TASK] === $("task").value) &&
      (!$("dataset").value || row[DATASET] === $("dataset").value) &&
      (!$("method").value || row[METHOD] === $("method").value) &&
      (!$("holes").checked || row[OK] < row[ALL])
    );
  }

  const drawn = table({
    table: $("leaderboard"),
    pager: $("leaderboard-pager"),
    count: $("leaderboard-count"),
    rows: data.rows,
    noun: "row",
    columns,
    keep,
  });
  for (const id of ["find", "task", "dataset", "method", "holes"]) $(id).addEventListener("input", drawn.refresh);
})();
