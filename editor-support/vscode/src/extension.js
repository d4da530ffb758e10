// Starts `hpol lsp` and shows what its commands answer. Everything about policies is the server's matter.

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** The scheme of the pages of diagnostic codes, which the server's links use. */
const PAGES = "hpol-explain";

let client;

async function start() {
  const command = vscode.workspace.getConfiguration("hpol").get("path", "hpol");
  const run = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("hpol", "hpol", { run, debug: run }, {
    documentSelector: [{ language: "hpol" }],
    initializationOptions: { explain: true },
    middleware: { executeCommand: show },
  });
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(`hpol: \`${command} lsp\` did not start: ${error.message}. Set hpol.path to the program.`);
  }
}

/** Runs a command on the server, and shows a diagram or a page. */
async function show(command, args, next) {
  const answer = await next(command, args);
  if (answer && answer.svg) {
    const panel = vscode.window.createWebviewPanel("hpol.graph", answer.connection, vscode.ViewColumn.Beside, {});
    panel.webview.html = page(answer.svg);
  } else if (answer && answer.markdown) {
    const uri = vscode.Uri.from({ scheme: PAGES, path: `/${answer.code}.md` });
    await vscode.commands.executeCommand("markdown.showPreview", uri);
  }
  return answer;
}

/** A page that shows one picture and runs nothing. */
function page(svg) {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  const picture = Buffer.from(svg, "utf8").toString("base64");
  return `<!DOCTYPE html><html><head><meta http-equiv="Content-Security-Policy" content="${policy}"></head>` +
    `<body style="background: white"><img alt="" src="data:image/svg+xml;base64,${picture}"></body></html>`;
}

/** The text of a page, from the server. */
async function provideTextDocumentContent(uri) {
  const code = uri.path.replace(/^\//, "").replace(/\.md$/, "");
  const request = { command: "hpol.explain", arguments: [code] };
  const answer = await client.sendRequest("workspace/executeCommand", request);
  return answer.markdown;
}

async function activate(context) {
  context.subscriptions.push(
    vscode.workspace.registerTextDocumentContentProvider(PAGES, { provideTextDocumentContent }),
    vscode.commands.registerCommand("hpol.restart", async () => {
      await deactivate();
      await start();
    }),
  );
  await start();
}

async function deactivate() {
  const running = client;
  client = undefined;
  if (running) {
    await running.stop();
  }
}

module.exports = { activate, deactivate };
