-- One session of Neovim with the language server: what its own client makes of the answers, as one line of JSON each.
-- Run with HPOL (the program) and POLICY (the folder); the last line says "done".

local folder = vim.env.POLICY
local patience = 60000

local function say(what, value)
  io.stdout:write(vim.json.encode({ what = what, value = value }) .. "\n")
end

local function fail(why)
  io.stdout:write(vim.json.encode({ what = "failed", value = why }) .. "\n")
  vim.cmd("cquit 1")
end

local client = vim.lsp.start_client({
  name = "hpol",
  cmd = { vim.env.HPOL, "lsp" },
  root_dir = folder,
  -- What is asked for is then about the text as it is, in other buffers too.
  flags = { debounce_text_changes = 0 },
  workspace_folders = { { uri = vim.uri_from_fname(folder), name = "policy" } },
})
if not client then
  fail("the client did not start")
end

-- Also the buffers that a rename opens.
vim.api.nvim_create_autocmd("BufRead", {
  pattern = "*.hpol",
  callback = function(args) vim.lsp.buf_attach_client(args.buf, client) end,
})
vim.cmd("edit " .. folder .. "/rules.hpol")
local buffer = vim.api.nvim_get_current_buf()

local function wait_for(what, holds)
  if not vim.wait(patience, holds, 10) then
    fail("waited too long for " .. what)
  end
end

local function messages()
  return vim.tbl_map(function(found)
    return { line = found.lnum, message = found.message, code = found.code }
  end, vim.diagnostic.get(buffer))
end

local function ask(method, params)
  local answers = vim.lsp.buf_request_sync(buffer, method, params, patience)
  local answer = answers and answers[client]
  if not answer or answer.err then
    fail(method .. ": " .. vim.inspect(answer))
  end
  return answer.result
end

-- What the server says of the text as it is now. The messages that it sends by itself may still be those of an older one.
local function diagnostics()
  return ask("textDocument/diagnostic", { textDocument = vim.lsp.util.make_text_document_params() }).items
end

-- A line with a letter outside of the Basic Multilingual Plane before the mistake, so that columns are put to the test.
wait_for("the first diagnostics", function() return #messages() == 1 end)
say("diagnostics", messages())

local found = vim.diagnostic.get(buffer)[1]
say("marked", vim.api.nvim_buf_get_text(buffer, found.lnum, found.col, found.end_lnum, found.end_col, {}))

vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
local params = vim.lsp.util.make_range_params()
params.context = { diagnostics = {}, only = { "quickfix" } }
local actions = ask("textDocument/codeAction", params)
vim.lsp.util.apply_workspace_edit(actions[1].edit, "utf-16")
wait_for("the mended text to be right", function() return #messages() == 0 end)
say("mended", vim.api.nvim_buf_get_lines(buffer, found.lnum, found.lnum + 1, true))

local hover = ask("textDocument/hover", vim.lsp.util.make_position_params())
say("hover", vim.lsp.util.convert_input_to_markdown_lines(hover.contents))

local definition = ask("textDocument/definition", vim.lsp.util.make_position_params())
say("definition", { line = definition.range.start.line, file = vim.fn.fnamemodify(vim.uri_to_fname(definition.uri), ":t") })

local rename = vim.lsp.util.make_position_params()
rename.newName = "robots"
vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", rename), "utf-16")
say("renamed", vim.api.nvim_buf_get_lines(buffer, found.lnum, found.lnum + 1, true))
say("wrong after the rename", #diagnostics())

local edits = ask("textDocument/formatting", vim.lsp.util.make_formatting_params())
vim.lsp.util.apply_text_edits(edits, buffer, "utf-16")
say("formatted", vim.api.nvim_buf_get_lines(buffer, 3, -2, true))
say("wrong after the formatting", #diagnostics())

local symbols = ask("textDocument/documentSymbol", { textDocument = vim.lsp.util.make_text_document_params() })
say("symbols", vim.tbl_map(function(symbol) return symbol.name end, symbols))

say("done", true)
vim.lsp.stop_client(client)
vim.cmd("qall!")
