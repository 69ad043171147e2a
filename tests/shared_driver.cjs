// Playwright's driver for many clients at once, each with a socket: what `cli.js run-driver` does on its pipes.
// Chromium is launched once for the same arguments; a client has contexts of its own in it, and closing the
// browser closes these. It ends with its standard input.
const net = require("net");
const [package, descriptor] = process.argv.slice(2);
require(`${package}/lib/bootstrap`);
const { server } = require(`${package}/lib/coreBundle`);

const keepers = new Map(); // what a browser is launched with -> promise of the dispatcher that launched it

function serve(socket) {
  const connection = new server.DispatcherConnection();
  const ends = [];
  let replacer;
  const root = new server.RootDispatcher(connection, async (scope, params) => {
    if (!params.supportsLoneSurrogates)
      replacer = (_, value) => (typeof value === "string" ? value.toWellFormed() : value);
    const playwright = server.createPlaywright({ sdkLanguage: params.sdkLanguage, isClientCollocatedWithServer: true });
    const dispatcher = new server.PlaywrightDispatcher(scope, playwright);
    share(connection.existingDispatcher(playwright.chromium), ends);
    return dispatcher;
  });
  connection.onmessage = (message) => send(socket, JSON.stringify(message, replacer));
  receive(socket, (message) => connection.dispatch(JSON.parse(message)));
  let closing = false;
  const close = async () => {
    if (closing) return;
    closing = true;
    connection.onmessage = () => {};
    await root.stopPendingOperations(new Error("Disconnected")).catch(() => {});
    root._dispose();
    for (const end of ends) await end().catch(() => {});
    socket.end();
  };
  for (const event of ["end", "close", "error"]) socket.on(event, close);
}

// Have `launch` of this client give a browser that is there, with traces where this client wants them.
function share(type, ends) {
  type.launch = async (params, progress) => {
    const { browser, Dispatcher } = await progress.race(launched(params));
    const dispatcher = new Dispatcher(type, browser, { isolateContexts: true });
    const create = dispatcher.newContext.bind(dispatcher);
    dispatcher.newContext = async (options, progress) => {
      const created = await create(options, progress);
      created.context._object.tracing._precreatedTracesDir = params.tracesDir;
      return created;
    };
    const closed = () => dispatcher._disposed || dispatcher._didClose();
    dispatcher.close = async () => {
      await dispatcher.cleanupContexts();
      closed();
    };
    browser.once("disconnected", closed);
    ends.push(async () => {
      browser.off("disconnected", closed);
      await dispatcher.cleanupContexts();
    });
    return { browser: dispatcher };
  };
}

async function launched(params) {
  const args = (params.args ?? []).map((argument) => argument.replace(/MAP (127\.0\.0\.1|localhost):\d+ \1:\d+/g, "EXCLUDE $1"));
  const shared = { ...params, args, tracesDir: undefined };
  const key = JSON.stringify(shared);
  let keeper = keepers.get(key);
  if (!(await keeper?.catch(() => undefined))?._object.isConnected()) {
    if (keeper === keepers.get(key)) keepers.set(key, launch(shared));
    keeper = keepers.get(key);
  }
  const dispatcher = await keeper;
  return { browser: dispatcher._object, Dispatcher: dispatcher.constructor };
}

async function launch(params) {
  const connection = new server.DispatcherConnection();
  const playwright = server.createPlaywright({ sdkLanguage: "python", isClientCollocatedWithServer: true });
  const root = new server.RootDispatcher(connection);
  new server.PlaywrightDispatcher(root, playwright);
  const type = connection.existingDispatcher(playwright.chromium);
  const { browser } = await type.launch(params, server.nullProgress);
  browser._object.options.sdkLanguage = "python";
  return browser;
}

function send(socket, message) {
  const data = Buffer.from(message, "utf-8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length, 0);
  socket.write(length);
  socket.write(data);
}

function receive(socket, onMessage) {
  let data = Buffer.alloc(0);
  socket.on("data", (more) => {
    data = Buffer.concat([data, more]);
    while (data.length >= 4 && data.length >= 4 + data.readUInt32LE(0)) {
      const end = 4 + data.readUInt32LE(0);
      const message = data.toString("utf-8", 4, end);
      data = data.subarray(end);
      setImmediate(() => onMessage(message));
    }
  });
}

const listening = net.createServer({ allowHalfOpen: true }, serve).listen({ fd: Number(descriptor) });
process.stdin.resume();
process.stdin.on("end", async () => {
  listening.close();
  for (const keeper of keepers.values()) await (await keeper.catch(() => undefined))?._object.close(server.nullProgress, {}).catch(() => {});
  process.exit(0);
});
process.on("SIGINT", () => {});
process.on("uncaughtException", (error) => console.error(error)); // of one client: the others go on
