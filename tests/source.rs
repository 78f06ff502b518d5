//! Reads the sources: layers import downwards only, the engine owns no clock and does no I/O, caps live in one file.

use std::fs;
use std::path::{Path, PathBuf};

/// What each layer of the engine may import of the crate, beside itself and the plain types.
const LAYERS: &[(&str, &[&str])] = &[
    ("packet", &[]),
    ("limits", &[]),
    ("counters", &[]),
    ("index", &[]),
    ("slots", &["index"]),
    ("lru", &["index", "slots"]),
    ("memo", &["index"]),
    ("options", &[]),
    ("address", &[]),
    ("decode", &[]),
    ("stream", &["decode", "http", "tls"]),
    ("http", &["decode", "tls"]),
    ("tls", &["decode"]),
    ("catalog", &["record"]),
    ("record", &["catalog", "http"]),
    ("cors", &["http", "record", "catalog", "findings"]),
    ("findings", &["http", "record", "catalog", "cors", "address"]),
    ("engine", &["decode", "stream", "http", "cors", "record", "findings"]),
];

/// Types that every layer may use.
const PLAIN: &[&str] = &["packet", "limits", "counters", "lru", "memo", "index", "options"];

/// What would bring a clock, threads or I/O into the engine.
const FORBIDDEN: &[&str] =
    &["Instant::now", "SystemTime", "std::fs", "std::thread", "tokio", "sqlx", "std::net::Tcp", "std::process"];

fn rust_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a readable folder") {
            rust_files(&entry.expect("an entry").path(), found);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        found.push(path.to_owned());
    }
}

fn files_of(layer: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    rust_files(&src.join(layer), &mut found);
    let file = src.join(format!("{layer}.rs"));
    if file.exists() {
        found.push(file);
    }
    assert!(!found.is_empty(), "layer {layer} has no source");
    found
}

/// The source without its tests: those may use what they like.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a readable source");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests") || path.parent().is_some_and(|p| p.ends_with("tests"))
}

#[test]
fn each_layer_imports_only_what_lies_below_it() {
    for (layer, below) in LAYERS {
        for path in files_of(layer).iter().filter(|p| !is_test_file(p)) {
            for (at, _) in code(path).match_indices("crate::") {
                let text = code(path);
                let rest = &text[at + "crate::".len()..];
                let used: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let fine = used == *layer || PLAIN.contains(&&*used) || below.contains(&&*used);
                assert!(fine, "{} imports crate::{used}", path.display());
            }
        }
    }
}

#[test]
fn the_engine_owns_no_clock_and_does_no_io() {
    for (layer, _) in LAYERS {
        for path in files_of(layer).iter().filter(|p| !is_test_file(p)) {
            for word in FORBIDDEN {
                assert!(!code(path).contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn every_limit_has_its_line_of_help() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/limits.rs")).expect("limits.rs");
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if line.starts_with("    pub ") {
            // attributes may stand between
            let before = lines[..i].iter().rev().find(|l| !l.trim_start().starts_with("#[")).expect("a line before it");
            assert!(before.trim_start().starts_with("///"), "no help for {line}");
        }
    }
}
