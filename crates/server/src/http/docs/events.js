// Shows `/asyncapi.json`: every frame of the socket, with its members and an
// example. Built of nodes, never of HTML text.
"use strict";

const SPANISH = {
  sends: "El cliente envía",
  receives: "El servidor envía",
  answered: "Respuesta: ",
  member: "Miembro",
  type: "Tipo",
  meaning: "Significado",
  required: "obligatorio",
  example: "Ejemplo",
  schemas: "Esquemas",
  failed: "No se pudo leer /asyncapi.json: ",
};
const ENGLISH = {
  sends: "The client sends",
  receives: "The server sends",
  answered: "Answer: ",
  member: "Member",
  type: "Type",
  meaning: "Meaning",
  required: "required",
  example: "Example",
  schemas: "Schemas",
  failed: "Could not read /asyncapi.json: ",
};
const prefersEnglish = navigator.languages.find((tag) => /^(en|es)\b/.test(tag))?.startsWith("en");
const texts = prefersEnglish ? ENGLISH : SPANISH;

/** An element with attributes and children; a child may be text or null. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text whose `code` is shown as such. */
function prose(name, text) {
  const parts = (text ?? "").split("`");
  return element(
    name,
    {},
    ...parts.map((part, at) => (at % 2 === 1 ? element("code", {}, part) : part)),
  );
}

/** What a `$ref` within the document leads to. */
function follow(root, reference) {
  const steps = reference.slice(2).split("/");
  return steps.reduce(
    (value, step) => value?.[step.replaceAll("~1", "/").replaceAll("~0", "~")],
    root,
  );
}

const lastStep = (reference) => reference.slice(reference.lastIndexOf("/") + 1);

/** A type in words; a named schema becomes a link to it. */
function typeOf(schema) {
  if (schema.$ref) {
    const name = lastStep(schema.$ref);
    return element("a", { href: `#schema-${name}` }, name);
  }
  const choices = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choices) {
    const words = choices.flatMap((choice, at) => (at === 0 ? [typeOf(choice)] : [" | ", typeOf(choice)]));
    return element("span", {}, ...words);
  }
  if (schema.const !== undefined) {
    return element("code", {}, JSON.stringify(schema.const));
  }
  if (schema.enum) {
    return element("code", {}, schema.enum.map((value) => JSON.stringify(value)).join(" | "));
  }
  if (schema.items) {
    return element("span", {}, "[", typeOf(schema.items), "]");
  }
  if (schema.additionalProperties && schema.additionalProperties !== true) {
    return element("span", {}, "{…: ", typeOf(schema.additionalProperties), "}");
  }
  const type = [schema.type ?? "any"].flat().join(" | ");
  return document.createTextNode(schema.format ? `${type} (${schema.format})` : type);
}

/** The members of an object schema, one row each. */
function members(schema) {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) {
    return element("p", {}, typeOf(schema));
  }
  const required = new Set(schema.required ?? []);
  const rows = properties.map(([name, property]) =>
    element(
      "tr",
      {},
      element(
        "td",
        {},
        element("code", {}, name),
        required.has(name) ? element("div", { class: "soft" }, texts.required) : null,
      ),
      element("td", {}, typeOf(property)),
      prose("td", property.description ?? property.oneOf?.find((one) => one.description)?.description),
    ),
  );
  const heads = [texts.member, texts.type, texts.meaning].map((head) => element("th", {}, head));
  return element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
}

function example(value) {
  return element(
    "figure",
    { class: "example" },
    element("figcaption", { class: "soft" }, texts.example),
    element("pre", {}, JSON.stringify(value, null, 2)),
  );
}

/** One frame of the socket, as its operation tells. */
function operation(root, key, operation) {
  const channelMessage = follow(root, operation.messages[0].$ref);
  const message = channelMessage.$ref ? follow(root, channelMessage.$ref) : channelMessage;
  const payload = message.payload.$ref ? follow(root, message.payload.$ref) : message.payload;
  const answers = (operation.reply?.messages ?? []).map((answer) => lastStep(answer.$ref));
  const links = answers.flatMap((answer, at) => [
    at === 0 ? "" : ", ",
    element("a", { href: `#${answer}` }, answer),
  ]);
  return element(
    "section",
    { id: key },
    element("h3", {}, element("code", {}, operation.title ?? key)),
    prose("p", message.description ?? operation.summary),
    links.length === 0 ? null : element("p", { class: "soft" }, texts.answered, ...links),
    members(payload),
    ...(message.examples ?? []).map((one) => example(one.payload)),
  );
}

function group(title, entries) {
  const links = entries.map(([key, entry]) => element("a", { href: `#${key}` }, entry.title ?? key));
  return [element("h2", {}, title), ...links];
}

function show(root) {
  const operations = Object.entries(root.operations);
  const received = operations.filter(([, entry]) => entry.action === "receive");
  const sent = operations.filter(([, entry]) => entry.action === "send");
  const frames = new Set(operations.map(([key]) => key));
  const schemas = Object.entries(root.components.schemas)
    .filter(([name]) => !frames.has(name))
    .map(([name, schema]) => [`schema-${name}`, { ...schema, title: name }]);

  document.getElementById("index").append(
    element("strong", {}, root.info.title),
    ...group(texts.sends, received),
    ...group(texts.receives, sent),
    ...group(texts.schemas, schemas),
  );
  const channels = Object.values(root.channels).map((channel) =>
    element("p", {}, element("code", {}, channel.address), ` · ${channel.title}`),
  );
  document.getElementById("document").append(
    element("h1", {}, `${root.info.title} ${root.info.version}`),
    ...channels,
    prose("p", root.info.description),
    element("h2", {}, texts.sends),
    ...received.map(([key, entry]) => operation(root, key, entry)),
    element("h2", {}, texts.receives),
    ...sent.map(([key, entry]) => operation(root, key, entry)),
    element("h2", {}, texts.schemas),
    ...schemas.map(([id, schema]) =>
      element(
        "section",
        { id },
        element("h3", {}, schema.title),
        prose("p", schema.description),
        members(schema),
      ),
    ),
  );
  // The place that the address names is there only now.
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

async function start() {
  document.documentElement.lang = prefersEnglish ? "en" : "es";
  try {
    const response = await fetch("/asyncapi.json");
    if (!response.ok) {
      throw new Error(`HTTP ${response.status}`);
    }
    show(await response.json());
  } catch (error) {
    document.getElementById("document").append(element("p", { role: "alert" }, texts.failed + error.message));
  }
}

start();
