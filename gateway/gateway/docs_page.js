// Renders /openapi.json without anything from elsewhere, so that it works offline and under a strict CSP.
"use strict";

const methods = ["get", "post", "put", "patch", "delete"];

function element(tag, attributes, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

function resolve(api, node) {
  let found = node;
  for (let depth = 0; found && found.$ref && depth < 10; depth += 1) {
    found = found.$ref.slice(2).split("/").reduce((at, key) => at && at[key], api);
  }
  return found || {};
}

// A schema as an example-like outline; deep enough to read, shallow enough to end.
function outline(api, schema, depth = 0) {
  const found = resolve(api, schema || {});
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum.join(" | ");
  const some = found.anyOf || found.oneOf || found.allOf;
  if (some) {
    const parts = some.map((part) => outline(api, part, depth));
    const plain = parts.filter((part) => part !== "null");
    if (plain.length === 1) return plain[0];
    return parts.every((part) => typeof part === "string") ? parts.join(" | ") : plain[0];
  }
  if (depth > 6) return "…";
  if (found.type === "array") return [outline(api, found.items, depth + 1)];
  if (found.type === "object" || found.properties) {
    const entries = Object.entries(found.properties || {});
    return Object.fromEntries(entries.map(([name, part]) => [name, outline(api, part, depth + 1)]));
  }
  return found.format || found.type || "any";
}

function content(api, holder) {
  const media = Object.entries((resolve(api, holder).content) || {});
  return media.map(([type, body]) => element("div", {},
    element("code", { textContent: type }),
    body.schema ? element("pre", { textContent: JSON.stringify(outline(api, body.schema), null, 2) }) : ""));
}

function details(api, operation, shared) {
  const inside = element("div", { className: "inside" });
  if (operation.description) inside.append(element("p", { textContent: operation.description }));
  const parameters = [...(shared || []), ...(operation.parameters || [])].map((one) => resolve(api, one));
  if (parameters.length) {
    inside.append(element("table", {}, ...parameters.map((one) => element("tr", {},
      element("td", {}, element("code", { textContent: one.name })),
      element("td", { textContent: `${one.in}${one.required ? ", required" : ""}` }),
      element("td", { textContent: one.description || String(JSON.stringify(outline(api, one.schema))) })))));
  }
  if (operation.requestBody) inside.append(element("h4", { textContent: "Body" }), ...content(api, operation.requestBody));
  for (const [status, answer] of Object.entries(operation.responses || {})) {
    const known = resolve(api, answer);
    if (answer.$ref && answer.$ref.endsWith("/EdgeProblem")) continue;
    inside.append(element("h4", { textContent: `${status} ${known.description || ""}` }), ...content(api, answer));
  }
  return inside;
}

function render(api, words) {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of methods.filter((name) => item[name])) {
      const operation = item[method];
      const text = `${method} ${path} ${operation.summary || ""}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      const tag = (operation.tags || ["other"])[0];
      const wanted = operation.security || [];
      const lock = wanted.length === 0 ? "public" : wanted.some((one) => Object.keys(one).length === 0) ? "token optional" : "token";
      const row = element("details", {}, element("summary", {},
        element("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
        element("code", { textContent: path }),
        element("span", { textContent: operation.summary || "" }),
        element("span", { className: "lock", textContent: lock })));
      row.addEventListener("toggle", () => {
        if (row.open && row.children.length === 1) row.append(details(api, operation, item.parameters));
      });
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(row);
    }
  }
  const list = document.getElementById("list");
  list.replaceChildren(...[...groups].flatMap(([tag, rows]) => [element("h2", { textContent: tag }), ...rows]));
  if (!groups.size) list.textContent = "Nothing matches.";
}

fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
  const filter = document.getElementById("filter");
  const show = () => render(api, filter.value.toLowerCase().split(/\s+/).filter(Boolean));
  filter.addEventListener("input", show);
  show();
}).catch((error) => { document.getElementById("list").textContent = `The document cannot be read: ${error}`; });
