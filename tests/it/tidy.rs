//! The tree's own rules, each as a table and one test that reads the tree.
//!
//! Source: the design's layout and the house style. A rule is broken for a reason or not at all: the
//! reason stands beside the exception here, where a reader of the rule finds it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use toml::Table;

/// Each crate, and those of ours that it may name.
const ARROWS: [(&str, &[&str]); 5] = [
    ("ledger", &[]),
    ("margin", &["ledger"]),
    ("custody", &["ledger"]),
    ("api", &["custody", "ledger", "margin"]),
    ("tests", &["api", "custody", "ledger", "margin"]),
];

/// All that may lie at the top.
const TOP_LEVEL: [&str; 23] = [
    ".cargo",
    ".ci",
    ".config",
    ".dockerignore",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "api",
    "clippy.toml",
    "custody",
    "deny.toml",
    "ledger",
    "margin",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Names that say nothing of what is inside.
const NAMELESS: [&str; 9] =
    ["common", "helper", "helpers", "manager", "misc", "shared", "stuff", "util", "utils"];

/// Lines of a source file without its tests.
const LINES_MAX: usize = 400;

/// Longer files: path, and why it is one idea all the same.
const LONGER: [(&str, &str); 0] = [];

/// Code that knows nothing of the world around it: what it computes rests on its arguments alone.
const PURE: [&str; 6] = [
    "margin/src/",
    "ledger/src/apply/",
    "ledger/src/breaker/",
    "ledger/src/call/",
    "ledger/src/csa/",
    "ledger/src/valuation/",
];

/// Where floating point may stand in `margin`: option formulas, and the statistics of a back-test.
const FLOATING: [&str; 2] = ["margin/src/pricing/", "margin/src/backtest"];

/// The world: clocks, files, sockets, threads, chance.
const WORLD: [&str; 11] = [
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "getrandom",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "tokio",
];

/// Folders of one machine, which no other has; a temporary folder is asked for, not named. They end
/// with a slash because `"/root"` is also a JSON pointer. (In halves, so that this file names none.)
const MACHINE_FOLDERS: [&str; 5] = [
    concat!("/", "home/"),
    concat!("/", "mnt/"),
    concat!("/", "root/"),
    concat!("/", "tmp/"),
    concat!("/", "work/"),
];

/// What is written down in order to be done later. (In halves, so that this file holds none.)
const LEFT_OPEN: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];

#[test]
fn dependency_arrows_are_these_and_no_others() {
    let mut offences = Vec::new();
    for (name, may_name) in ARROWS {
        let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
        let named = dependencies(&manifest(name)).into_iter().map(|(dependency, _)| dependency);
        let named: BTreeSet<String> = named.filter(|dependency| ours.contains(dependency.as_str())).collect();
        if named.iter().map(String::as_str).ne(may_name.iter().copied()) {
            offences.push(format!("{name} names {named:?}, not {may_name:?}"));
        }
    }
    none("dependency arrows", &offences);
}

#[test]
fn versions_and_lints_come_from_the_workspace() {
    let mut offences = Vec::new();
    let workspace = &manifest(".")["workspace"];
    let members: Vec<&str> =
        workspace["members"].as_array().expect("a list").iter().filter_map(toml::Value::as_str).collect();
    if members != ARROWS.map(|(name, _)| name) {
        offences.push(format!("the workspace has the members {members:?}"));
    }
    for (name, _) in ARROWS {
        let manifest = manifest(name);
        for (dependency, value) in dependencies(&manifest) {
            if !inherits(&value) || ["version", "path", "git"].iter().any(|key| value.get(key).is_some()) {
                offences.push(format!("{name}: {dependency} = {value}"));
            }
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !manifest["package"].get(key).is_some_and(inherits) {
                offences.push(format!("{name}: package.{key}"));
            }
        }
        if !manifest.get("lints").is_some_and(inherits) {
            offences.push(format!("{name}: lints"));
        }
    }
    none("not taken from the workspace's table", &offences);
}

#[test]
fn nothing_else_lies_at_the_top() {
    let tops: BTreeSet<&str> = TREE.files.iter().map(|file| file.parts().next().expect("a name")).collect();
    let unknown: Vec<&str> =
        tops.into_iter().filter(|top| *top != "tests" && !TOP_LEVEL.contains(top)).collect();
    none("unknown at the top level", &unknown);
}

#[test]
fn files_and_folders_have_names_that_mean_something() {
    let mut offences = Vec::new();
    for file in TREE.files.iter().filter(|file| file.is_code()) {
        for part in file.parts() {
            let stem = part.split('.').next().unwrap_or(part);
            if NAMELESS.contains(&stem) {
                offences.push(format!("{}: {stem}", file.path));
            }
        }
        let name = file.name();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let snake = stem.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !file.path.ends_with(".ts") && !snake {
            offences.push(format!("{}: not lower snake_case", file.path));
        }
    }
    none("ill-named", &offences);
}

#[test]
fn source_files_stay_short() {
    let mut offences = Vec::new();
    for file in TREE.files.iter().filter(|file| file.path.ends_with(".rs") && !file.is_test()) {
        let lines = file.code().count();
        if lines > LINES_MAX && LONGER.iter().all(|(path, _)| *path != file.path) {
            offences.push(format!("{}: {lines} lines without its tests", file.path));
        }
    }
    for (path, reason) in LONGER {
        let file = TREE.files.iter().find(|file| file.path == path);
        if file.is_none_or(|file| file.code().count() <= LINES_MAX) {
            offences.push(format!("{path} needs no exception any more ({reason})"));
        }
    }
    none("longer than 400 lines: split by concept", &offences);
}

#[test]
fn pure_code_names_nothing_of_the_world() {
    let pure = TREE.files.iter().filter(|file| PURE.iter().any(|folder| file.path.starts_with(folder)));
    let mut offences = Vec::new();
    for file in pure.filter(|file| file.path.ends_with(".rs") && !file.is_test()) {
        for (number, line) in file.code().filter(|(_, line)| !is_comment(line)) {
            let names = WORLD.iter().filter(|name| has_word(line, name));
            offences.extend(names.map(|name| format!("{}:{number}: {name}", file.path)));
        }
    }
    none("pure code that names a clock, a file, a socket, a thread or chance", &offences);
}

#[test]
fn floating_point_stays_where_it_is_rounded() {
    let elsewhere = |file: &&Source| {
        file.path.starts_with("margin/src/") && !FLOATING.iter().any(|place| file.path.starts_with(place))
    };
    let mut offences = Vec::new();
    for file in TREE.files.iter().filter(elsewhere) {
        for (number, line) in file.code().filter(|(_, line)| !is_comment(line)) {
            let names = ["f32", "f64", "libm"].into_iter().filter(|name| has_word(line, name));
            offences.extend(names.map(|name| format!("{}:{number}: {name}", file.path)));
        }
    }
    none("floating point outside margin::pricing", &offences);
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let mut offences = Vec::new();
    for folder in MACHINE_FOLDERS {
        let lines = TREE.lines_with(folder).filter(|(_, _, line)| names_folder(line, folder));
        offences.extend(lines.map(|(file, number, _)| format!("{}:{number}: {folder}", file.path)));
    }
    none("folders of one machine", &offences);
}

#[test]
fn nothing_is_left_open_in_the_text() {
    let mut offences = Vec::new();
    for mark in LEFT_OPEN {
        let lines = TREE.lines_with(mark).filter(|(_, _, line)| has_word(line, mark));
        offences.extend(lines.map(|(file, number, _)| format!("{}:{number}: {mark}", file.path)));
    }
    none("left open: do it, or open an issue", &offences);
}

#[test]
fn a_silenced_lint_says_why() {
    let mut offences = Vec::new();
    for file in TREE.files.iter().filter(|file| file.path.ends_with(".rs")) {
        for opening in ["#[allow", "#[expect", "#![allow", "#![expect"] {
            let needle = format!("{opening}(");
            for (at, _) in file.text.match_indices(&needle) {
                let attribute = file.text[at..].split("]\n").next().unwrap_or_default();
                let line_start = file.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                if !attribute.contains("reason = \"") && !is_comment(&file.text[line_start..at]) {
                    let number = file.text[..at].matches('\n').count() + 1;
                    offences.push(format!("{}:{number}: {attribute}", file.path));
                }
            }
        }
    }
    none("a lint silenced without a reason", &offences);
}

/// Some vectors and prices may be read beside the tree but not copied into it.
#[test]
fn nothing_of_the_shared_folder_is_copied() {
    let shared = TREE.root.join("../shared");
    let mut theirs = Vec::new();
    walk(&shared.join("samples"), "", &mut theirs);
    walk(&shared.join("data"), "", &mut theirs);
    if theirs.is_empty() {
        println!("skipped: ../shared not present");
    }
    let theirs: BTreeSet<&str> = theirs.iter().map(|path| name_of(path)).collect();
    let ours = TREE.files.iter().filter(|file| !file.path.ends_with(".md") && theirs.contains(file.name()));
    let copied: Vec<&str> = ours.map(|file| file.path.as_str()).collect();
    none("named as a file of ../shared that may not be copied", &copied);
}

/// What the tests read, once.
struct Tree {
    root: PathBuf,
    files: Vec<Source>,
}

/// A file of text in the tree; others are not looked at.
struct Source {
    /// From the root, with `/`.
    path: String,
    text: String,
}

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned();
    let mut paths = tracked(&root);
    if paths.is_empty() {
        walk(&root, "", &mut paths);
    }
    let read = |path: String| Some(Source { text: fs::read_to_string(root.join(&path)).ok()?, path });
    let files = paths.into_iter().filter_map(read).collect();
    Tree { root: root.clone(), files }
});

impl Tree {
    /// Numbered lines that hold a text, of all files but those that a program writes.
    fn lines_with(&self, needle: &str) -> impl Iterator<Item = (&Source, usize, &str)> {
        let files =
            self.files.iter().filter(move |file| file.name() != "Cargo.lock" && file.text.contains(needle));
        let lines = |file| (1..).zip(Source::lines(file)).map(move |(number, line)| (file, number, line));
        files.flat_map(lines).filter(move |(_, _, line)| line.contains(needle))
    }
}

impl Source {
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.path.split('/')
    }

    fn name(&self) -> &str {
        name_of(&self.path)
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    fn is_code(&self) -> bool {
        [".rs", ".py", ".ts", ".js", ".sh"].iter().any(|ending| self.path.ends_with(ending))
    }

    fn is_test(&self) -> bool {
        self.parts().any(|part| part == "tests" || part == "tests.rs")
    }

    /// Numbered lines up to the test module that ends the file, if one does.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.match_indices("#[cfg(test)]\nmod ").find(|(at, attribute)| {
            let rest = &self.text[at + attribute.len()..];
            rest.lines().next().is_some_and(|line| line.ends_with('{'))
        });
        let end = tests.map_or(self.text.len(), |(at, _)| at);
        (1..).zip(self.text[..end].lines())
    }
}

/// What git tracks; nothing where there is no git, or no repository.
fn tracked(root: &Path) -> Vec<String> {
    let git = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output();
    let listed = git.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let listed = String::from_utf8(listed.unwrap_or_default()).expect("paths are UTF-8");
    listed.split_terminator('\0').map(str::to_owned).collect()
}

/// All files below a folder that exist, but not what a build or a run leaves behind.
fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().expect("paths are UTF-8");
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if [".git", "target", "__pycache__", "node_modules"].contains(&name.as_str()) {
            continue;
        }
        if entry.path().is_dir() {
            walk(root, &path, paths);
        } else {
            paths.push(path);
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn manifest(folder: &str) -> Table {
    let path = TREE.root.join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Of every kind, and of every platform.
fn dependencies(manifest: &Table) -> Vec<(String, toml::Value)> {
    let platforms =
        manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(Table::values);
    let tables = platforms.filter_map(toml::Value::as_table).chain([manifest]);
    let kinds = |table: &Table| {
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        kinds.map(|kind| table.get(kind).and_then(toml::Value::as_table).cloned().unwrap_or_default())
    };
    tables.flat_map(kinds).flatten().collect()
}

fn inherits(value: &toml::Value) -> bool {
    value.get("workspace").and_then(toml::Value::as_bool) == Some(true)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Whether the line has the word with no letter, digit or `_` beside its ends.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let after = line[at + word.len()..].chars().next();
        !line[..at].ends_with(joins) && (word.ends_with('(') || !after.is_some_and(joins))
    })
}

/// Whether the line names this folder of the root, not one of the same name further down.
fn names_folder(line: &str, folder: &str) -> bool {
    let further_down = |c: char| c.is_alphanumeric() || "._-~$)}*".contains(c);
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(further_down))
}

fn none(what: &str, offences: &[impl AsRef<str>]) {
    let list: Vec<&str> = offences.iter().map(AsRef::as_ref).collect();
    assert!(list.is_empty(), "{what}:\n  {}", list.join("\n  "));
}

#[test]
fn a_folder_of_the_root_is_told_from_others() {
    for (text, want) in [
        ("see /srv/x", true),
        ("\"/srv/\"", true),
        ("file:///srv/x", true),
        ("a/srv/x", false),
        ("$dir/srv/x", false),
        ("../srv/", false),
        ("see /srv", false),
    ] {
        assert_eq!(names_folder(text, "/srv/"), want, "{text}");
    }
}
