//! The language server in an editor that is not ours: Neovim's own client, without a screen.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use hpol_support::process::workspace_binary;
use serde_json::{Value, json};

const NAMES: &str = "package orders\n\nconnection orders_db = postgres \"orders-prod\"\n\n/// People's programs.\ngroup agents = subject.groups has \"agents\"\n";
const RULES: &str = "package orders\n\nrule read \"Reads\" {\n    satisfies AC-3\n    on orders_db\n    when sql.verbs within [select] and subject.id != \"😀\" and agnets\n    allow\n}\n";

#[test]
fn neovim_shows_mends_renames_and_formats() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::write(root.join("names.hpol"), NAMES).unwrap();
    std::fs::write(root.join("rules.hpol"), RULES).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("neovim/session.lua");
    let output = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-n", "-i", "NONE"])
        .arg("-c")
        .arg(format!("luafile {}", script.display()))
        .env("HPOL", workspace_binary("hpol").unwrap())
        .env("POLICY", &root)
        .env("XDG_STATE_HOME", &root)
        .env("XDG_CACHE_HOME", &root)
        .stdin(Stdio::null())
        .output()
        .expect("Neovim is there; `cargo xtask setup` installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let said: BTreeMap<String, Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|line| {
            (
                line["what"].as_str().unwrap_or("").to_owned(),
                line["value"].clone(),
            )
        })
        .collect();
    assert_eq!(said.get("done"), Some(&json!(true)), "{text}\n{complaints}");
    assert_eq!(
        said["diagnostics"],
        json!([{ "line": 5, "message": "there is no group or fact `agnets`\nhelp: did you mean `agents`?", "code": "HP0101" }])
    );
    assert_eq!(said["marked"], json!(["agnets"]));
    assert_eq!(
        said["mended"],
        json!(["    when sql.verbs within [select] and subject.id != \"😀\" and agents"])
    );
    let hover = said["hover"].to_string();
    assert!(
        hover.contains("group agents = ") && hover.contains("People's programs."),
        "{hover}"
    );
    assert_eq!(
        said["definition"],
        json!({ "line": 5, "file": "names.hpol" })
    );
    assert_eq!(
        said["renamed"],
        json!(["    when sql.verbs within [select] and subject.id != \"😀\" and robots"])
    );
    assert_eq!(said["wrong after the rename"], json!(0));
    assert_eq!(
        said["formatted"],
        json!([
            "    satisfies AC-3",
            "    on    orders_db",
            "    when  sql.verbs within [select] and subject.id != \"😀\" and robots",
            "    allow",
        ])
    );
    assert_eq!(said["wrong after the formatting"], json!(0));
    assert_eq!(said["symbols"], json!(["orders", "read"]));
}
