//! Tells Zed how to start `hpol lsp`. What the server answers is the matter of the compiler.

use zed_extension_api::{
    self as zed, settings::LspSettings, Command, LanguageServerId, Result, Worktree,
};

struct Hpol;

impl zed::Extension for Hpol {
    fn new() -> Self {
        Hpol
    }

    /// The program that the settings name (`lsp.hpol.binary.path`), otherwise the one on the `PATH`.
    fn language_server_command(
        &mut self,
        _server: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Command> {
        let chosen = LspSettings::for_worktree("hpol", worktree)?.binary;
        let (path, arguments) =
            chosen.map_or((None, None), |binary| (binary.path, binary.arguments));
        let command = path
            .or_else(|| worktree.which("hpol"))
            .ok_or("`hpol` is not on the PATH; build it with `cargo build --release -p hpol-cli`, or name it in the settings as `lsp.hpol.binary.path`")?;
        Ok(Command {
            command,
            args: arguments.unwrap_or_else(|| vec!["lsp".to_owned()]),
            env: worktree.shell_env(),
        })
    }
}

zed::register_extension!(Hpol);
