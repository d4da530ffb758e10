//! What the tasks need beside Rust: finds what is missing, installs it through apt as root, and otherwise says what to install.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use hpol_support::{postgres, process};

/// Something a task needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// PostgreSQL's parser is C.
    Compiler,
    /// Its binding is generated with libclang.
    Clang,
    /// The server the gateway fronts.
    Postgres,
    /// The HTTP client.
    Curl,
    /// psycopg and the HTTP server of tests.
    Python,
    /// The certified OIDC provider of the tests, and a client of PostgreSQL.
    Node,
    /// The JDBC client, which runs from source.
    Java,
    /// PostgreSQL's JDBC driver.
    Jdbc,
    /// An editor that speaks to the language server.
    Neovim,
}

/// Where Debian's package puts the JDBC driver.
pub(crate) const JDBC_DRIVER: &str = "/usr/share/java/postgresql.jar";

/// All there is: what the tests need.
pub(crate) const ALL: [Need; 9] = [
    Need::Compiler,
    Need::Clang,
    Need::Postgres,
    Need::Curl,
    Need::Python,
    Need::Node,
    Need::Java,
    Need::Jdbc,
    Need::Neovim,
];

/// What the quickstart needs.
pub(crate) const QUICKSTART: [Need; 5] = [
    Need::Compiler,
    Need::Clang,
    Need::Postgres,
    Need::Curl,
    Need::Python,
];

/// Makes sure that all of `needs` is there.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages())
        .copied()
        .collect();
    if !process::is_root() || !on_path("apt-get") {
        bail!(
            "missing: {}\ninstall it and try again; on Debian or Ubuntu:\n  sudo apt-get install {}",
            missing
                .iter()
                .map(|need| need.what())
                .collect::<Vec<_>>()
                .join(", "),
            packages.join(" ")
        );
    }
    println!("installing {}", packages.join(" "));
    apt(&["update", "-qq"])?;
    apt(&[
        &["install", "-y", "-qq", "--no-install-recommends"],
        packages.as_slice(),
    ]
    .concat())?;
    let missing = self::missing(needs);
    if !missing.is_empty() {
        let names = missing
            .iter()
            .map(|need| need.what())
            .collect::<Vec<_>>()
            .join(", ");
        bail!("still missing after the installation: {names}");
    }
    Ok(())
}

impl Need {
    fn what(self) -> &'static str {
        match self {
            Need::Compiler => "a C compiler",
            Need::Clang => "libclang",
            Need::Postgres => "a PostgreSQL server with psql",
            Need::Curl => "curl",
            Need::Python => "Python 3 with venv",
            Need::Node => "Node.js 18 or newer with npm",
            Need::Java => "a JDK, 11 or newer",
            Need::Jdbc => "PostgreSQL's JDBC driver",
            Need::Neovim => "Neovim 0.7 or newer",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Need::Compiler => &["gcc", "libc6-dev", "make"],
            Need::Clang => &["libclang-dev"],
            Need::Postgres => &["postgresql", "postgresql-client"],
            Need::Curl => &["curl", "ca-certificates"],
            Need::Python => &["python3", "python3-venv"],
            Need::Node => &["nodejs", "npm"],
            Need::Java => &["default-jdk-headless"],
            Need::Jdbc => &["libpostgresql-jdbc-java"],
            Need::Neovim => &["neovim"],
        }
    }

    fn is_there(self) -> bool {
        match self {
            Need::Compiler => on_path("cc"),
            Need::Clang => has_libclang(),
            Need::Postgres => postgres::find_bin().is_ok() && on_path("psql"),
            Need::Curl => on_path("curl"),
            Need::Python => {
                on_path("python3") && succeeds("python3", &["-c", "import venv, ensurepip"])
            }
            Need::Java => succeeds("java", &["--list-modules"]) && on_path("javac"),
            Need::Jdbc => Path::new(JDBC_DRIVER).exists(),
            Need::Neovim => succeeds(
                "nvim",
                &["--headless", "-u", "NONE", "+lua assert(vim.lsp)", "+qa"],
            ),
            Need::Node => {
                on_path("npm")
                    && succeeds(
                        "node",
                        &[
                            "-e",
                            "process.exit(process.versions.node.split('.')[0] >= 18 ? 0 : 1)",
                        ],
                    )
            }
        }
    }
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs
        .iter()
        .copied()
        .filter(|need| !need.is_there())
        .collect()
}

fn has_libclang() -> bool {
    let mut folders: Vec<PathBuf> = std::env::var_os("LIBCLANG_PATH")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    folders.extend(
        entries("/usr/lib")
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("-linux-gnu")),
    );
    folders.extend(entries("/usr/lib").into_iter().map(|path| path.join("lib")));
    folders.iter().any(|folder| {
        entries(folder).iter().any(|path| {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            (name.starts_with("libclang.so") || name.starts_with("libclang-"))
                && !name.starts_with("libclang-cpp")
                && name.contains(".so")
        })
    })
}

fn entries(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    process::check(&mut command)
        .context("apt-get could not install what is missing")
        .map(|_| ())
}
